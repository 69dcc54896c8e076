"""Webhooks and state: signatures, retries, duplicates, what tests can hold back, and what a restart keeps."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.certificates import Authority
from sandbox.frame import StandIn, free_port
from sandbox.stripe import StripeStandIn
from sandbox.stripe.webhooks import sign
from tests.sandbox.conftest import Running, running
from tests.waiting import until

PAY = {
    "amount": 12_200,
    "currency": "eur",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


class Product:
    """A server that takes webhooks: `answers` are the statuses it gives, the last for ever."""

    def __init__(self, port: int = 0) -> None:
        self.deliveries: list[tuple[str, str]] = []
        self.answers = [200]
        self.news = threading.Condition()
        product = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with product.news:
                    status = product.answers.pop(0) if len(product.answers) > 1 else product.answers[0]
                    product.deliveries.append((body, self.headers["Stripe-Signature"]))
                    product.news.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/stripe"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """The first `count` events, as soon as they are there."""
        with self.news:
            has_arrived = self.news.wait_for(lambda: len(self.deliveries) >= count, timeout=20)
            assert has_arrived, f"{len(self.deliveries)} of {count} deliveries arrived"
            return [json.loads(body) for body, _ in self.deliveries]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def product() -> Iterator[Product]:
    server = Product()
    yield server
    server.close()


@pytest.fixture
def desk(run_stand_in: Callable[[StandIn], Running], tmp_path: Path, product: Product) -> Running:
    return run_stand_in(StripeStandIn(tmp_path, webhook_url=product.url))


def client(desk: Running) -> Any:
    return stripe.StripeClient(
        desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url}, max_network_retries=0
    ).v1


@pytest.fixture
def api(desk: Running) -> Any:
    return client(desk)


def test_events_arrive_signed_in_the_order_of_the_life(desk: Running, api: Any, product: Product):
    intent = api.payment_intents.create(PAY, {"idempotency_key": "order-1"})

    events = product.wait_for(4)

    assert [event["type"] for event in events] == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip
    body, signature = product.deliveries[2]
    event = stripe.Webhook.construct_event(body, signature, desk.env["STRIPE_WEBHOOK_SECRET"])
    assert (event.data.object.id, event.data.object.status) == (intent.id, "succeeded")
    assert (event.api_version, event.pending_webhooks, event.livemode) == ("2026-08-26.dahlia", 1, False)
    assert (event["request"].idempotency_key, event["request"].id[:4]) == ("order-1", "req_")
    assert events[3]["data"]["previous_attributes"] == {"balance_transaction": None}
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace("12200", "12"), signature, desk.env["STRIPE_WEBHOOK_SECRET"])


def test_refused_delivery_is_repeated_with_a_new_signature(desk: Running, api: Any, product: Product):
    product.answers = [500, 503, 200]

    api.customers.create()

    events = product.wait_for(3)
    assert len({event["id"] for event in events}) == 1
    until(lambda: not desk.get("/deliveries")["pending"], limit_s=20)
    delivery = desk.get("/deliveries")["done"][0]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 503, 200]
    first, second, third = (attempt["at"] for attempt in delivery["attempts"])
    assert (0.9 < second - first < 2.0, 1.9 < third - second < 3.5) == (True, True)
    assert api.events.retrieve(events[0]["id"]).pending_webhooks == 0


def test_product_that_is_down_gets_its_events_later(run_stand_in: Callable[[StandIn], Running], tmp_path: Path):
    port = free_port()
    desk = run_stand_in(StripeStandIn(tmp_path, webhook_url=f"http://127.0.0.1:{port}/hook"))
    client(desk).customers.create()
    waiting = until(lambda: [entry for entry in desk.get("/deliveries")["pending"] if entry["attempts"]], limit_s=20)
    assert waiting[0]["attempts"][0]["error"] == "ConnectionError"
    undelivered_events = client(desk).events.list({"delivery_success": False}).data

    product = Product(port)
    try:
        assert [event["id"] for event in product.wait_for(1)] == [undelivered_events[0].id]
    finally:
        product.close()
    until(lambda: not desk.get("/deliveries")["pending"], limit_s=20)
    assert client(desk).events.list({"delivery_success": False}).data == []
    assert [event.id for event in client(desk).events.list({"delivery_success": True}).data] == [
        undelivered_events[0].id
    ]


def test_held_deliveries_are_taken_by_the_test(desk: Running, api: Any, product: Product):
    desk.post("/deliveries/hold", hold=True)
    api.payment_intents.create(PAY)

    entries = desk.post("/deliveries/take")

    assert [entry["type"] for entry in entries] == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated",
    ]  # fmt: skip
    for entry in entries:
        event = stripe.Webhook.construct_event(entry["body"], entry["signature"], desk.env["STRIPE_WEBHOOK_SECRET"])
        assert (event.id, entry["url"]) == (entry["event"], product.url)
    assert desk.get("/deliveries")["pending"] == []
    desk.post("/deliveries/hold", hold=False)
    api.customers.create()
    assert [event["type"] for event in product.wait_for(1)] == ["customer.created"]


def test_held_deliveries_leave_in_another_order(desk: Running, api: Any, product: Product):
    desk.post("/deliveries/hold", hold=True)
    api.payment_intents.create(PAY)

    desk.post("/deliveries/reorder")
    desk.post("/deliveries/hold", hold=False)

    assert [event["type"] for event in product.wait_for(4)] == [
        "charge.updated", "payment_intent.succeeded", "charge.succeeded", "payment_intent.created",
    ]  # fmt: skip


def test_event_is_delivered_twice_on_request(desk: Running, api: Any, product: Product):
    api.customers.create()
    event = product.wait_for(1)[0]

    desk.post(f"/events/{event['id']}/redeliver")

    assert [entry["id"] for entry in product.wait_for(2)] == [event["id"]] * 2
    assert product.deliveries[0][0] == product.deliveries[1][0]


def test_any_payload_is_signed_for_forgeries(desk: Running):
    secret = desk.env["STRIPE_WEBHOOK_SECRET"]
    body = json.dumps({"id": "evt_forged", "object": "event", "type": "x"})

    now = desk.post("/sign", payload=body)["signature"]
    old = desk.post("/sign", payload=body, timestamp=int(time.time()) - 301)["signature"]
    forgery = desk.post("/sign", payload=body, secret="whsec_other")["signature"]

    assert stripe.Webhook.construct_event(body, now, secret).id == "evt_forged"
    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance"):
        stripe.Webhook.construct_event(body, old, secret)
    with pytest.raises(stripe.SignatureVerificationError, match="No signatures found"):
        stripe.Webhook.construct_event(body, forgery, secret)


def test_registered_endpoint_hears_what_it_asked_for(desk: Running, api: Any, product: Product):
    other = Product()
    try:
        endpoint = api.webhook_endpoints.create({"url": other.url, "enabled_events": ["payment_intent.succeeded"]})
        api.payment_intents.create(PAY)

        events = other.wait_for(1)
        assert [event["type"] for event in events] == ["payment_intent.succeeded"]
        assert events[0]["pending_webhooks"] == 2
        stripe.Webhook.construct_event(*other.deliveries[0], endpoint.secret)
        product.wait_for(4)

        api.webhook_endpoints.update(endpoint.id, {"disabled": True})
        api.payment_intents.create(PAY)
        product.wait_for(8)
        assert len(other.deliveries) == 1
        assert "secret" not in api.webhook_endpoints.retrieve(endpoint.id).to_dict()
        api.webhook_endpoints.delete(endpoint.id)
        assert [entry.url for entry in api.webhook_endpoints.list().data] == [product.url]
    finally:
        other.close()


def test_webhook_address_may_come_later(run_stand_in: Callable[[StandIn], Running], tmp_path: Path, product: Product):
    desk = run_stand_in(StripeStandIn(tmp_path))
    client(desk).customers.create()
    assert [entry["type"] for entry in desk.get("/deliveries")["pending"]] == ["customer.created"]

    desk.post("/webhook-url", url=product.url)

    assert [event["type"] for event in product.wait_for(1)] == ["customer.created"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/deliveries/hold", {"hold": "yes"}),
        ("/deliveries/reorder", {"ids": ["whd_none"]}),
        ("/next-card", {"outcome": "explode"}),
        ("/sign", {}),
        ("/slow", {"colour": "red"}),
    ],
)
def test_unclear_control_requests_are_refused(desk: Running, path: str, body: dict[str, Any]):
    answer = requests.post(f"{desk.control_url}{path}", json=body, timeout=5)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_restart_keeps_objects_keys_answers_and_deliveries(tmp_path: Path, authority: Authority):
    with running(StripeStandIn(tmp_path), authority) as desk:
        before = desk.env
        api = client(desk)
        customer = api.customers.create({"email": "anna@example.com"})
        intent = api.payment_intents.create(
            {"amount": 500, "currency": "eur", "customer": customer.id}, {"idempotency_key": "order-1"}
        )
    product = Product()
    try:
        with running(StripeStandIn(tmp_path, webhook_url=product.url), authority) as desk:
            api = client(desk)
            same = {name: value for name, value in desk.env.items() if name.endswith(("KEY", "SECRET"))}
            assert same == {name: before[name] for name in same}
            assert api.customers.retrieve(customer.id).email == "anna@example.com"
            again = api.payment_intents.create(
                {"amount": 500, "currency": "eur", "customer": customer.id}, {"idempotency_key": "order-1"}
            )
            assert again.id == intent.id
            assert [event["type"] for event in product.wait_for(2)] == ["customer.created", "payment_intent.created"]
            confirmation = api.payment_intents.confirm(
                intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
            )
            assert confirmation.status == "succeeded"
    finally:
        product.close()


SERVE = """
import asyncio, json, sys
from pathlib import Path
from sandbox.frame import free_port, serve
from sandbox.stripe import StripeStandIn

async def main():
    stand_in = StripeStandIn(Path(sys.argv[1]))
    port = free_port()
    stand_in.url = f"http://127.0.0.1:{port}"
    async with serve(stand_in.app(), port):
        await stand_in.start()
        print(json.dumps(stand_in.env()), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
def test_kill_in_mid_write_loses_nothing_that_was_answered(tmp_path: Path, authority: Authority):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert process.stdout
    env = json.loads(process.stdout.readline())
    ids: list[str] = []

    def work() -> None:
        session = requests.Session()
        session.auth = (env["STRIPE_SECRET_KEY"], "")
        try:
            while True:
                form = {**{f"metadata[k{place}]": "x" * 400 for place in range(40)}, "amount": "500", "currency": "eur"}
                answer = session.post(f"{env['STRIPE_API_BASE']}/v1/payment_intents", data=form, timeout=5)
                ids.append(answer.json()["id"])
        except (requests.RequestException, ValueError):
            return
        finally:
            session.close()

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: len(ids) >= 40, limit_s=20)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    process.stdout.close()
    thread.join()

    with running(StripeStandIn(tmp_path), authority) as desk:
        stored_ids = [intent["id"] for intent in desk.get("/objects/payment_intent")]
        event_ids = [event["data"]["object"]["id"] for event in desk.get("/objects/event")]
    assert set(ids) - set(stored_ids) == set()
    assert stored_ids == event_ids


def test_signature_is_the_documented_hmac():
    # the digest is that of `openssl dgst -sha256 -hmac whsec_test` over `1700000000.{"a": 1}`
    digest = "f9086839ba44ac933ad5d79a65f74e64811e534328d3bf3c278acf3329bf7ce5"

    assert sign('{"a": 1}', "whsec_test", 1_700_000_000) == f"t=1700000000,v1={digest}"
