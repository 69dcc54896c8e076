"""The back office's home: today's figures, each with the list it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AccountErasure, DataExport
from billing.models import Order, Payment, StripeEvent
from chatbot.models import Document, QuestionGroup, Ticket, WebPage
from core.models import AuditVerification, ChannelPause, Sweep
from core.templatetags.ui import eur
from invoicing.models import ArchivePackage, Invoice, Mailbox, ReceivedMail
from invoicing.sdi.reasons import in_words
from notifications.models import Mail

_MAILS = 10


@dataclass(frozen=True)
class _Tile:
    """One figure: `count` makes it of `rows`; `query` is what narrows the list of their table to them."""

    label: str
    rows: QuerySet[Any]
    query: str
    count: Callable[[Any], int | str] = QuerySet.count


def figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds `tiles`, what there is, and `alarms`, what should be none: label, figure, link to the rows counted.

    `pec_mails` are the first of those that wait for somebody.

    Of tables that this member of staff may not look at there is no figure either.
    """
    now = timezone.now()
    paid = Payment.objects.filter(status=Payment.Status.SUCCEEDED, flag="")
    orders, invoices = Order.objects.all(), Invoice.objects.all()
    context["tiles"] = _visible(
        request,
        [
            _Tile(_("Paid in all"), paid, "status__exact=succeeded&flagged=no", _sum_of_amounts),
            _Tile(
                _("Orders awaiting payment"), orders.filter(status="awaiting_payment"), "status__exact=awaiting_payment"
            ),
            _Tile(_("Orders to start"), orders.filter(status="paid"), "status__exact=paid"),
            _Tile(_("Open tickets"), Ticket.objects.unfinished(), "unfinished=yes"),
        ],
    )
    context["alarms"] = _visible(
        request,
        [
            _Tile(_("Audit trail broken"), AuditVerification.objects.broken(), "broken=yes"),
            _Tile(_("Payments to check"), Payment.objects.exclude(flag=""), "flagged=yes"),
            _Tile(_("Paid without invoice"), Payment.objects.without_invoice(), "uninvoiced=yes"),
            _Tile(_("Invoices not sent"), invoices.not_sent(), "not_sent=yes"),
            _Tile(_("Invoices rejected by SDI"), invoices.rejected(), "rejected=yes"),
            _Tile(_("Invoices refused by the office"), invoices.refused(), "refused=yes"),
            _Tile(_("Invoices to sign"), invoices.filter(state="to_sign"), "state__exact=to_sign"),
            _Tile(_("Invoices without an answer"), invoices.unanswered().exclude(alerted_at=None), "unanswered=yes"),
            _Tile(_("Invoices nobody has a copy of"), invoices.without_copy(), "without_copy=yes"),
            _Tile(_("Periodic tasks late or failing"), Sweep.objects.troubled(now), "troubled=yes"),
            _Tile(_("Copies of data that failed"), DataExport.objects.failed(), "state__exact=failed"),
            _Tile(_("Deletions of accounts that failed"), AccountErasure.objects.failed(), "state__exact=failed"),
            _Tile(_("Paused channels"), ChannelPause.objects.all(), ""),
            _Tile(_("Pages of the web that failed"), WebPage.objects.failed(), "state__exact=failed"),
            _Tile(_("Archive packages that failed"), ArchivePackage.objects.failed(), "state__exact=failed"),
            _Tile(_("PEC mails to deal with"), ReceivedMail.objects.to_deal_with(), "to_deal_with=yes"),
            _Tile(_("PEC mails not applied"), ReceivedMail.objects.failed(), "state__exact=failed"),
            _Tile(_("PEC mailboxes not read"), Mailbox.objects.exclude(failing_since=None), "unreadable=yes"),
            _Tile(_("Mails given up"), Mail.objects.filter(state="failed"), "state__exact=failed"),
            _Tile(_("Stripe events given up"), StripeEvent.objects.filter(state="failed"), "state__exact=failed"),
            _Tile(_("Tickets overdue"), Ticket.objects.overdue(now), "overdue=yes"),
            _Tile(_("Questions without an answer"), QuestionGroup.objects.to_answer(), "state=open"),
            _Tile(_("Documents that failed"), Document.objects.failed(), "state__exact=failed"),
        ],
    )
    context["pec_mails"] = _pec_mails(request)
    return context


def _pec_mails(request: HttpRequest) -> list[tuple[ReceivedMail, str]]:
    """The PEC mails that wait longest for somebody, without what is in them, and why they do."""
    if not admin.site.get_model_admin(ReceivedMail).has_view_permission(request):
        return []
    mails = ReceivedMail.objects.to_deal_with().defer("content").order_by("received_at", "pk")[:_MAILS]
    return [(mail, in_words(mail)) for mail in mails]


def _sum_of_amounts(payments: QuerySet[Payment]) -> str:
    return eur(payments.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))


def _visible(request: HttpRequest, tiles: list[_Tile]) -> list[dict[str, Any]]:
    visible = (tile for tile in tiles if admin.site.get_model_admin(tile.rows.model).has_view_permission(request))
    return [{"label": tile.label, "figure": tile.count(tile.rows), "url": _list_of(tile)} for tile in visible]


def _list_of(tile: _Tile) -> str:
    options = tile.rows.model._meta
    return f"{reverse(f'admin:{options.app_label}_{options.model_name}_changelist')}?{tile.query}"
