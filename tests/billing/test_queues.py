"""Rows of billing that wait for work: each is worked by itself, whatever becomes of the others."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import tasks
from billing.models import InvoiceRequest, Order, Payment, StripeEvent
from billing.payments import services as payments
from invoicing.models import Invoice
from tests import clock
from tests.conftest import Control
from tests.database import refused_rows
from tests.factories import make_order
from tests.stripe_browser import confirm, deliver

pytestmark = pytest.mark.django_db


def pay_two_orders(customer: Any, stranger: Any, stripe: Control) -> tuple[Order, Order]:
    """Two orders whose events wait in the inbox, the older one first."""
    orders = make_order(customer), make_order(stranger)
    for order in orders:
        confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe)
    return orders


def test_error_on_the_oldest_paid_order_leaves_the_next_one_its_invoice(
    customer: Any, stranger: Any, stripe_stand_in: Control
):
    oldest, next_one = pay_two_orders(customer, stranger, stripe_stand_in)
    tasks.process_due_stripe_events()

    with refused_rows("invoicing_invoice", f"NEW.reference = '{oldest.number}'"):
        tasks.invoice_due_payments()

    assert [invoice.reference for invoice in Invoice.objects.all()] == [next_one.number]


def test_error_on_the_oldest_event_leaves_the_next_one_its_effect(
    customer: Any, stranger: Any, stripe_stand_in: Control
):
    oldest, next_one = pay_two_orders(customer, stranger, stripe_stand_in)

    with refused_rows("billing_orderevent", f"NEW.order_id = {oldest.pk} AND NEW.kind = 'paid'"):
        tasks.process_due_stripe_events()

    statuses = [Order.objects.get(pk=order.pk).status for order in (oldest, next_one)]
    assert statuses == ["awaiting_payment", "paid"]


def test_worker_three_days_fast_dates_nothing_in_the_future(customer: Any, stranger: Any, stripe_stand_in: Control):
    oldest, next_one = pay_two_orders(customer, stranger, stripe_stand_in)
    today = timezone.localdate()
    with clock.at(timezone.now() + timedelta(days=3)):
        payments.process_event(event_id=event_of(oldest))
        tasks.invoice_due_payments()

    tasks.process_due_stripe_events()
    tasks.invoice_due_payments()

    dated = [(invoice.reference, invoice.issue_date) for invoice in Invoice.objects.order_by("pk")]
    assert dated == [(oldest.number, today), (next_one.number, today)]


def test_invoice_is_dated_on_the_payment_however_late_its_event_is_worked_on(customer: Any, stripe_stand_in: Control):
    order = make_order(customer)
    confirm(payments.prepare_payment(order=order).client_secret)
    deliver(stripe_stand_in)
    paid_on = timezone.localdate()

    with clock.at(timezone.now() + timedelta(days=2)):
        tasks.process_due_stripe_events()
        tasks.invoice_due_payments()

    payment = Payment.objects.get()
    assert (timezone.localdate(payment.succeeded_at), payment.invoice.issue_date) == (paid_on, paid_on)


@pytest.mark.parametrize("days", [1, 11, 40])
def test_invoice_issued_later_has_the_day_of_the_payment(days: int, customer: Any, stranger: Any, stripe_stand_in: Any):
    late, _next = pay_two_orders(customer, stranger, stripe_stand_in)
    tasks.process_due_stripe_events()
    paid_at = timezone.now() - timedelta(days=days)
    Payment.objects.filter(order=late).update(succeeded_at=paid_at)
    payments.invoice_payment(payment=Payment.objects.exclude(order=late).get())

    tasks.invoice_due_payments()

    dates = {invoice.reference: invoice.issue_date for invoice in Invoice.objects.all()}
    assert dates == {late.number: timezone.localdate(paid_at), _next.number: timezone.localdate()}


def test_payment_of_tomorrow_waits_for_its_day_and_keeps_nobody_waiting(
    customer: Any, stranger: Any, stripe_stand_in: Control
):
    early, next_one = pay_two_orders(customer, stranger, stripe_stand_in)
    tasks.process_due_stripe_events()
    tomorrow = timezone.localtime() + timedelta(days=1)
    Payment.objects.filter(order=early).update(succeeded_at=tomorrow)

    tasks.invoice_due_payments()
    with clock.at(tomorrow):  # a worker that runs ahead: the database's clock decides
        tasks.invoice_due_payments()

    request = InvoiceRequest.objects.get(payment__order=early)
    assert [invoice.reference for invoice in Invoice.objects.all()] == [next_one.number]
    assert (request.state, request.attempts) == ("pending", 0)
    assert request.next_try_at == tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    assert request.last_error.startswith("00403 ")
    assert not early.events.filter(kind="invoice_refused").exists()


def test_payment_whose_day_has_come_is_invoiced_by_itself(customer: Any, stranger: Any, stripe_stand_in: Control):
    early, _next = pay_two_orders(customer, stranger, stripe_stand_in)
    tasks.process_due_stripe_events()
    payment = Payment.objects.filter(order=early)
    payment.update(succeeded_at=timezone.now() + timedelta(days=1))
    tasks.invoice_due_payments()
    payment.update(succeeded_at=timezone.now())  # as if the day were over

    with clock.at(InvoiceRequest.objects.get(payment__order=early).next_try_at):
        tasks.invoice_due_payments()

    assert payment.get().invoice.issue_date == timezone.localdate()


def test_early_payment_that_is_refused_for_more_than_its_date_is_a_persons(
    customer: Any, stranger: Any, stripe_stand_in: Control
):
    early, _next = pay_two_orders(customer, stranger, stripe_stand_in)
    tasks.process_due_stripe_events()
    Payment.objects.filter(order=early).update(succeeded_at=timezone.now() + timedelta(days=1))
    Order.objects.filter(pk=early.pk).update(vat_number="02764130356")

    tasks.invoice_due_payments()

    assert InvoiceRequest.objects.get(payment__order=early).state == "failed"
    assert Payment.objects.without_invoice().count() == 1


def event_of(order: Order) -> str:
    """The event that tells of the order's success."""
    intent_id = order.payments.get().stripe_payment_intent_id
    events = StripeEvent.objects.filter(type="payment_intent.succeeded", payload__data__object__id=intent_id)
    return str(events.get().pk)
