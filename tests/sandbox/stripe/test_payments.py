"""One-off payments as the stripe SDK drives them: the journey, cards, 3-D Secure, refunds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.frame import StandIn
from sandbox.stripe import StripeStandIn
from tests.sandbox.conftest import Running

RETURN = "https://shop.example/done"
CARD_ONLY = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
PAY = {"amount": 12_200, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa", **CARD_ONLY}


@pytest.fixture
def desk(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(StripeStandIn(tmp_path))


@pytest.fixture
def api(desk: Running) -> Any:
    return stripe.StripeClient(
        desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url}, max_network_retries=0
    ).v1


def event_types(api: Any, **query: Any) -> list[str]:
    """Oldest first."""
    return [event.type for event in reversed(list(api.events.list({"limit": 100, **query}).auto_paging_iter()))]


def card(number: str, **fields: Any) -> dict[str, Any]:
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", **fields}}


# the journey ---------------------------------------------------------------------------------------------------------


def test_one_off_payment_from_customer_to_balance(api: Any):
    customer = api.customers.create({"email": "anna@example.com", "metadata": {"user": "7"}})
    intent = api.payment_intents.create(
        {
            "amount": 12_200,
            "currency": "eur",
            "customer": customer.id,
            "description": "ORD-2026-00001",
            "receipt_email": "anna@example.com",
            "metadata": {"order": "ORD-2026-00001", "0": "digits are keys too"},
        }
    )
    assert (intent.status, intent.payment_method, intent.latest_charge) == ("requires_payment_method", None, None)
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.metadata.to_dict() == {"order": "ORD-2026-00001", "0": "digits are keys too"}

    intent = api.payment_intents.confirm(
        intent.id, {"payment_method_data": card("4242424242424242"), "return_url": RETURN}
    )

    assert (intent.status, intent.amount_received, intent.next_action) == ("succeeded", 12_200, None)
    full = api.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "customer", "payment_method"]}
    )
    charge = full.latest_charge
    assert (charge.status, charge.paid, charge.captured, charge.receipt_email) == (
        "succeeded", True, True, "anna@example.com",
    )  # fmt: skip
    assert (charge.payment_method_details.card.last4, charge.billing_details.name) == ("4242", None)
    fee = charge.balance_transaction.fee
    assert (fee, charge.balance_transaction.net) == (208, 12_200 - 208)
    assert (full.customer.email, full.payment_method.card.brand) == ("anna@example.com", "visa")
    assert event_types(api) == [
        "customer.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]


def test_card_is_kept_when_the_intent_asks_for_it(api: Any):
    customer = api.customers.create()

    intent = api.payment_intents.create({**PAY, "customer": customer.id, "setup_future_usage": "off_session"})

    methods = api.customers.payment_methods.list(customer.id).data
    assert [method.id for method in methods] == [intent.payment_method]
    again = api.payment_intents.create(
        {**PAY, "customer": customer.id, "payment_method": intent.payment_method, "off_session": True}
    )
    assert again.status == "succeeded"


def test_card_that_was_not_kept_serves_once(api: Any):
    intent = api.payment_intents.create(PAY)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.payment_intents.create({**PAY, "payment_method": intent.payment_method})


def test_amount_changes_until_paid(api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur"})

    updated_intent = api.payment_intents.update(intent.id, {"amount": 700, "metadata": {"coupon": "X"}})
    api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN})

    assert (updated_intent.amount, updated_intent.metadata.to_dict()) == (700, {"coupon": "X"})
    with pytest.raises(stripe.InvalidRequestError) as exc_info:
        api.payment_intents.update(intent.id, {"amount": 900})
    assert exc_info.value.code == "payment_intent_unexpected_state"


def test_metadata_is_merged_and_cleared(api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur", "metadata": {"a": "1", "b": "2"}})

    api.payment_intents.update(intent.id, {"metadata": {"a": "", "c": "3"}})

    assert api.payment_intents.retrieve(intent.id).metadata.to_dict() == {"b": "2", "c": "3"}
    assert api.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation", "requires_action"])
def test_open_intent_is_canceled(api: Any, status: str):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur", **CARD_ONLY})
    if status != "requires_payment_method":
        intent = api.payment_intents.update(intent.id, {"payment_method": "pm_card_threeDSecure2Required"})
    if status == "requires_action":
        intent = api.payment_intents.confirm(intent.id)
    assert intent.status == status

    intent = api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert (intent.status, intent.cancellation_reason, intent.next_action) == ("canceled", "abandoned", None)
    assert event_types(api)[-1] == "payment_intent.canceled"
    with pytest.raises(stripe.InvalidRequestError) as exc_info:
        api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert exc_info.value.code == "payment_intent_unexpected_state"


def test_paid_intent_cannot_be_canceled(api: Any):
    intent = api.payment_intents.create(PAY)

    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        api.payment_intents.cancel(intent.id)


def test_manual_capture_takes_part_of_the_amount(api: Any):
    intent = api.payment_intents.create({**PAY, "capture_method": "manual"})
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 12_200, 0)

    capture = api.payment_intents.capture(intent.id, {"amount_to_capture": 10_000})

    assert (capture.status, capture.amount_capturable, capture.amount_received) == ("succeeded", 0, 10_000)
    assert event_types(api)[-4:] == [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


# cards that do not pay -----------------------------------------------------------------------------------------------

DECLINES = [
    ("4000000000000002", "card_declined", "generic_decline"),
    ("4000000000009995", "card_declined", "insufficient_funds"),
    ("4000000000000069", "expired_card", "expired_card"),
    ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ("4000000000000119", "processing_error", "processing_error"),
    ("4000000000000341", "card_declined", "generic_decline"),
]


@pytest.mark.parametrize(("number", "code", "decline_code"), DECLINES)
def test_declined_card_leaves_the_intent_open(api: Any, number: str, code: str, decline_code: str):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur", **CARD_ONLY})

    with pytest.raises(stripe.CardError) as exc_info:
        api.payment_intents.confirm(intent.id, {"payment_method_data": card(number)})

    error = exc_info.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, code, decline_code)
    assert error.error.payment_intent.id == intent.id
    after = api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert (after.last_payment_error.code, after.last_payment_error.charge) == (code, after.latest_charge.id)
    assert (after.latest_charge.status, after.latest_charge.failure_code) == ("failed", code)
    assert event_types(api) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2020}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
        ({"number": "4111111111111111"}, "card_declined", None),
    ],
)
def test_impossible_card_is_refused_before_any_charge(api: Any, fields: dict[str, Any], code: str, param: str | None):
    with pytest.raises(stripe.CardError) as exc_info:
        api.payment_methods.create(card("4242424242424242") | {"card": {**card("4242424242424242")["card"], **fields}})

    assert (exc_info.value.code, exc_info.value.param) == (code, param)
    assert api.charges.list().data == []


def test_card_that_fails_later_attaches_first(api: Any):
    customer = api.customers.create()
    method = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})

    with pytest.raises(stripe.CardError, match="Your card was declined"):
        api.payment_intents.create({**PAY, "customer": customer.id, "payment_method": method.id, "off_session": True})


def test_declined_card_does_not_attach(api: Any):
    customer = api.customers.create()

    with pytest.raises(stripe.CardError):
        api.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})

    assert api.customers.payment_methods.list(customer.id).data == []


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("decline", "card_declined"), ("insufficient_funds", "card_declined"), ("expired", "expired_card")],
)
def test_next_card_can_be_told_to_fail(desk: Running, api: Any, outcome: str, code: str):
    desk.post("/next-card", outcome=outcome)

    with pytest.raises(stripe.CardError) as exc_info:
        api.payment_intents.create(PAY)

    assert exc_info.value.code == code
    assert api.payment_intents.create(PAY).status == "succeeded"


@pytest.mark.parametrize(("succeed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_processing_ends_either_way(desk: Running, api: Any, succeed: bool, status: str):
    desk.post("/next-card", outcome="processing")
    intent = api.payment_intents.create(PAY)
    assert intent.status == "processing"

    desk.post(f"/payment_intents/{intent.id}/settle", succeed=succeed)

    assert api.payment_intents.retrieve(intent.id).status == status


# 3-D Secure ----------------------------------------------------------------------------------------------------------


def test_authentication_by_the_banks_page(api: Any):
    intent = api.payment_intents.create(
        {**PAY, "payment_method": "pm_card_threeDSecure2Required", "return_url": f"{RETURN}?order=7#top"}
    )
    assert intent.status == "requires_action"
    page = intent.next_action.redirect_to_url.url
    assert requests.get(page, headers={"Accept-Language": "it"}, timeout=5).text.count("Autorizza") == 1

    answer = requests.post(page, data={"choice": "authorise"}, timeout=5, allow_redirects=False)

    assert answer.headers["Location"] == (
        f"{RETURN}?order=7&payment_intent={intent.id}&payment_intent_client_secret={intent.client_secret}"
        "&redirect_status=succeeded#top"
    )
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"
    assert requests.get(page, timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("number", "succeed", "status", "code"),
    [
        ("4000002500003155", True, "succeeded", None),
        ("4000002760003184", True, "succeeded", None),
        ("4000000000003220", False, "requires_payment_method", "payment_intent_authentication_failure"),
        ("4000008400001629", True, "requires_payment_method", "card_declined"),
    ],
)
def test_authentication_by_control(desk: Running, api: Any, number: str, succeed: bool, status: str, code: str | None):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur", **CARD_ONLY})
    intent = api.payment_intents.confirm(intent.id, {"payment_method_data": card(number)})
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")

    desk.post(f"/payment_intents/{intent.id}/authorize", succeed=succeed)

    after = api.payment_intents.retrieve(intent.id)
    assert (after.status, after.last_payment_error and after.last_payment_error.code) == (status, code)


def test_card_set_up_for_later_is_not_asked_again(desk: Running, api: Any):
    customer = api.customers.create()
    setup = api.setup_intents.create(
        {
            "customer": customer.id,
            "confirm": True,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "return_url": RETURN,
        }
    )
    assert setup.status == "requires_action"
    desk.post(f"/setup_intents/{setup.id}/authorize", succeed=True)
    setup = api.setup_intents.retrieve(setup.id)

    intent = api.payment_intents.create(
        {**PAY, "customer": customer.id, "payment_method": setup.payment_method, "off_session": True}
    )

    assert (setup.status, intent.status) == ("succeeded", "succeeded")


def test_off_session_payment_that_needs_the_customer_is_declined(api: Any):
    customer = api.customers.create({"payment_method": "pm_card_authenticationRequired"})
    method = api.customers.payment_methods.list(customer.id).data[0].id

    with pytest.raises(stripe.CardError) as exc_info:
        api.payment_intents.create({**PAY, "customer": customer.id, "payment_method": method, "off_session": True})

    assert exc_info.value.code == "authentication_required"
    assert exc_info.value.error.payment_intent.status == "requires_payment_method"


def test_changed_amount_asks_the_bank_again(api: Any):
    intent = api.payment_intents.create(
        {**PAY, "payment_method": "pm_card_threeDSecure2Required", "return_url": RETURN}
    )
    page = intent.next_action.redirect_to_url.url

    updated_intent = api.payment_intents.update(intent.id, {"amount": 99_900})

    assert (updated_intent.status, updated_intent.next_action) == ("requires_confirmation", None)
    assert requests.post(page, data={"choice": "authorise"}, timeout=5).status_code == 404


# refunds -------------------------------------------------------------------------------------------------------------


def test_partial_refunds_end_at_the_amount_paid(api: Any):
    intent = api.payment_intents.create(PAY)

    part = api.refunds.create({"payment_intent": intent.id, "amount": 2_200, "metadata": {"note": "1"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": intent.id, "amount": 10_001})
    rest = api.refunds.create({"charge": intent.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as exc_info:
        api.refunds.create({"payment_intent": intent.id})

    assert (part.status, part.amount, rest.amount) == ("succeeded", 2_200, 10_000)
    assert exc_info.value.code == "charge_already_refunded"
    charge = api.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (12_200, True)
    assert [entry.id for entry in charge.refunds.data] == [rest.id, part.id]
    assert api.balance_transactions.retrieve(part.balance_transaction).amount == -2_200
    assert event_types(api)[4:9] == [
        "refund.created", "charge.refunded", "refund.updated", "charge.refund.updated", "refund.created",
    ]  # fmt: skip


def test_unpaid_intent_has_nothing_to_refund(api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur"})

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        api.refunds.create({"payment_intent": intent.id})


def test_refund_that_comes_back_restores_the_charge(desk: Running, api: Any):
    intent = api.payment_intents.create(PAY)
    refund = api.refunds.create({"payment_intent": intent.id})

    desk.post(f"/refunds/{refund.id}/settle", succeed=False)

    assert api.refunds.retrieve(refund.id).status == "failed"
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert event_types(api)[-1] == "refund.failed"


def test_pending_refund_arrives_later(desk: Running, api: Any):
    intent = api.payment_intents.create({**PAY, "payment_method": "pm_card_pendingRefund"})
    refund = api.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"

    desk.post(f"/refunds/{refund.id}/settle", succeed=True)

    assert api.refunds.retrieve(refund.id).status == "succeeded"
