"""Payments: the intent, the webhook inbox, and what a settled payment sets off.

Only Stripe's events mark an order paid.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing import tasks
from billing.clients import stripe
from billing.clients.stripe_mirror import forget_customer, mirror_event
from billing.models import InvoiceRequest, Order, Payment, StripeCustomer, StripeEvent
from billing.models.orders import IllegalMoveError
from core import audit
from core.clock import database_now
from core.errors import DomainError, PermanentError, TransientError, VendorError
from core.money import from_cents, to_cents
from core.queue import each, work, work_due
from core.tasks import enqueue
from invoicing.fatturapa.draft import InvoiceDraft, Line
from invoicing.fatturapa.draft import Payment as DraftPayment
from invoicing.models import Invoice
from invoicing.services import InvoiceRefusedError, buyer_from, issue_invoice, seller_from_settings
from notifications.services import Recipient, notify

logger = logging.getLogger(__name__)

_STATUSES = {
    "requires_payment_method": Payment.Status.FAILED,
    "requires_confirmation": Payment.Status.CREATED,
    "requires_action": Payment.Status.REQUIRES_ACTION,
    "processing": Payment.Status.PROCESSING,
    "succeeded": Payment.Status.SUCCEEDED,
    "canceled": Payment.Status.CANCELED,
}


class PaymentProviderDownError(DomainError):
    """Stripe cannot be reached or refuses us; nothing was charged."""

    code = "payment_provider_down"
    status = 503
    message = _("The payment service does not answer just now. Nothing has been charged: try again in a few minutes.")


class InvoiceNotIssuedError(DomainError):
    """There is no invoice of this payment, for the reason that its request tells."""

    code = "invoice_not_issued"

    def __init__(self, reason: str) -> None:
        super().__init__(reason or _("This payment cannot be invoiced."))


def prepare_payment(*, order: Order) -> stripe.PaymentIntent:
    """The order's PaymentIntent, made on the first call. The row is written before Stripe is asked.

    Raises `IllegalMoveError` when there is nothing to pay and `PaymentProviderDownError` when Stripe does not answer.
    """
    payment = _begin_payment(order)
    try:
        if payment.stripe_payment_intent_id:
            return stripe.get_payment_intent(payment.stripe_payment_intent_id)
        intent = stripe.create_payment_intent(
            amount_cents=to_cents(payment.amount),
            currency=payment.currency,
            customer_id=_stripe_customer(order.user),
            order_number=order.number,
            email=order.user.email,
            idempotency_key=f"intent-{payment.reference}",
        )
    except VendorError as error:
        logger.warning("order %s: no payment intent: %s", order.number, error)
        raise PaymentProviderDownError from error
    Payment.objects.filter(pk=payment.pk).update(stripe_payment_intent_id=intent.id)
    return intent


def find_intent(order: Order) -> stripe.PaymentIntent | None:
    """The order's PaymentIntent as Stripe has it now, or None when it was not made or Stripe does not answer."""
    payment = order.payments.exclude(status=Payment.Status.CANCELED).exclude(stripe_payment_intent_id="").first()
    try:
        return stripe.get_payment_intent(payment.stripe_payment_intent_id) if payment else None
    except VendorError as error:
        logger.warning("order %s: %s", order.number, error)
        return None


def cancel_order(*, order: Order, actor: User, now: datetime) -> None:
    """Cancel an order that is not paid: first at Stripe, so that a card cannot pay it any more, then here."""
    if not order.is_payable:
        raise IllegalMoveError(order)
    payment = order.payments.exclude(status=Payment.Status.CANCELED).first()
    if payment and payment.stripe_payment_intent_id:
        try:
            stripe.cancel_payment_intent(payment.stripe_payment_intent_id)
        except PermanentError as error:  # paid in this very moment: the webhook will tell
            raise IllegalMoveError(order) from error
        except TransientError as error:
            raise PaymentProviderDownError from error
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        before = locked.status
        locked.move_to(Order.Status.CANCELLED, actor=actor, now=now)
        locked.payments.exclude(status__in=Payment.FINAL).update(status=Payment.Status.CANCELED)
        moved = {"status": [before, str(locked.status)]}
        audit.record(action="order.cancelled", target=locked, actor=actor, changes=moved)


def keep_events(*, events: Sequence[dict[str, Any]], now: datetime) -> int:
    """Put verified events into the inbox, in one statement: all or none. Returns how many were not there before.

    The answers to Stripe wait for this only. Raises `django.db.DataError` when one of them cannot be stored.
    """
    rows = [(event["id"], event["type"][:80], json.dumps(event)) for event in events]
    ids, types, payloads = (list(column) for column in zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO billing_stripeevent (event_id, type, payload, received_at, next_try_at)
            SELECT event_id, type, payload, %s, %s
            FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS event (event_id, type, payload)
            ON CONFLICT DO NOTHING
            """,
            [now, now, ids, types, payloads],
        )
        new: int = cursor.rowcount
    return new


def process_event(*, event_id: str) -> bool:
    """Work on one event of the inbox if it is due and nobody else has it; True when it was.

    Handlers fetch the object as it is now and never believe the event's copy, so order and age do not matter.
    """
    return work(StripeEvent.objects.all(), event_id, _process)


def process_due_events() -> int:
    """Work on what a lost message or a back-off left behind; returns how many were tried."""
    return work_due(StripeEvent.objects.all(), _process, limit=200)


def _process(event: StripeEvent) -> None:
    about = event.payload["data"]["object"]["id"]
    if handler := HANDLERS.get(event.type):
        handler(about, timezone.now())
    if event.type == "customer.deleted":
        event.finish(done_at=timezone.now(), mirror_error="")
        _forget(about)
    else:
        mirror_error = mirror_event(event.payload)
        event.finish(done_at=timezone.now(), mirror_error=mirror_error)


def delete_at_stripe(*, now: datetime) -> int:
    """Delete at Stripe the customers whose accounts are erased; the row goes when Stripe has done it. How many went."""
    return each(
        StripeCustomer.objects.exclude(user__erased_at=None).exclude(user__erased_at__gt=now).order_by("pk"),
        _delete_at_stripe,
    )


def _delete_at_stripe(row: StripeCustomer) -> bool:
    if row.stripe_customer_id:
        stripe.delete_customer(row.stripe_customer_id)
        _forget(row.stripe_customer_id)
    with transaction.atomic():
        audit.record(action="user.deleted_at_stripe", target=row.user)
        row.delete()
    return True


@transaction.atomic
def _forget(stripe_customer_id: str) -> None:
    """Keep nothing of what Stripe told us about a customer it no longer has; the event that says so tells it all."""
    for event in StripeEvent.objects.of_customer(stripe_customer_id):
        event.forget_content()
    forget_customer(stripe_customer_id)


def handle_payment_intent(intent_id: str, now: datetime) -> None:
    """Bring our payment to where Stripe has the intent; a success settles the order, and is never undone."""
    intent = stripe.get_payment_intent(intent_id)
    with transaction.atomic():
        payment = (
            Payment.objects.select_for_update(of=("self",))
            .select_related("order")
            .filter(stripe_payment_intent_id=intent.id)
        ).first()
        if payment is None or payment.status in Payment.FINAL:
            return  # not an order of ours (another system on the same account), or settled already
        status = _STATUSES.get(intent.status)
        if status is None:
            raise ValueError(f"unknown status {intent.status}")
        if status == Payment.Status.SUCCEEDED:
            _settle(payment, intent, now)
        else:
            _note_progress(payment, intent, status, now)


HANDLERS: dict[str, Callable[[str, datetime], None]] = {
    "payment_intent.succeeded": handle_payment_intent,
    "payment_intent.payment_failed": handle_payment_intent,
    "payment_intent.requires_action": handle_payment_intent,
    "payment_intent.processing": handle_payment_intent,
    "payment_intent.canceled": handle_payment_intent,
}


def _note_progress(payment: Payment, intent: stripe.PaymentIntent, status: "Payment.Status", now: datetime) -> None:
    failed_now = status == Payment.Status.FAILED and bool(intent.error)
    if status == Payment.Status.FAILED and not intent.error:
        status = Payment.Status.CREATED  # a fresh intent also "requires a payment method"
    payment.status, payment.error = status, intent.error[:300]
    payment.save(update_fields=["status", "error"])
    if failed_now:
        payment.order.note("payment_failed", actor=None, now=now, text=intent.error)


def _settle(payment: Payment, intent: stripe.PaymentIntent, now: datetime) -> None:
    order = Order.objects.select_for_update().get(pk=payment.order_id)
    # not when the event was worked on: the day of the payment is that of the operation, whatever kept the event
    paid_at = intent.paid_at or database_now()
    payment.status, payment.succeeded_at, payment.error = Payment.Status.SUCCEEDED, paid_at, ""
    payment.card, payment.three_d_secure = intent.card, intent.three_d_secure
    payment.flag = _mismatch(payment, order, intent)
    payment.save(update_fields=["status", "succeeded_at", "error", "card", "three_d_secure", "flag"])
    if payment.flag:
        order.note("payment_flagged", actor=None, now=now, text=payment.flag)
        audit.record(action="payment.flagged", target=order, reason=payment.flag)
        logger.error("payment of %s flagged: %s", order.number, payment.flag)
        return
    order.move_to(Order.Status.PAID, actor=None, now=now, text=intent.card)
    audit.record(action="order.paid", target=order, amount=str(payment.amount))
    notify(to=Recipient.of(order.user), kind="payment_received", context={"order": order, "payment": payment})
    InvoiceRequest.objects.create(payment=payment)
    enqueue(tasks.invoice_payment, payment_id=payment.pk)


def _mismatch(payment: Payment, order: Order, intent: stripe.PaymentIntent) -> str:
    """Why this money does not settle this order, for a person to decide; "" when it does."""
    paid = from_cents(intent.amount_cents)
    if paid != order.gross_amount or intent.currency != payment.currency:
        return f"paid {paid} {intent.currency}, expected {order.gross_amount} {payment.currency}"
    if not order.is_payable:
        return f"the order was {order.status} when the money came"
    return ""


def invoice_payment(*, payment: Payment) -> bool:
    """Issue the invoice that a settled payment is owed, once; True when there was one to issue."""
    request = InvoiceRequest.objects.filter(payment=payment).first()
    return request is not None and work(InvoiceRequest.objects.all(), request.pk, _issue)


def invoice_due() -> int:
    """Issue what a lost message or an error left behind; returns how many were tried."""
    return work_due(InvoiceRequest.objects.all(), _issue, limit=50)


def invoice_again(*, payment: Payment) -> Invoice:
    """Issue at once what could not be issued before; `InvoiceNotIssuedError` says why it still cannot."""
    if not hasattr(payment, "invoice_request"):
        raise InvoiceNotIssuedError("")  # it never settled
    InvoiceRequest.objects.failed().revive(payment.invoice_request.pk)
    invoice_payment(payment=payment)
    payment = Payment.objects.select_related("invoice", "invoice_request").get(pk=payment.pk)
    if payment.invoice is None:
        raise InvoiceNotIssuedError(payment.invoice_request.last_error)
    return payment.invoice


def _issue(request: InvoiceRequest) -> None:
    """A refusal stays on the row until a person has mended the data; one that the day alone mends waits for the day."""
    now = database_now()
    try:
        with transaction.atomic():
            payment = (
                Payment.objects.select_for_update(of=("self",)).select_related("order__user").get(pk=request.payment_id)
            )
            order = payment.order
            payment.invoice = issue_invoice(
                draft=draft_for(payment, now),
                customer=order.user,
                reference=order.number,
                language=order.language,
                today=timezone.localdate(now),
                now=now,
            )
            payment.save(update_fields=["invoice"])
            request.finish()
    except InvoiceRefusedError as error:
        if error.not_before:
            request.give_back(_start_of(error.not_before), last_error=str(error))
            return
        with transaction.atomic():
            request.give_up(str(error))
            request.payment.order.note("invoice_refused", actor=None, now=now, text=str(error))


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def draft_for(payment: Payment, now: datetime) -> InvoiceDraft:
    """The invoice of a paid order, dated on the payment, whenever it is issued.

    For a service the payment is the operation (art. 6, c. 3, DPR 633/1972), and the document has the day of the
    operation when it is sent within twelve days (art. 21, c. 4); later it is late, and of that day all the same.
    """
    order = payment.order
    day = timezone.localdate(payment.succeeded_at or now)
    lines = tuple(
        Line(line.description, Decimal(line.quantity), line.unit_price, order.vat_rate, unit="nr")
        for line in order.lines.order_by("pk")
    )
    return InvoiceDraft(
        document_type="TD01",
        date=day,
        seller=seller_from_settings(),
        buyer=buyer_from(order),
        lines=lines,
        payments=(DraftPayment("MP08", payment.amount, day),),
        notes=f"Ordine {order.number}",
    )


@transaction.atomic
def _begin_payment(order: Order) -> Payment:
    locked = Order.objects.select_for_update().get(pk=order.pk)
    if not locked.is_payable:
        raise IllegalMoveError(locked)
    payment = locked.payments.filter(~Q(status=Payment.Status.CANCELED)).first()
    return payment or Payment.objects.create(
        order=locked, amount=locked.gross_amount, currency=settings.STRIPE_CURRENCY
    )


def _stripe_customer(user: User) -> str:
    row, _created = StripeCustomer.objects.get_or_create(user=user)
    if not row.stripe_customer_id:
        row.stripe_customer_id = stripe.create_customer(
            email=user.email,
            name=user.get_full_name(),
            language=user.language,
            idempotency_key=f"customer-{row.reference}",
        )
        row.save(update_fields=["stripe_customer_id"])
    return row.stripe_customer_id


@transaction.atomic
def retry_event(*, event_id: str) -> bool:
    """A person wants an event worked on once more: a given-up one, or one that the mirror could not take.

    False for one that a worker has in hand.
    """
    if not StripeEvent.objects.revive(event_id):
        return False
    enqueue(tasks.process_stripe_event, event_id=event_id)
    return True
