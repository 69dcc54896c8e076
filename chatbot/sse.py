"""Server-sent events: one line of JSON each (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Any

from chatbot.answers import Cite, Done, Event, Replace, Token

HEARTBEAT_S = 15.0
_NAMES = {Token: "token", Cite: "citation", Replace: "replace", Done: "done"}
_AHEAD = 256  # events that may wait for a slow reader


def formatted(event: Event) -> bytes:
    """One event as it goes over the wire."""
    data: dict[str, Any] = asdict(event)
    data.pop("chunk_id", None)
    if not data.get("url"):  # only what is the customer's own has one
        data.pop("url", None)
    return _wire(_NAMES[type(event)], data)


async def stream(
    events: AsyncIterator[Event], *, about: dict[str, str], heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[bytes]:
    """The whole stream; its first event names the conversation, so that the next question can go on with it.

    A comment goes out when nothing else did for a while: proxies close silent connections, and readers take long
    silence for a lost one. Closing the stream ends the work behind it.
    """
    yield _wire("conversation", about)
    queue: asyncio.Queue[Event | None] = asyncio.Queue(_AHEAD)
    pump = asyncio.create_task(_pump(events, queue))
    pump.add_done_callback(lambda _pump: _wake(queue))
    try:
        while not (pump.done() and queue.empty()):
            try:
                event = await asyncio.wait_for(queue.get(), heartbeat_s)
            except TimeoutError:
                yield b": \n\n"
            else:
                if event is not None:
                    yield formatted(event)
        await pump  # a bug in there is one here
    finally:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


def _wake(queue: "asyncio.Queue[Event | None]") -> None:
    """Tell a reader who waits that nothing more comes; one with a full queue will see for itself."""
    with suppress(asyncio.QueueFull):
        queue.put_nowait(None)


async def _pump(events: AsyncIterator[Event], queue: "asyncio.Queue[Event | None]") -> None:
    """One task that takes every event: a generator must not be resumed from several."""
    async with aclosing(events) as parts:  # type: ignore[type-var]
        async for event in parts:
            await queue.put(event)


def _wire(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
