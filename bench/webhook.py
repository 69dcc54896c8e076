"""Stripe's event acknowledged: signature, inbox row, 200; against a bare ASGI application inserting the same body."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time

import psycopg

from bench.frame import BenchError, Candidate, Report, Sample, Target, measure
from bench.instance import Instance, instance
from bench.wire import post_all, request

EVENTS = 300
CONNECTIONS = 8


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds an event, over eight connections kept open; every event is a new one of 3 kB."""
    with instance() as here:
        numbers = itertools.count()
        figures = measure({"product": _product(here, numbers), "bare insert": _floor(here, numbers)}, rounds, warmup)
        _require_stored(here, (rounds + warmup) * EVENTS)
        target = Target("product / bare insert", figures.ratio("product", "bare insert", "ms"), 3)
        return Report("webhook", figures, [target], here.postgresql, {"events a round": EVENTS})


def _product(here: Instance, numbers: "itertools.count[int]") -> Candidate:
    url, secret = f"{here.url}/api/v1/webhooks/stripe", here.env["STRIPE_WEBHOOK_SECRET"]

    def candidate() -> Sample:
        bodies = [_event(next(numbers)) for _number in range(EVENTS)]
        requests = [request(url, body, {"Stripe-Signature": _signature(body, secret)}) for body in bodies]
        return {"ms": asyncio.run(post_all(url, requests, CONNECTIONS)) / EVENTS * 1000}

    return candidate


def _floor(here: Instance, numbers: "itertools.count[int]") -> Candidate:
    url = f"{here.floor_url}/insert"

    def candidate() -> Sample:
        requests = [request(url, _event(next(numbers)), {}) for _number in range(EVENTS)]
        return {"ms": asyncio.run(post_all(url, requests, CONNECTIONS)) / EVENTS * 1000}

    return candidate


def _event(number: int) -> bytes:
    """An event of the size of a PaymentIntent's."""
    metadata = {f"key_{place}": "x" * 80 for place in range(30)}
    intent = {"id": f"pi_{number:024}", "object": "payment_intent", "amount": 475_800, "metadata": metadata}
    return json.dumps(
        {"id": f"evt_bench{number:020}", "object": "event", "type": "bench.event", "data": {"object": intent}}
    ).encode()


def _signature(body: bytes, secret: str) -> str:
    """As Stripe signs: https://docs.stripe.com/webhooks#verify-manually."""
    now = int(time.time())
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


def _require_stored(here: Instance, expected: int) -> None:
    """Every event answered 200 must be in the inbox; the floor's as well, or it did not do the work."""
    with psycopg.connect(here.env["DATABASE_URL"]) as connection:
        for table in ("billing_stripeevent", "bench_floor"):
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            if row != (expected,):
                raise BenchError(f"{table} holds {row} of {expected} events")
