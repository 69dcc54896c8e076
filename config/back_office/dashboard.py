"""The back office's home: today's figures, each with the list it counts."""

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AccountErasure, DataExport
from billing.models import Order, Payment, StripeEvent
from chatbot.models import Document, QuestionGroup, Ticket, WebPage
from core.models import ChannelPause, Sweep
from core.templatetags.ui import eur
from invoicing.models import ArchivePackage, Invoice, ReceivedMail
from notifications.models import Mail


def figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 -- unfold's signature
    """Adds `tiles`, what there is, and `alarms`, what should be none: label, figure, link to the rows counted."""
    now = timezone.now()
    paid = Payment.objects.filter(status=Payment.Status.SUCCEEDED, flag="")
    revenue = eur(paid.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))
    orders, invoices = Order.objects.all(), Invoice.objects.all()
    context["tiles"] = [
        _tile(_("Paid in all"), revenue, paid, "status__exact=succeeded&flagged=no"),
        _count(
            _("Orders awaiting payment"), orders.filter(status="awaiting_payment"), "status__exact=awaiting_payment"
        ),
        _count(_("Orders to start"), orders.filter(status="paid"), "status__exact=paid"),
        _count(_("Open tickets"), Ticket.objects.unfinished(), "unfinished=yes"),
    ]
    context["alarms"] = [
        _count(_("Payments to check"), Payment.objects.exclude(flag=""), "flagged=yes"),
        _count(_("Paid without invoice"), Payment.objects.without_invoice(), "uninvoiced=yes"),
        _count(_("Invoices not sent"), invoices.not_sent(), "not_sent=yes"),
        _count(_("Invoices rejected by SDI"), invoices.filter(state="rejected"), "state__exact=rejected"),
        _count(_("Invoices to sign"), invoices.filter(state="to_sign"), "state__exact=to_sign"),
        _count(_("Invoices without an answer"), invoices.unanswered().exclude(alerted_at=None), "unanswered=yes"),
        _count(_("Periodic tasks late or failing"), Sweep.objects.troubled(now), "troubled=yes"),
        _count(_("Copies of data that failed"), DataExport.objects.given_up(), "state__exact=failed"),
        _count(_("Deletions of accounts that failed"), AccountErasure.objects.given_up(), "state__exact=failed"),
        _count(_("Paused channels"), ChannelPause.objects.all(), ""),
        _count(_("Pages of the web that failed"), WebPage.objects.given_up(), "state__exact=failed"),
        _count(_("Archive packages that failed"), ArchivePackage.objects.given_up(), "state__exact=failed"),
        _count(_("PEC mails not applied"), ReceivedMail.objects.given_up(), "state__exact=failed"),
        _count(_("Mails given up"), Mail.objects.filter(state="failed"), "state__exact=failed"),
        _count(_("Stripe events given up"), StripeEvent.objects.filter(state="failed"), "state__exact=failed"),
        _count(_("Tickets overdue"), Ticket.objects.overdue(now), "overdue=yes"),
        _count(_("Questions without an answer"), QuestionGroup.objects.to_answer(), "state=open"),
        _count(_("Documents that failed"), Document.objects.given_up(), "state__exact=failed"),
    ]
    return context


def _count(label: str, rows: QuerySet[Any], query: str) -> dict[str, Any]:
    return _tile(label, rows.count(), rows, query)


def _tile(label: str, figure: int | str, rows: QuerySet[Any], query: str) -> dict[str, Any]:
    changelist = reverse(f"admin:{rows.model._meta.app_label}_{rows.model._meta.model_name}_changelist")
    return {"label": label, "figure": figure, "url": f"{changelist}?{query}"}
