"""From the order to the paid order: only Stripe's signed event makes the difference, and it counts once."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import payments
from billing.models import Order, Payment, StripeEvent
from invoicing.models import Invoice
from tests.conftest import Control
from tests.factories import make_order
from tests.stripe_browser import DECLINED, THREE_D_SECURE, confirm, deliver

pytestmark = pytest.mark.django_db


def work_off() -> None:
    """What the worker does with the inbox."""
    payments.process_due_events(now=timezone.now())
    payments.invoice_due(now=timezone.now())


def test_signed_success_event_marks_the_order_paid(customer: Any, client: Client, stripe_stand_in: Control):
    order = make_order(customer)
    intent = payments.prepare_payment(order=order)
    confirm(intent.client_secret)

    statuses = deliver(stripe_stand_in, client)
    work_off()

    order.refresh_from_db()
    payment = Payment.objects.get()
    assert set(statuses) == {200}
    assert (order.status, payment.status, payment.flag) == ("paid", "succeeded", "")
    assert payment.card == "Visa ·· 4242"
    assert Invoice.objects.get().gross_amount == order.gross_amount
