"""The same requests to localstripe, an independent Stripe server, where it knows the parameters.

It knows neither automatic_payment_methods, `payment_method` on confirm, nor Idempotency-Key, and its fields are those
of older API versions; what differs for that reason is listed and explained below.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.certificates import Authority
from sandbox.frame import free_port
from sandbox.patience import Deadline
from sandbox.stripe import StripeStandIn
from tests.sandbox.conftest import running

# Fields that localstripe still shows and the API version spoken here has dropped.
MISSING_FIELDS = {
    # renamed to balance, removed, or only with expand[]
    "customer": {"account_balance", "business_vat_id", "sources", "subscriptions", "tax_ids"},
    "payment_intent": {"charges", "invoice"},  # replaced by latest_charge and by invoice payments
    "refund": {"date", "livemode"},  # its own; a refund at Stripe has `created` and no livemode
    "payment_method": set(),
    "setup_intent": set(),
}
# Where both have a field and localstripe's type is not Stripe's.
OTHER_TYPE = {
    ("payment_intent", "latest_charge"): "an object there, an id at Stripe unless expanded",
}


# Its store is one file in /tmp for everybody, which whoever came first owns: here it keeps nothing.
START = """
from localstripe import resources, server
resources.Store.dump_to_disk = lambda _store: None
server.start()
"""


class Side:
    """One of the two servers, spoken to with plain form requests."""

    def __init__(self, url: str, key: str, authenticate: Callable[["Side", dict[str, Any], bool], None]) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (key, "")
        self.authenticate = authenticate

    def ask(self, method: str, path: str, **form: Any) -> requests.Response:
        fields = {"data": form} if method == "POST" else {"params": form}
        return self.session.request(method, f"{self.url}/v1{path}", timeout=10, **fields)

    def make(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self.ask("POST", path, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def method(self, number: str, customer: str | None = None) -> str:
        card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2034", "card[cvc]": "123"}
        payment_method = self.make("/payment_methods", type="card", **card)
        if customer:
            self.make(f"/payment_methods/{payment_method['id']}/attach", customer=customer)
        return payment_method["id"]

    def intent(self, **form: Any) -> dict[str, Any]:
        return self.make(
            "/payment_intents", amount="12200", currency="eur", **{"payment_method_types[0]": "card"}, **form
        )


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    if not socket.has_ipv6:
        pytest.skip("localstripe listens on :: only, and this machine has no IPv6")
    port = free_port()
    log = (tmp_path_factory.mktemp("localstripe") / "log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--port", str(port), "--from-scratch"], stdout=log, stderr=log
    )
    try:
        _wait_for(port, process)

        def authenticate(side: Side, intent: dict[str, Any], succeed: bool) -> None:
            path = f"/payment_intents/{intent['id']}/_authenticate"
            side.ask("POST", path, client_secret=intent["client_secret"], success=str(succeed).lower())

        side = Side(f"http://127.0.0.1:{port}", "sk_test_12345", authenticate)
        yield side
        side.session.close()
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


def _wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    deadline = Deadline(30)
    while not deadline.has_passed:
        assert process.poll() is None, "localstripe ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # polling a port
    raise AssertionError("localstripe does not answer")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Side]:
    with running(StripeStandIn(tmp_path_factory.mktemp("stripe")), authority) as desk:

        def authenticate(_side: Side, intent: dict[str, Any], succeed: bool) -> None:
            desk.post(f"/payment_intents/{intent['id']}/authorize", succeed=succeed)

        side = Side(desk.url, desk.env["STRIPE_SECRET_KEY"], authenticate)
        yield side
        side.session.close()


# what happens --------------------------------------------------------------------------------------------------------

Story = list[Any]


def state(answer: requests.Response) -> Story:
    """What both servers must agree on after a step."""
    body = answer.json()
    if answer.status_code != 200:
        return [answer.status_code]
    action = body.get("next_action")
    return [200, body["status"], action["type"] if action else None]


def pays(side: Side) -> Story:
    customer = side.make("/customers", email="anna@example.com")["id"]
    intent = side.intent(customer=customer, payment_method=side.method("4242424242424242", customer))
    steps = [intent["status"], state(side.ask("POST", f"/payment_intents/{intent['id']}/confirm"))]
    return [*steps, state(side.ask("POST", f"/payment_intents/{intent['id']}/confirm"))]


def waits_for_a_card(side: Side) -> Story:
    intent = side.intent()
    path = f"/payment_intents/{intent['id']}"
    return [intent["status"], state(side.ask("POST", f"{path}/confirm")), state(side.ask("GET", path))]


def is_canceled(side: Side) -> Story:
    path = f"/payment_intents/{side.intent()['id']}"
    return [state(side.ask("POST", f"{path}/cancel")), state(side.ask("POST", f"{path}/cancel"))]


def cannot_be_canceled_when_paid(side: Side) -> Story:
    intent = side.intent(payment_method=side.method("4242424242424242"), confirm="true")
    path = f"/payment_intents/{intent['id']}"
    return [intent["status"], state(side.ask("POST", f"{path}/cancel")), state(side.ask("GET", path))]


def authenticates(side: Side) -> Story:
    intent = side.intent(payment_method=side.method("4000002760003184"), confirm="true")
    side.authenticate(side, intent, True)
    return [intent["status"], intent["next_action"]["type"], state(side.ask("GET", f"/payment_intents/{intent['id']}"))]


def fails_to_authenticate(side: Side) -> Story:
    intent = side.intent(payment_method=side.method("4000002760003184"), confirm="true")
    side.authenticate(side, intent, False)
    after = side.ask("GET", f"/payment_intents/{intent['id']}").json()
    return [after["status"], after["payment_method"], after["last_payment_error"]["code"]]


def is_declined(side: Side) -> Story:
    customer = side.make("/customers")["id"]
    intent = side.intent(customer=customer, payment_method=side.method("4000000000000341", customer))
    path = f"/payment_intents/{intent['id']}"
    answer = side.ask("POST", f"{path}/confirm")
    after = side.ask("GET", path).json()
    return [
        answer.status_code,
        answer.json()["error"]["code"],
        after["status"],
        after["last_payment_error"]["code"],
    ]


def declined_card_does_not_attach(side: Side) -> Story:
    customer = side.make("/customers")["id"]
    method = side.method("4000000000000002")
    answer = side.ask("POST", f"/payment_methods/{method}/attach", customer=customer)
    return [answer.status_code, answer.json()["error"]["code"]]


def is_captured_later(side: Side) -> Story:
    intent = side.intent(payment_method=side.method("4242424242424242"), confirm="true", capture_method="manual")
    path = f"/payment_intents/{intent['id']}"
    return [intent["status"], state(side.ask("POST", f"{path}/capture", amount_to_capture="10000"))]


def is_refunded(side: Side) -> Story:
    intent = side.intent(payment_method=side.method("4242424242424242"), confirm="true")
    part = side.make("/refunds", payment_intent=intent["id"], amount="2200")
    path = f"/refunds/{part['id']}"
    refunds = side.ask("GET", "/refunds", payment_intent=intent["id"]).json()["data"]
    return [
        part["status"],
        part["amount"],
        side.ask("GET", path).json()["amount"],
        [refund["amount"] for refund in refunds],
    ]


def unpaid_is_not_refunded(side: Side) -> Story:
    return [side.ask("POST", "/refunds", payment_intent=side.intent()["id"]).status_code]


def keeps_customers(side: Side) -> Story:
    customer = side.make("/customers", email="anna@example.com", name="Anna", **{"metadata[user]": "7"})
    path = f"/customers/{customer['id']}"
    update = side.make(path, name="Anna Bianchi", **{"metadata[plan]": "dpo"})
    response = side.ask("DELETE", path)
    return [
        customer["email"],
        customer["metadata"],
        update["name"],
        update["metadata"],
        response.status_code,
        response.json()["deleted"],
    ]


def sets_up_a_card(side: Side) -> Story:
    customer = side.make("/customers")["id"]
    intent = side.make("/setup_intents", customer=customer, **{"payment_method_types[0]": "card"})
    method = side.method("4242424242424242")
    after = side.ask("POST", f"/setup_intents/{intent['id']}/confirm", payment_method=method)
    return [intent["status"], state(after)]


def does_not_know_the_rest(side: Side) -> Story:
    return [
        side.ask("GET", "/payment_intents/pi_none").status_code,
        side.ask("GET", "/customers/cus_none").status_code,
        side.ask("POST", "/payment_intents", amount="500", currency="eur", colour="red").status_code,
        side.ask("POST", "/payment_intents", currency="eur").status_code,
    ]


@pytest.mark.parametrize(
    "story",
    [
        pays,
        waits_for_a_card,
        is_canceled,
        cannot_be_canceled_when_paid,
        authenticates,
        fails_to_authenticate,
        is_declined,
        declined_card_does_not_attach,
        is_captured_later,
        is_refunded,
        unpaid_is_not_refunded,
        keeps_customers,
        sets_up_a_card,
        does_not_know_the_rest,
    ],
    ids=lambda story: story.__name__,
)
def test_both_tell_the_same_story(ours: Side, other: Side, story: Callable[[Side], Story]):
    assert story(ours) == story(other)


# how it looks --------------------------------------------------------------------------------------------------------


def one_of_each(side: Side) -> dict[str, dict[str, Any]]:
    customer = side.make("/customers", email="anna@example.com", name="Anna")
    method = side.method("4242424242424242", customer["id"])
    intent = side.intent(customer=customer["id"], payment_method=method, confirm="true")
    return {
        "customer": customer,
        "payment_method": side.ask("GET", f"/payment_methods/{method}").json(),
        "payment_intent": side.ask("GET", f"/payment_intents/{intent['id']}").json(),
        "refund": side.make("/refunds", payment_intent=intent["id"]),
        "setup_intent": side.make("/setup_intents", **{"payment_method_types[0]": "card"}),
    }


def test_fields_of_the_other_are_here_too_with_the_same_types(ours: Side, other: Side):
    mine, theirs = one_of_each(ours), one_of_each(other)

    missing = {kind: set(theirs[kind]) - set(mine[kind]) for kind in mine}
    differing = {
        (kind, name)
        for kind in mine
        for name in set(theirs[kind]) & set(mine[kind])
        if mine[kind][name] is not None and theirs[kind][name] is not None
        if type(mine[kind][name]) is not type(theirs[kind][name])
    }
    assert missing == MISSING_FIELDS
    assert differing == set(OTHER_TYPE)


def test_ids_begin_alike(ours: Side, other: Side):
    mine, theirs = one_of_each(ours), one_of_each(other)

    prefix = {kind: obj["id"].partition("_")[0] for kind, obj in mine.items()}
    assert prefix == {kind: obj["id"].partition("_")[0] for kind, obj in theirs.items()}
