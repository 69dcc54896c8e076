"""One story of an order: placed, paid, invoiced, sent to SDI, answered; and what comes next."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.models import Order, OrderEvent, Payment
from invoicing.timeline import invoice_steps


@dataclass(frozen=True)
class Step:
    """One line. `mark` is done, now, next, warn or stop; `at` is None for what is still to come."""

    title: str
    text: str
    mark: str
    at: datetime | None = None


_MARKS = {"payment_failed": "warn", "payment_flagged": "warn", "invoice_refused": "warn", "cancelled": "stop"}


def order_timeline(order: Order, payment: Payment | None) -> list[Step]:
    """Every step in time, and the next ones of the happy way."""
    steps = [_order_step(event, payment) for event in order.events.order_by("at", "pk")]
    invoice = payment.invoice if payment else None
    if invoice:
        steps += [Step(step.title, step.text, step.mark, step.at) for step in invoice_steps(invoice)]
    steps.sort(key=lambda step: (step.at is None, step.at))
    return steps + _to_come(order, payment)


def _order_step(event: OrderEvent, payment: Payment | None) -> Step:
    text = event.text
    if event.kind == OrderEvent.Kind.PAID and payment:
        confirmed = _("%(card)s, confirmed by the bank (3-D Secure)") % {"card": payment.card}
        text = confirmed if payment.three_d_secure else payment.card
    elif event.kind == OrderEvent.Kind.PAYMENT_FAILED:  # Stripe's own words are for staff, in the back office
        text = _("The card was declined or the bank did not confirm. Nothing has been charged.")
    elif event.kind == OrderEvent.Kind.INVOICE_REFUSED:
        text = _("We are completing the invoice's data and will write to you.")
    elif event.kind == OrderEvent.Kind.PAYMENT_FLAGGED:
        text = _("We are checking the payment and will write to you.")
    return Step(str(OrderEvent.Kind(event.kind).label), text, _MARKS.get(event.kind, "done"), event.at)


def _to_come(order: Order, payment: Payment | None) -> list[Step]:
    if order.status == Order.Status.AWAITING_PAYMENT:
        return [Step(_("Payment"), "", "now"), Step(_("Invoice"), "", "next"), Step(_("Work started"), "", "next")]
    if order.status == Order.Status.PAID:
        invoiced = payment is not None and payment.invoice is not None
        steps = [] if invoiced else [Step(_("Invoice"), "", "now")]
        return [*steps, Step(_("Work started"), _("We write to you within ten working days."), "next")]
    if order.status == Order.Status.PROCESSING:
        return [Step(_("Work completed"), "", "next")]
    return []
