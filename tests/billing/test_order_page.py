"""What the page of an order says, for each state an order can be in."""

from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from billing.models import Order, Payment
from billing.ordering.page import OrderPage, order_page
from core.web.notices import Notice
from invoicing.models import Invoice
from tests.factories import make_order

HERE = "/area/ordini/ORD-2026-0001/"
REFRESH = (HERE, "Refresh the page")
DRAWER = (
    "SDI could not deliver it to your address: you find the original in the cassetto fiscale of the Agenzia delle "
    "Entrate, and the courtesy copy here."
)


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def page(status: str, payment: str = "", invoice: str = "", code: str = "", **back: bool) -> OrderPage:
    issued = Invoice(number="2026/7", state=invoice, recipient_code=code) if invoice else None
    paid = Payment(status=payment, invoice=issued) if payment else None
    return order_page(
        Order(status=status), paid, has_failed=back.get("has_failed", False), just_paid=back.get("just_paid", False),
        here=HERE,
    )  # fmt: skip


def test_payment_that_failed():
    shown = page("awaiting_payment", "failed", has_failed=True)

    title, text = "The payment did not go through.", "Nothing has been charged. Try another card."
    assert shown.notice == Notice("stop", title, text, is_urgent=True)
    assert (shown.can_pay, shown.waits_for_bank) == (True, False)


@pytest.mark.parametrize(("payment", "just_paid"), [("processing", False), ("created", True)])
def test_bank_that_has_not_answered(payment: str, just_paid: bool):
    shown = page("awaiting_payment", payment, just_paid=just_paid)

    title, text = "We are waiting for the bank’s answer.", "It usually takes a few seconds."
    assert shown.notice == Notice("", title, text, *REFRESH, is_waiting=True)
    assert (shown.can_pay, shown.waits_for_bank) == (False, True)


def test_order_that_awaits_payment():
    shown = page("awaiting_payment")

    text = "The work starts after the payment. If you have just paid, refresh the page."
    assert shown == OrderPage(
        Notice("warn", "The order awaits payment.", text, *REFRESH),
        can_pay=True, waits_for_bank=False, waits_for_invoice=False,
    )  # fmt: skip


def test_paid_order_without_its_invoice():
    shown = page("paid", "succeeded")

    text = "You find it here in a moment, and we send it by mail."
    assert shown == OrderPage(
        Notice("done", "Payment received. The invoice is being prepared.", text, *REFRESH),
        can_pay=False, waits_for_bank=False, waits_for_invoice=True,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["issued", "sending", "sent", "pec_delivered", "send_failed"])
def test_invoice_on_its_way(state: str):
    shown = page("paid", "succeeded", state)

    assert shown == OrderPage(
        Notice("done", "Invoice 2026/7 is on its way to SDI.", "We show every step below.", *REFRESH),
        can_pay=False, waits_for_bank=False, waits_for_invoice=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("paid", "Next step: within ten working days we write to you to start the work."),
        ("processing", "You find its files among the documents on this page."),
        ("completed", "You find its files among the documents on this page."),
    ],
)
def test_invoice_delivered(status: str, text: str):
    shown = page(status, "succeeded", "delivered")

    assert shown.notice == Notice("done", "Invoice 2026/7 has been delivered by SDI.", text)
    assert shown.waits_for_invoice is False


def test_invoice_in_the_tax_drawer():
    shown = page("paid", "succeeded", "made_available")

    assert shown.notice == Notice("warn", "Invoice 2026/7 is in your tax drawer.", DRAWER)
    assert shown.waits_for_invoice is False


@pytest.mark.parametrize("state", ["delivered", "made_available"])
def test_invoice_of_a_customer_abroad(state: str):
    shown = page("paid", "succeeded", state, "XXXXXXX")

    text = "It delivers nothing to customers abroad: the copy for you is here."
    assert shown.notice == Notice("done", "SDI has taken invoice 2026/7.", text)
    assert shown.waits_for_invoice is False


def test_invoice_rejected():
    shown = page("paid", "succeeded", "rejected")

    text = "We correct it within five days; you need not do anything."
    assert shown.notice == Notice("stop", "SDI has rejected invoice 2026/7.", text)


def test_cancelled_order_has_nothing_to_say():
    assert page("cancelled") == OrderPage(None, can_pay=False, waits_for_bank=False, waits_for_invoice=False)


@pytest.mark.django_db
def test_page_prints_what_was_decided(customer: Any, customer_client: Client):
    address = make_order(customer).get_absolute_url()

    placed, failed, back = (
        " ".join(customer_client.get(address + query).content.decode().split())
        for query in ("", "?redirect_status=failed&payment_intent=x", "?redirect_status=succeeded&payment_intent=x")
    )

    signs = ('class="alert alert--warn mid"', 'alert--stop mid" role="alert"', "data-wait-text", "/paga/", "data-hurry")
    assert [[sign in html for sign in signs] for html in (placed, failed, back)] == [
        [True, False, False, True, False],
        [False, True, False, True, False],
        [False, False, True, False, True],
    ]
