"""What a signed-in customer may ask of their own orders and invoices: tools that read that person's rows alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _

from accounts.models import User
from billing.models import Order
from core.templatetags.ui import eur
from invoicing.models import Invoice

_MOST = 10
_OWN = re.compile(
    r"\b(?:mi[oae]i?|nostr[oaie]|my|our)\s+(?:\w+\s+){0,2}?"
    r"(?:ordin\w+|fattur\w+|pagament\w+|acquist\w+|orders?|invoices?|payments?|purchases?)\b"
    r"|\bORD-\d{4}-\d+|\b(?:fattura|invoice)\s+(?:n\.?\s*)?(?:[A-Z0-9]+/)?\d{4}/\d+"
    r"|\bho (?:ordinato|comprato|pagato)\b|\b(?:have )?i (?:ordered|bought|paid)\b",
    re.IGNORECASE,
)
_NUMBER = {"number": {"type": "string", "description": "The number, if the customer named one."}}
TOOLS: list[dict[str, Any]] = [
    {
        "name": "find_orders",
        "description": "The signed-in customer's own orders with their state, payment and invoice. Read only.",
        "input_schema": {"type": "object", "properties": _NUMBER},
    },
    {
        "name": "find_invoices",
        "description": "The signed-in customer's own invoices (fatture) with their state at SDI. Read only.",
        "input_schema": {"type": "object", "properties": _NUMBER},
    },
]


@dataclass(frozen=True)
class OwnRow:
    """One order or invoice in words, as the model may cite it."""

    title: str
    reference: str
    text: str
    url: str


def is_about_own(question: str, user: User | None) -> bool:
    """Whether a signed-in customer asks about what is theirs, so that the tools are worth offering."""
    return bool(user and user.is_authenticated and _OWN.search(question))


def run(name: str, arguments: Any, user: User | None, language: str) -> list[OwnRow]:
    """The rows a tool gives: of `user` alone, whatever the model asks for; unknown tools give nothing."""
    number = arguments.get("number", "") if isinstance(arguments, dict) else ""
    number = number.strip()[:30] if isinstance(number, str) else ""
    readers: dict[str, Callable[[User | None, str], list[OwnRow]]] = {
        "find_orders": _orders,
        "find_invoices": _invoices,
    }
    if name not in readers:
        return []
    with translation.override(language):
        return readers[name](user, number) or [_nothing(name)]


def _orders(user: User | None, number: str) -> list[OwnRow]:
    orders = Order.objects.visible_to(user).order_by("-created_at", "-pk")
    if number:
        orders = orders.filter(number__iexact=number)
    return [_order(order) for order in orders.prefetch_related("lines")[:_MOST]]


def _order(order: Order) -> OwnRow:
    facts = [
        _("Order %(number)s of %(date)s.") % {"number": order.number, "date": _day(order.created_at)},
        _("State: %(state)s.") % {"state": order.get_status_display()},
        _("Total: %(total)s.") % {"total": eur(order.gross_amount)},
        _("Contents: %(lines)s.") % {"lines": ", ".join(str(line) for line in order.lines.all())},
    ]
    title = _("Your order %(number)s") % {"number": order.number}
    return OwnRow(title, order.number, " ".join(facts), order.get_absolute_url())


def _nothing(name: str) -> OwnRow:
    """That there is nothing is an answer, too."""
    if name == "find_orders":
        return OwnRow(
            _("Your orders"), "orders", _("There is no such order in your account."), reverse("billing:list_orders")
        )
    return OwnRow(
        _("Your invoices"),
        "invoices",
        _("There is no such invoice in your account."),
        reverse("invoicing:list_invoices"),
    )


def _invoices(user: User | None, number: str) -> list[OwnRow]:
    invoices = Invoice.objects.visible_to(user).order_by("-issue_date", "-pk")
    if number:
        invoices = invoices.filter(number__iexact=number)
    return [_invoice(invoice) for invoice in invoices[:_MOST]]


def _invoice(invoice: Invoice) -> OwnRow:
    facts = [
        _("Invoice %(number)s of %(date)s.") % {"number": invoice.number, "date": _day(invoice.issue_date)},
        _("State: %(state)s.") % {"state": invoice.get_state_display()},
        _("Total: %(total)s.") % {"total": eur(invoice.gross_amount)},
    ]
    if invoice.reference:
        facts.append(_("It is about order %(number)s.") % {"number": invoice.reference})
    title = _("Your invoice %(number)s") % {"number": invoice.number}
    return OwnRow(title, invoice.number, " ".join(facts), invoice.get_absolute_url())


def _day(value: Any) -> str:
    return str(formats.date_format(value, "DATE_FORMAT"))
