"""Server-sent events: one line of JSON each (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from chatbot.answers import Cite, Done, Event, Replace, Token

_NAMES = {Token: "token", Cite: "citation", Replace: "replace", Done: "done"}


def formatted(event: Event) -> bytes:
    """One event as it goes over the wire."""
    data: dict[str, Any] = asdict(event)
    data.pop("chunk_id", None)
    if not data.get("url"):  # only what is the customer's own has one
        data.pop("url", None)
    return f"event: {_NAMES[type(event)]}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def stream(events: AsyncIterator[Event], *, conversation: str) -> AsyncIterator[bytes]:
    """The whole stream; its first event names the conversation, so that the next question can go on with it."""
    yield f"event: conversation\ndata: {json.dumps({'token': conversation})}\n\n".encode()
    async for event in events:
        yield formatted(event)
