"""The back office's home: today's figures, each with the list it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AccountErasure, CustomerDocument, DataExport
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
    """One figure: `count` makes it of `rows`; `query` is what narrows the list of their table to them.

    It is for who has the permission `needs`: a figure that wants somebody, for who can do something about it.
    """

    needs: str
    label: str
    rows: QuerySet[Any]
    query: str
    count: Callable[[Any], int | str] = QuerySet.count


def figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds `tiles`, what there is, and `alarms`, what should be none: label, figure, link to the rows counted.

    `pec_mails` are the first of those that wait for somebody.

    Of what this member of staff may not see, or do nothing about, there is no figure.
    """
    context["tiles"] = _visible(request, _tiles())
    context["alarms"] = _visible(request, _alarms(timezone.now()))
    context["pec_mails"] = _pec_mails(request)
    return context


def _tiles() -> list[_Tile]:
    paid, orders = Payment.objects.filter(status=Payment.Status.SUCCEEDED, flag=""), Order.objects.all()
    return [
        _Tile("billing.view_revenue", _("Paid in all"), paid, "status__exact=succeeded&flagged=no", _sum_of_amounts),
        _Tile(
            "billing.view_order",
            _("Orders awaiting payment"),
            orders.filter(status="awaiting_payment"),
            "status__exact=awaiting_payment",
        ),
        _Tile("billing.view_order", _("Orders to start"), orders.filter(status="paid"), "status__exact=paid"),
        _Tile("chatbot.view_ticket", _("Open tickets"), Ticket.objects.unfinished(), "unfinished=yes"),
        _Tile(
            "accounts.view_customerdocument",
            _("Customers’ files to look at"),
            CustomerDocument.objects.to_look_at(),
            "to_look_at=yes",
        ),
    ]


def _alarms(now: datetime) -> list[_Tile]:
    invoices = Invoice.objects.all()
    return [
        _Tile("core.view_auditverification", _("Audit trail broken"), AuditVerification.objects.broken(), "broken=yes"),
        _Tile("billing.advance_order", _("Payments to check"), Payment.objects.exclude(flag=""), "flagged=yes"),
        _Tile(
            "invoicing.issue_invoice", _("Paid without invoice"), Payment.objects.without_invoice(), "uninvoiced=yes"
        ),
        _Tile("invoicing.send_invoice", _("Invoices not sent"), invoices.not_sent(), "not_sent=yes"),
        _Tile("invoicing.issue_invoice", _("Invoices rejected by SDI"), invoices.rejected(), "rejected=yes"),
        _Tile("invoicing.issue_invoice", _("Invoices refused by the office"), invoices.refused(), "refused=yes"),
        _Tile(
            "invoicing.send_invoice", _("Invoices to sign"), invoices.filter(state="to_sign"), "state__exact=to_sign"
        ),
        _Tile(
            "invoicing.send_invoice",
            _("Invoices without an answer"),
            invoices.unanswered().exclude(alerted_at=None),
            "unanswered=yes",
        ),
        _Tile(
            "invoicing.mail_invoice", _("Invoices nobody has a copy of"), invoices.without_copy(), "without_copy=yes"
        ),
        _Tile("core.view_sweep", _("Periodic tasks late or failing"), Sweep.objects.troubled(now), "troubled=yes"),
        _given_up("accounts.retry_dataexport", _("Copies of data that failed"), DataExport),
        _given_up("accounts.retry_accounterasure", _("Deletions of accounts that failed"), AccountErasure),
        _Tile(
            "accounts.withdraw_customerdocument",
            _("Documents whose file is missing"),
            CustomerDocument.objects.without_file(),
            "without_file=yes",
        ),
        _Tile("core.retry_channelpause", _("Paused channels"), ChannelPause.objects.all(), ""),
        _given_up("chatbot.change_webpage", _("Pages of the web that failed"), WebPage),
        _given_up("invoicing.retry_archivepackage", _("Archive packages that failed"), ArchivePackage),
        _Tile(
            "invoicing.settle_receivedmail",
            _("PEC mails to deal with"),
            ReceivedMail.objects.to_deal_with(),
            "to_deal_with=yes",
        ),
        _given_up("invoicing.retry_receivedmail", _("PEC mails not applied"), ReceivedMail),
        _Tile(
            "invoicing.view_mailbox",
            _("PEC mailboxes not read"),
            Mailbox.objects.exclude(failing_since=None),
            "unreadable=yes",
        ),
        _given_up("notifications.retry_mail", _("Mails given up"), Mail),
        _given_up("billing.retry_stripeevent", _("Stripe events given up"), StripeEvent),
        _Tile("chatbot.answer_ticket", _("Tickets overdue"), Ticket.objects.overdue(now), "overdue=yes"),
        _Tile(
            "chatbot.review_answer", _("Questions without an answer"), QuestionGroup.objects.to_answer(), "state=open"
        ),
        _given_up("chatbot.retry_document", _("Documents that failed"), Document),
    ]


def _given_up(needs: str, label: str, queue: Any) -> _Tile:
    return _Tile(needs, label, queue.objects.failed(), "state__exact=failed")


def _pec_mails(request: HttpRequest) -> list[tuple[ReceivedMail, str]]:
    """The PEC mails that wait longest for somebody, without what is in them, and why they do."""
    if not request.user.has_perm("invoicing.settle_receivedmail"):
        return []
    mails = ReceivedMail.objects.to_deal_with().defer("content").order_by("received_at", "pk")[:_MAILS]
    return [(mail, in_words(mail)) for mail in mails]


def _sum_of_amounts(payments: QuerySet[Payment]) -> str:
    return eur(payments.aggregate(sum=Sum("amount"))["sum"] or Decimal(0))


def _visible(request: HttpRequest, tiles: list[_Tile]) -> list[dict[str, Any]]:
    visible = (tile for tile in tiles if request.user.has_perm(tile.needs))
    return [{"label": tile.label, "figure": tile.count(tile.rows), "url": _list_of(tile)} for tile in visible]


def _list_of(tile: _Tile) -> str:
    options = tile.rows.model._meta
    return f"{reverse(f'admin:{options.app_label}_{options.model_name}_changelist')}?{tile.query}"
