"""Webhook deliveries: queued with the event, signed, sent in the background, repeated until the answer is 2xx.

Stripe promises at least once and no order. Here the first attempts leave in order, so that development is calm; the
control routes hold, take, reorder and repeat deliveries for everything else.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from sandbox.stripe.store import Object, Store

TIMEOUT_S = (3, 10)
LONGEST_PAUSE_S = 60
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Accept": "*/*; q=0.5, application/xml",
    "Cache-Control": "no-cache",
}


def sign(payload: str, secret: str, timestamp: int | None = None) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over `timestamp.payload`."""
    moment = int(time.time()) if timestamp is None else timestamp
    digest = hmac.new(secret.encode(), f"{moment}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def wants(endpoint: Object, kind: str) -> bool:
    return endpoint["status"] == "enabled" and bool({"*", kind} & set(endpoint["enabled_events"]))


def queue_event(store: Store, event: Object) -> None:
    """Write the event and one delivery for every endpoint that listens to it."""
    endpoints = [entry for entry in store.every("webhook_endpoint", newest_first=False) if wants(entry, event["type"])]
    event["pending_webhooks"] = len(endpoints)
    store.add(event)
    for endpoint in endpoints:
        queue_delivery(store, event["id"], endpoint["id"], json.dumps(event, indent=2))


def queue_delivery(store: Store, event: str, endpoint: str, body: str) -> str:
    ident = f"whd_{secrets.token_hex(10)}"
    store.database.execute(
        "INSERT INTO deliveries (id, event, endpoint, body, state, place, next_attempt_at) VALUES (?, ?, ?, ?, "
        "'pending', (SELECT COALESCE(MAX(place), 0) + 1 FROM deliveries), 0)",
        (ident, event, endpoint, body),
    )
    return ident


def redeliver(store: Store, event: str) -> list[str]:
    """Queue the event once more for the endpoints that had it, body unchanged: a duplicate."""
    rows = store.database.execute(
        "SELECT endpoint, MIN(body) AS body FROM deliveries WHERE event = ? GROUP BY 1", (event,)
    )
    return [queue_delivery(store, event, row["endpoint"], row["body"]) for row in rows.fetchall()]


def count_undelivered(store: Store, event: str) -> int:
    """How many endpoints have not yet answered 2xx."""
    query = "SELECT endpoint FROM deliveries WHERE event = ? AND state IN ('done', 'dropped')"
    done_ids = {row["endpoint"] for row in store.database.execute(query, (event,))}
    every = {
        row["endpoint"] for row in store.database.execute("SELECT endpoint FROM deliveries WHERE event = ?", (event,))
    }
    return len(every - done_ids)


def describe(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """A delivery for the control routes; what was not sent yet is signed now."""
    endpoint = store.find(row["endpoint"]) or {"url": "", "_secret": ""}
    return {
        "id": row["id"],
        "event": row["event"],
        "type": json.loads(row["body"])["type"],
        "endpoint": row["endpoint"],
        "url": endpoint["url"],
        "state": row["state"],
        "status": row["status"],
        "body": row["body"],
        "signature": row["signature"] or sign(row["body"], endpoint["_secret"]),
        "attempts": json.loads(row["attempts"]),
        "next_attempt_at": row["next_attempt_at"] if row["state"] == "pending" else None,
    }


class Courier:
    """The background task that sends what is due."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.awake = asyncio.Event()
        self.threads = ThreadPoolExecutor(1, "stripe-webhooks")
        self.session = requests.Session()
        self.session.trust_env = False
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.run())

    async def stop(self) -> None:
        if self.task:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        self.session.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        self.awake.set()

    async def run(self) -> None:
        while True:
            self.awake.clear()
            delivery = self.next_delivery()
            if delivery and delivery["next_attempt_at"] <= time.time():
                await self.attempt(delivery)
                continue
            pause = delivery["next_attempt_at"] - time.time() if delivery else None
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.awake.wait(), pause)

    def next_delivery(self) -> sqlite3.Row | None:
        """The first that is due, or else the one that will be due next."""
        if self.store.get_value("hold", default=False):
            return None
        endpoints = [entry["id"] for entry in self.store.every("webhook_endpoint") if entry["url"]]
        marks = ", ".join("?" * len(endpoints))
        query = f"SELECT * FROM deliveries WHERE state = 'pending' AND endpoint IN ({marks}) "
        query += (
            "ORDER BY next_attempt_at > ?, CASE WHEN next_attempt_at > ? THEN next_attempt_at ELSE place END LIMIT 1"
        )
        now = time.time()
        row: sqlite3.Row | None = self.store.database.execute(query, (*endpoints, now, now)).fetchone()
        return row

    async def attempt(self, delivery: sqlite3.Row) -> None:
        endpoint = self.store.find(delivery["endpoint"])
        if endpoint is None:
            return
        signature = sign(delivery["body"], endpoint["_secret"])
        send = asyncio.get_running_loop().run_in_executor(
            self.threads, self.post, endpoint["url"], delivery["body"], signature
        )
        status, error = await send
        self.record(delivery, signature, status, error)

    def post(self, url: str, body: str, signature: str) -> tuple[int | None, str | None]:
        headers = {**HEADERS, "Stripe-Signature": signature}
        try:
            answer = self.session.post(
                url, data=body.encode(), headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            return None, type(error).__name__
        return answer.status_code, None

    def record(self, delivery: sqlite3.Row, signature: str, status: int | None, error: str | None) -> None:
        attempts = json.loads(delivery["attempts"])
        attempts.append({"at": time.time(), "status": status, "error": error, "signature": signature})
        is_done = status is not None and 200 <= status < 300
        pause = min(2 ** (len(attempts) - 1), LONGEST_PAUSE_S)
        # a delivery that a test took or that was put off meanwhile keeps that state
        self.store.database.execute(
            "UPDATE deliveries SET state = CASE WHEN state = 'pending' AND ? THEN 'done' ELSE state END, "
            "next_attempt_at = ?, status = ?, signature = ?, attempts = ? WHERE id = ?",
            (is_done, time.time() + pause, status, signature, json.dumps(attempts), delivery["id"]),
        )
        self.store.commit()
