"""The API around every resource: keys, versions, errors, idempotency, lists and expansion."""

import threading
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
    body = public_call(desk, "GET", f"{path}?client_secret={secret}").json()
    assert (body["status"], "metadata" in body, "customer" in body) == ("requires_payment_method", False, False)
    response = public_call(
        desk, "POST", f"{path}/confirm", client_secret=secret, payment_method="pm_card_visa", return_url=RETURN
    )
    assert response.json()["status"] == "succeeded"


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
    with pytest.raises(stripe.InvalidRequestError) as exc_info:
        api.payment_intents.create(params)

    assert (exc_info.value.http_status, exc_info.value.code, exc_info.value.param) == (400, code, param)
    assert event_types(api) == []


def test_unknown_object_and_address_are_404(desk: Running, api: Any):
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent: 'pi_none'") as exc_info:
        api.payment_intents.retrieve("pi_none")
    assert (exc_info.value.http_status, exc_info.value.code) == (404, "resource_missing")
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
    params = {**PAY, "payment_method": "pm_card_chargeDeclined"}

    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.payment_intents.create(params, {"idempotency_key": "order-2"})

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


# lists and expansion -------------------------------------------------------------------------------------------------


def test_lists_are_paged_both_ways(api: Any):
    ids = [api.customers.create({"name": str(number)}).id for number in range(5)][::-1]

    first = api.customers.list({"limit": 2})
    second = api.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    back = api.customers.list({"limit": 2, "ending_before": ids[3]})

    assert ([entry.id for entry in first.data], first.has_more) == (ids[:2], True)
    assert [entry.id for entry in second.data] == ids[2:4]
    assert ([entry.id for entry in back.data], back.has_more) == (ids[1:3], True)
    assert [entry.id for entry in api.customers.list({"limit": 2}).auto_paging_iter()] == ids
    with pytest.raises(stripe.InvalidRequestError, match="No such object"):
        api.customers.list({"starting_after": "cus_none"})


def test_lists_are_filtered(api: Any):
    anna, bob = (api.customers.create({"email": f"{name}@example.com"}) for name in ("anna", "bob"))
    for customer in (anna, bob):
        api.payment_intents.create({"amount": 500, "currency": "eur", "customer": customer.id})

    intents = api.payment_intents.list({"customer": anna.id, "created": {"gte": anna.created}})

    assert [entry.customer for entry in intents.data] == [anna.id]
    assert [entry.id for entry in api.customers.list({"email": "bob@example.com"}).data] == [bob.id]
    assert api.payment_intents.list({"created": {"lt": anna.created}}).data == []


def test_expansion_is_limited_as_at_stripe(api: Any):
    intent = api.payment_intents.create(PAY)

    charges = api.charges.list({"expand": ["data.payment_intent.latest_charge"]})
    assert charges.data[0].payment_intent.latest_charge.id == intent.latest_charge
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.payment_intents.retrieve(intent.id, {"expand": ["description"]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        api.payment_intents.retrieve(
            intent.id, {"expand": ["latest_charge.payment_intent.latest_charge.customer.default_source"]}
        )


def test_deleted_customer_is_a_stub(api: Any):
    customer = api.customers.create({"email": "anna@example.com"})

    api.customers.delete(customer.id)

    assert api.customers.retrieve(customer.id).to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    assert api.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        api.customers.update(customer.id, {"name": "Anna"})
