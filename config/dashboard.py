"""The back office's home: today's figures, each with the list it counts."""

from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.models import Order, Payment, StripeEvent
from chatbot.models import Document
from core.templatetags.ui import eur
from invoicing.models import Invoice
from notifications.models import Mail


def figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds `tiles`: label, figure, link, and whether somebody should look."""
    revenue = Payment.objects.filter(status=Payment.Status.SUCCEEDED, flag="").aggregate(sum=Sum("amount"))["sum"]
    context["tiles"] = [
        _tile(_("Paid in all"), eur(revenue or 0), "billing_payment", "?status__exact=succeeded"),
        _count(_("Orders awaiting payment"), Order.objects.filter(status="awaiting_payment"), "billing_order", "?status__exact=awaiting_payment"),
        _count(_("Orders to start"), Order.objects.filter(status="paid"), "billing_order", "?status__exact=paid"),
        _count(_("Payments to check"), Payment.objects.exclude(flag=""), "billing_payment", "?flagged=yes", alarm=True),
        _count(_("Paid without invoice"), Payment.objects.exclude(invoice_error=""), "billing_payment", "?uninvoiced=yes", alarm=True),
        _count(_("Invoices not sent"), Invoice.objects.filter(state="send_failed"), "invoicing_invoice", "?state__exact=send_failed", alarm=True),
        _count(_("Invoices rejected by SDI"), Invoice.objects.filter(state="rejected"), "invoicing_invoice", "?state__exact=rejected", alarm=True),
        _count(_("Mails given up"), Mail.objects.filter(state="failed"), "notifications_mail", "?state__exact=failed", alarm=True),
        _count(_("Stripe events given up"), StripeEvent.objects.filter(state="failed"), "billing_stripeevent", "?state__exact=failed", alarm=True),
        _count(_("Documents that failed"), Document.objects.filter(status="failed"), "chatbot_document", "?status__exact=failed", alarm=True),
    ]  # fmt: skip
    return context


def _count(label: str, rows: Any, model: str, query: str, *, alarm: bool = False) -> dict[str, Any]:
    count = rows.count()
    return _tile(label, str(count), model, query, alarm=alarm and count > 0)


def _tile(label: str, figure: str, model: str, query: str, *, alarm: bool = False) -> dict[str, Any]:
    return {"label": label, "figure": figure, "url": reverse(f"admin:{model}_changelist") + query, "alarm": alarm}
