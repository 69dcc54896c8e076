"""One-off payments as the stripe SDK drives them: the journey, cards, 3-D Secure, keys, idempotency, refunds, lists."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.frame import StandIn
from sandbox.stripe import StripeStandIn

from .conftest import Running

RETURN = "https://shop.example/done"
CARD_ONLY = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
PAY = {"amount": 12_200, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa", **CARD_ONLY}


@pytest.fixture
def desk(run_stand_in: Callable[[StandIn], Running], tmp_path: Path) -> Running:
    return run_stand_in(StripeStandIn(tmp_path))


def client(desk: Running, **options: Any) -> Any:
    options = {"max_network_retries": 0, **options}
    return stripe.StripeClient(desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url}, **options).v1


@pytest.fixture
def api(desk: Running) -> Any:
    return client(desk)


def public_call(desk: Running, method: str, path: str, **form: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {desk.env['STRIPE_PUBLISHABLE_KEY']}"}
    return requests.request(method, f"{desk.url}/v1{path}", data=form, headers=headers, timeout=5)


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

    paid = api.payment_intents.confirm(
        intent.id, {"payment_method_data": card("4242424242424242"), "return_url": RETURN}
    )

    assert (paid.status, paid.amount_received, paid.next_action) == ("succeeded", 12_200, None)
    full = api.payment_intents.retrieve(
        paid.id, {"expand": ["latest_charge.balance_transaction", "customer", "payment_method"]}
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

    paid = api.payment_intents.create({**PAY, "customer": customer.id, "setup_future_usage": "off_session"})

    saved = api.customers.payment_methods.list(customer.id).data
    assert [method.id for method in saved] == [paid.payment_method]
    again = api.payment_intents.create(
        {**PAY, "customer": customer.id, "payment_method": paid.payment_method, "off_session": True}
    )
    assert again.status == "succeeded"


def test_card_that_was_not_kept_serves_once(api: Any):
    paid = api.payment_intents.create(PAY)

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.payment_intents.create({**PAY, "payment_method": paid.payment_method})


def test_amount_changes_until_paid(api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur"})

    changed = api.payment_intents.update(intent.id, {"amount": 700, "metadata": {"coupon": "X"}})
    api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN})

    assert (changed.amount, changed.metadata.to_dict()) == (700, {"coupon": "X"})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.update(intent.id, {"amount": 900})
    assert caught.value.code == "payment_intent_unexpected_state"


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

    canceled = api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason, canceled.next_action) == ("canceled", "abandoned", None)
    assert event_types(api)[-1] == "payment_intent.canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert caught.value.code == "payment_intent_unexpected_state"


def test_paid_intent_cannot_be_canceled(api: Any):
    paid = api.payment_intents.create(PAY)

    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        api.payment_intents.cancel(paid.id)


def test_manual_capture_takes_part_of_the_amount(api: Any):
    held = api.payment_intents.create({**PAY, "capture_method": "manual"})
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 12_200, 0)

    taken = api.payment_intents.capture(held.id, {"amount_to_capture": 10_000})

    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 10_000)
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

    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.confirm(intent.id, {"payment_method_data": card(number)})

    error = caught.value
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
    with pytest.raises(stripe.CardError) as caught:
        api.payment_methods.create(card("4242424242424242") | {"card": {**card("4242424242424242")["card"], **fields}})

    assert (caught.value.code, caught.value.param) == (code, param)
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

    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create(PAY)

    assert caught.value.code == code
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

    paid = api.payment_intents.create(
        {**PAY, "customer": customer.id, "payment_method": setup.payment_method, "off_session": True}
    )

    assert (setup.status, paid.status) == ("succeeded", "succeeded")


def test_off_session_payment_that_needs_the_customer_is_declined(api: Any):
    customer = api.customers.create({"payment_method": "pm_card_authenticationRequired"})
    method = api.customers.payment_methods.list(customer.id).data[0].id

    with pytest.raises(stripe.CardError) as caught:
        api.payment_intents.create({**PAY, "customer": customer.id, "payment_method": method, "off_session": True})

    assert caught.value.code == "authentication_required"
    assert caught.value.error.payment_intent.status == "requires_payment_method"


def test_changed_amount_asks_the_bank_again(api: Any):
    intent = api.payment_intents.create(
        {**PAY, "payment_method": "pm_card_threeDSecure2Required", "return_url": RETURN}
    )
    page = intent.next_action.redirect_to_url.url

    changed = api.payment_intents.update(intent.id, {"amount": 99_900})

    assert (changed.status, changed.next_action) == ("requires_confirmation", None)
    assert requests.post(page, data={"choice": "authorise"}, timeout=5).status_code == 404


# keys, versions, errors ----------------------------------------------------------------------------------------------


def test_wrong_and_missing_keys_are_refused(desk: Running):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        stripe.StripeClient("sk_test_wrong0000000000", base_addresses={"api": desk.url}).v1.customers.create()
    assert requests.get(f"{desk.url}/v1/customers", timeout=5).status_code == 401


def test_publishable_key_reads_and_confirms_only_with_the_secret(desk: Running, api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur", "metadata": {"private": "yes"}})
    path, secret = f"/payment_intents/{intent.id}", intent.client_secret

    assert public_call(desk, "GET", f"{path}?client_secret={secret}_x").status_code == 404
    assert public_call(desk, "GET", path).json()["error"]["code"] == "parameter_missing"
    seen = public_call(desk, "GET", f"{path}?client_secret={secret}").json()
    assert (seen["status"], "metadata" in seen, "customer" in seen) == ("requires_payment_method", False, False)
    paid = public_call(
        desk, "POST", f"{path}/confirm", client_secret=secret, payment_method="pm_card_visa", return_url=RETURN
    )
    assert paid.json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/customers"),
        ("POST", "/payment_intents"),
        ("POST", "/refunds"),
        ("GET", "/events"),
        ("POST", "/payment_intents/{id}"),
        ("POST", "/payment_intents/{id}/cancel"),
        ("GET", "/account"),
    ],
)
def test_publishable_key_can_do_nothing_else(desk: Running, api: Any, method: str, path: str):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur"})

    answer = public_call(desk, method, path.format(id=intent.id))

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "secret_key_required")
    assert api.payment_intents.retrieve(intent.id).status == "requires_payment_method"


def test_version_is_echoed_and_other_majors_refused(desk: Running):
    key = desk.env["STRIPE_SECRET_KEY"]

    def ask(version: str) -> requests.Response:
        return requests.get(f"{desk.url}/v1/account", auth=(key, ""), headers={"Stripe-Version": version}, timeout=5)

    same = ask("2026-05-27.dahlia")
    assert (same.status_code, same.headers["Stripe-Version"]) == (200, "2026-05-27.dahlia")
    assert same.headers["Request-Id"].startswith("req_")
    assert ask("2020-08-27").json()["error"]["message"].startswith("Invalid Stripe API version")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 500}, "parameter_missing", "currency"),
        ({"amount": 10, "currency": "eur"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large", "amount"),
        ({"amount": "12.50", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": 500, "currency": "xyz"}, None, "currency"),
        ({"amount": 500, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 500, "currency": "eur", "customer": "cus_none"}, "resource_missing", "customer"),
        ({"amount": 500, "currency": "eur", "receipt_email": "anna"}, "email_invalid", "receipt_email"),
        ({"amount": 500, "currency": "eur", "description": "x", "return_url": RETURN}, None, "return_url"),
        (
            {"amount": 500, "currency": "eur", "automatic_payment_methods": {"enabled": True, "x": 1}},
            "parameter_unknown",
            "automatic_payment_methods[x]",
        ),
    ],
)
def test_bad_parameters_get_stripes_error(api: Any, params: dict[str, Any], code: str | None, param: str):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.payment_intents.create(params)

    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert event_types(api) == []


def test_unknown_object_and_address_are_404(desk: Running, api: Any):
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_none'") as caught:
        api.payment_intents.retrieve("pi_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    answer = requests.get(f"{desk.url}/v1/nothing", auth=(desk.env["STRIPE_SECRET_KEY"], ""), timeout=5)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nothing)")


def test_redirects_need_a_return_url(api: Any):
    intent = api.payment_intents.create({"amount": 500, "currency": "eur"})

    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


# idempotency ---------------------------------------------------------------------------------------------------------


def raw_create(desk: Running, key: str, **form: Any) -> requests.Response:
    return requests.post(
        f"{desk.url}/v1/payment_intents",
        data={"amount": "500", "currency": "eur", **form},
        auth=(desk.env["STRIPE_SECRET_KEY"], ""),
        headers={"Idempotency-Key": key},
        timeout=10,
    )


def test_same_key_and_parameters_replay_the_first_answer(desk: Running, api: Any):
    first, second = raw_create(desk, "order-1"), raw_create(desk, "order-1")

    assert first.json() == second.json()
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(api.payment_intents.list().data) == 1
    event = api.events.list({"type": "payment_intent.created"}).data[0]
    assert (event["request"].id, event["request"].idempotency_key) == (first.headers["Request-Id"], "order-1")


def test_same_key_with_other_parameters_or_address_is_refused(desk: Running, api: Any):
    raw_create(desk, "order-1")

    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        api.payment_intents.create({"amount": 600, "currency": "eur"}, {"idempotency_key": "order-1"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        api.customers.create({}, {"idempotency_key": "order-1"})


def test_declined_card_is_replayed_and_charged_once(api: Any):
    declined = {**PAY, "payment_method": "pm_card_chargeDeclined"}

    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.payment_intents.create(declined, {"idempotency_key": "order-2"})

    assert len(api.charges.list().data) == 1


def test_refused_parameters_do_not_use_up_the_key(desk: Running):
    assert raw_create(desk, "order-3", amount="x").status_code == 400

    assert raw_create(desk, "order-3").status_code == 200


def test_key_in_flight_conflicts(desk: Running, api: Any):
    desk.post("/slow", match="POST /v1/payment_intents", seconds=1.0)
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(raw_create(desk, "order-4"))) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    conflict = next(answer for answer in answers if answer.status_code == 409)
    assert conflict.json()["error"]["code"] == "idempotency_key_in_use"
    assert len(api.payment_intents.list().data) == 1


def test_lost_answer_is_found_again_by_the_sdks_own_retry(desk: Running):
    desk.fault(match="POST /v1/payment_intents", after=True)

    intent = client(desk, max_network_retries=2).payment_intents.create({"amount": 500, "currency": "eur"})

    assert [entry.id for entry in client(desk).payment_intents.list().data] == [intent.id]


# refunds -------------------------------------------------------------------------------------------------------------


def test_partial_refunds_end_at_the_amount_paid(api: Any):
    paid = api.payment_intents.create(PAY)

    part = api.refunds.create({"payment_intent": paid.id, "amount": 2_200, "metadata": {"note": "1"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": paid.id, "amount": 10_001})
    rest = api.refunds.create({"charge": paid.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.refunds.create({"payment_intent": paid.id})

    assert (part.status, part.amount, rest.amount) == ("succeeded", 2_200, 10_000)
    assert caught.value.code == "charge_already_refunded"
    charge = api.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]})
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
    paid = api.payment_intents.create(PAY)
    made = api.refunds.create({"payment_intent": paid.id})

    desk.post(f"/refunds/{made.id}/settle", succeed=False)

    assert api.refunds.retrieve(made.id).status == "failed"
    charge = api.charges.retrieve(paid.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert event_types(api)[-1] == "refund.failed"


def test_pending_refund_arrives_later(desk: Running, api: Any):
    paid = api.payment_intents.create({**PAY, "payment_method": "pm_card_pendingRefund"})
    made = api.refunds.create({"payment_intent": paid.id})
    assert made.status == "pending"

    desk.post(f"/refunds/{made.id}/settle", succeed=True)

    assert api.refunds.retrieve(made.id).status == "succeeded"


# lists and expansion -------------------------------------------------------------------------------------------------


def test_lists_are_paged_both_ways(api: Any):
    made = [api.customers.create({"name": str(number)}).id for number in range(5)][::-1]

    first = api.customers.list({"limit": 2})
    second = api.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    back = api.customers.list({"limit": 2, "ending_before": made[3]})

    assert ([entry.id for entry in first.data], first.has_more) == (made[:2], True)
    assert [entry.id for entry in second.data] == made[2:4]
    assert ([entry.id for entry in back.data], back.has_more) == (made[1:3], True)
    assert [entry.id for entry in api.customers.list({"limit": 2}).auto_paging_iter()] == made
    with pytest.raises(stripe.InvalidRequestError, match="No such object"):
        api.customers.list({"starting_after": "cus_none"})


def test_lists_are_filtered(api: Any):
    anna, bob = (api.customers.create({"email": f"{name}@example.com"}) for name in ("anna", "bob"))
    for customer in (anna, bob):
        api.payment_intents.create({"amount": 500, "currency": "eur", "customer": customer.id})

    found = api.payment_intents.list({"customer": anna.id, "created": {"gte": anna.created}})

    assert [entry.customer for entry in found.data] == [anna.id]
    assert [entry.id for entry in api.customers.list({"email": "bob@example.com"}).data] == [bob.id]
    assert api.payment_intents.list({"created": {"lt": anna.created}}).data == []


def test_expansion_is_limited_as_at_stripe(api: Any):
    paid = api.payment_intents.create(PAY)

    listed = api.charges.list({"expand": ["data.payment_intent.latest_charge"]})
    assert listed.data[0].payment_intent.latest_charge.id == paid.latest_charge
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.payment_intents.retrieve(paid.id, {"expand": ["description"]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        api.payment_intents.retrieve(
            paid.id, {"expand": ["latest_charge.payment_intent.latest_charge.customer.default_source"]}
        )


def test_deleted_customer_is_a_stub(api: Any):
    customer = api.customers.create({"email": "anna@example.com"})

    api.customers.delete(customer.id)

    assert api.customers.retrieve(customer.id).to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert api.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        api.customers.update(customer.id, {"name": "Anna"})
