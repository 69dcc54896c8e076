"""Calls of a control route in process: one ASGI request, no socket."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status < 400

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """Why the control route refused, in its own words."""
        try:
            return str(self.json()["error"])
        except (ValueError, KeyError, TypeError):
            return f"status {self.status}"


async def call(app: ASGIApp, method: str, path: str, body: Any = None, **query: str) -> Reply:
    """Ask `app` and wait for its whole answer. `path` is unquoted."""
    messages: list[Message] = []
    content = b"" if body is None else json.dumps(body).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "root_path": "",
        "query_string": urlencode(query).encode(),
        "headers": [(b"host", b"sandbox"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 0),
        "server": ("sandbox", 80),
    }
    await app(scope, receive, send)
    start = next(message for message in messages if message["type"] == "http.response.start")
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    whole = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")
    return Reply(start["status"], headers.get("content-type", ""), whole)
