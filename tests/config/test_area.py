"""The first page of the customer area."""

from typing import Any

import pytest
from django.test import Client

from billing.models import Order
from tests.factories import make_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("newer", [0, 3, 4, 5, 6])
def test_order_to_pay_is_shown_behind_newer_ones(newer: int, customer: Any, customer_client: Client):
    waiting = make_order(customer)
    for _number in range(newer):
        order = make_order(customer)
        order.status = Order.Status.PAID
        order.save()

    context = customer_client.get("/area/").context

    assert context["to_pay"] == [waiting]
    assert len(context["orders"]) == min(newer + 1, 5)
    assert (waiting in context["orders"]) == (newer < 5)
