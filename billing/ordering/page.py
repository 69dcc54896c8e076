"""The page of an order: how it stands in words, and what its customer can do about it."""

from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from billing.models import Order, Payment
from core.web.notices import Notice
from invoicing.models import Invoice
from invoicing.timeline import invoice_notice


@dataclass(frozen=True)
class OrderPage:
    """An order with an answer to come asks for it: the bank's in seconds, SDI's now and then."""

    notice: Notice | None
    can_pay: bool  # and cancel
    waits_for_bank: bool
    waits_for_invoice: bool


def order_page(order: Order, payment: Payment | None, *, has_failed: bool, just_paid: bool, here: str) -> OrderPage:
    """What stands on the page at `here`; the two flags come with a customer whom Stripe has just sent back."""
    invoice = payment.invoice if payment else None
    waits = just_paid or (payment is not None and payment.status == Payment.Status.PROCESSING)
    return OrderPage(
        notice=_from_bank(has_failed=has_failed, waits=waits, here=here)
        or (_from_sdi(invoice, order) if invoice else None)
        or _under_way(order, invoice, here),
        can_pay=order.is_payable and not waits,
        waits_for_bank=waits,
        waits_for_invoice=order.status == Order.Status.PAID
        and (invoice is None or invoice.state not in Invoice.ANSWERS),
    )


def _from_bank(*, has_failed: bool, waits: bool, here: str) -> Notice | None:
    if has_failed:
        title, text = _("The payment did not go through."), _("Nothing has been charged. Try another card.")
        return Notice("stop", title, text, is_urgent=True)
    if waits:
        title, text = _("We are waiting for the bank’s answer."), _("It usually takes a few seconds.")
        return Notice("", title, text, here, _("Refresh the page"), is_waiting=True)
    return None


def _from_sdi(invoice: Invoice, order: Order) -> Notice | None:
    """The answers a customer hears of; offices of the state have others, which their timeline tells."""
    if invoice.state == Invoice.State.DELIVERED and not invoice.is_abroad:
        title = _("Invoice %(number)s has been delivered by SDI.") % {"number": invoice.number}
        start = _("Next step: within ten working days we write to you to start the work.")
        files = _("You find its files among the documents on this page.")
        return Notice("done", title, start if order.status == Order.Status.PAID else files)
    notice = invoice_notice(invoice)
    if notice is None:
        return None
    titles = {
        Invoice.State.MADE_AVAILABLE: _("Invoice %(number)s is in your tax drawer."),
        Invoice.State.REJECTED: _("SDI has rejected invoice %(number)s."),
    }
    if invoice.is_abroad:
        titles |= dict.fromkeys(map(Invoice.State, Invoice.FILED_ABROAD), _("SDI has taken invoice %(number)s."))
    return replace(notice, title=titles[Invoice.State(invoice.state)] % {"number": invoice.number})


def _under_way(order: Order, invoice: Invoice | None, here: str) -> Notice | None:
    refresh = _("Refresh the page")
    if order.is_payable:
        text = _("The work starts after the payment. If you have just paid, refresh the page.")
        return Notice("warn", _("The order awaits payment."), text, here, refresh)
    if invoice:
        title = _("Invoice %(number)s is on its way to SDI.") % {"number": invoice.number}
        return Notice("done", title, _("We show every step below."), here, refresh)
    if order.status == Order.Status.PAID:
        text = _("You find it here in a moment, and we send it by mail.")
        return Notice("done", _("Payment received. The invoice is being prepared."), text, here, refresh)
    return None
