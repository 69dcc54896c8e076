"""Server-sent events: one line of JSON each (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Any

from chatbot.answering.events import Cite, Done, Event, Replace, Token

HEARTBEAT_S = 15.0
_NAMES = {Token: "token", Cite: "citation", Replace: "replace", Done: "done"}
_AHEAD = 256  # events that may wait for a slow reader


def format_event(event: Event) -> bytes:
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
    silence = _Silence(queue, heartbeat_s)
    try:
        while not (pump.done() and queue.empty()):
            event = await queue.get()
            silence.reset()
            if event is not None:
                yield format_event(event)
            elif not pump.done():
                yield b": \n\n"
        await pump  # a bug in there is one here
    finally:
        silence.end()
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


class _Silence:
    """Wakes whoever reads the queue when nothing came for a while.

    One timer for the whole stream: a timeout for each event would cost as much as the event.
    """

    def __init__(self, queue: "asyncio.Queue[Event | None]", limit_s: float) -> None:
        self._queue, self._limit_s, self._loop = queue, limit_s, asyncio.get_running_loop()
        self.reset()
        self._timer = self._loop.call_later(limit_s, self._look)

    def reset(self) -> None:
        self._since = self._loop.time()

    def _look(self) -> None:
        remaining_s = self._since + self._limit_s - self._loop.time()
        if remaining_s <= 0:
            _wake(self._queue)
            remaining_s = self._limit_s
        self._timer = self._loop.call_later(remaining_s, self._look)

    def end(self) -> None:
        self._timer.cancel()


def _wake(queue: "asyncio.Queue[Event | None]") -> None:
    """Let a reader who waits look around; one with a full queue will see for itself."""
    with suppress(asyncio.QueueFull):
        queue.put_nowait(None)


async def _pump(events: AsyncIterator[Event], queue: "asyncio.Queue[Event | None]") -> None:
    """One task that takes every event: a generator must not be resumed from several."""
    async with aclosing(events) as parts:  # type: ignore[type-var]
        async for event in parts:
            await queue.put(event)


def _wire(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
