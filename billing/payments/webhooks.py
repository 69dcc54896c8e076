"""Stripe's door, as an ASGI application of its own: signature, inbox row, 200. What the event means comes afterwards.

It stands before Django's middleware: sessions, languages and security headers are for browsers, and Stripe waits.
"""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.db import DataError
from django.utils import timezone

from billing import tasks
from billing.clients import stripe
from billing.payments import services as payments
from core.tasks import wake
from core.web.headers import security_headers
from core.web.offload import gives_back
from core.web.problems import CONTENT_TYPE, problem

PATH = "/api/v1/webhooks/stripe"
MAX_BODY_BYTES = 256 * 1024
TOGETHER_S = 0.05


async def stripe_webhook(scope: Any, receive: Any, send: Any) -> None:
    """200 once the event is kept, new or not; 4xx for anything that Stripe did not sign just now.

    The worker is woken after the answer, once for all events of a moment: a message costs more than the row, and with
    the broker down Stripe waits no longer, for the sweep finds what was kept.
    """
    if scope["method"] != "POST":
        await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Events are posted.")
        return
    body = await _body(receive)
    if body is None:
        await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "An event is never this large.")
        return
    signature = dict(scope["headers"]).get(b"stripe-signature", b"").decode("latin-1")
    try:
        event = stripe.construct_event(body, signature, time.time())
    except (stripe.BadSignatureError, ValueError):
        await _refuse(send, HTTPStatus.BAD_REQUEST, "bad_signature", "This event is not signed by Stripe.")
        return
    await _inbox.keep(event)
    await _answer(send, HTTPStatus.OK, b"", "text/plain")


class _Inbox:
    """Keeps the events of a moment together: what comes while one INSERT runs goes into the next.

    An INSERT of one event and of ten take the same round trip, thread and connection, and Stripe sends in bursts.
    """

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._batch: asyncio.Task[None] | None = None  # the one that `_events` will go with
        self._turn = asyncio.Lock()
        self._waking: asyncio.Task[None] | None = None

    async def keep(self, event: dict[str, Any]) -> None:
        """Return once the event is committed; raises what PostgreSQL said of it."""
        self._events.append(event)
        if self._batch is None or self._batch.done():
            self._batch = asyncio.create_task(self._keep_batch())
        try:
            await asyncio.shield(self._batch)  # Stripe hanging up is no reason to lose the others
        except DataError:  # of one among them, and the others are not to suffer for it
            await self._insert([event])

    async def _keep_batch(self) -> None:
        async with self._turn:
            events, self._events, self._batch = self._events, [], None
            await self._insert(events)

    async def _insert(self, events: list[dict[str, Any]]) -> None:
        async with ThreadSensitiveContext():
            new = await sync_to_async(gives_back(payments.keep_events))(events=events, now=timezone.now())
        if new and (self._waking is None or self._waking.done()):
            self._waking = asyncio.create_task(self._wake_worker())

    async def _wake_worker(self) -> None:
        await asyncio.sleep(TOGETHER_S)
        self._waking = None  # an event that comes from here on needs a message of its own
        await sync_to_async(wake, thread_sensitive=False)(tasks.process_due_stripe_events)


_inbox = _Inbox()


async def _body(receive: Any) -> bytes | None:
    """The whole body, or None as soon as it is too large, whatever its headers said."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return body


async def _refuse(send: Any, status: HTTPStatus, code: str, title: str) -> None:
    await _answer(send, status, json.dumps(problem(status, code, title)).encode(), CONTENT_TYPE)


async def _answer(send: Any, status: HTTPStatus, body: bytes, content_type: str) -> None:
    values = {"content-type": content_type, "content-length": str(len(body))}
    values |= security_headers(is_secure=settings.HTTPS)
    headers = [(name.lower().encode(), value.encode()) for name, value in values.items()]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
