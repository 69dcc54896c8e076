"""Rows of billing that wait for work: each is worked by itself, whatever becomes of the others."""

from typing import Any

import pytest

from billing import tasks
from billing.models import Order
from billing.payments import services as payments
from invoicing.models import Invoice
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
