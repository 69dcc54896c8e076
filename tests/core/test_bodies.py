"""A body larger than its address takes is refused in words, and never read to its end (ASVS 5.0 5.2.1)."""

import asyncio
import json
import tracemalloc
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from billing.payments.webhooks import PATH as WEBHOOK_PATH
from config.asgi import application
from core.uploads import FILES_AT_ONCE
from core.web.bodies import largest_body
from tests.architecture.routes import routes

pytestmark = pytest.mark.django_db

MEGABYTE = 1024 * 1024
PIECE = b"x" * 65_536


class Sender:
    """A client of the ASGI application that sends `size` bytes, by pieces, and keeps count of those that were taken."""

    def __init__(self, size: int, *, is_declared: bool) -> None:
        self.size, self.taken, self.taken_before_answer = size, 0, -1
        self.length = (b"content-length", str(size).encode()) if is_declared else (b"transfer-encoding", b"chunked")
        self.messages: list[Any] = []

    async def receive(self) -> Any:
        if self.taken >= self.size:
            await asyncio.Event().wait()  # stays connected
        piece = PIECE[: self.size - self.taken]
        self.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": self.taken < self.size}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.taken_before_answer = self.taken
        self.messages.append(message)

    def post(
        self, path: str, content_type: bytes = b"application/json", language: bytes = b"it"
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        headers = [
            (b"host", b"testserver"),
            (b"content-type", content_type),
            (b"accept-language", language),
            self.length,
        ]
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": headers, "scheme": "http", "client": ("192.0.2.7", 4711),
            "server": ("testserver", 80), "asgi": {"version": "3.0"},
        }  # fmt: skip
        async_to_sync(application)(scope, self.receive, self.send)
        start, *rest = self.messages
        return start["status"], dict(start["headers"]), b"".join(message.get("body", b"") for message in rest)


def test_declared_body_is_refused_before_a_byte_of_it_is_read():
    sender = Sender(MEGABYTE + 1, is_declared=True)

    status, headers, body = sender.post("/api/v1/auth/login")

    assert (status, headers[b"content-type"], sender.taken_before_answer) == (413, b"application/problem+json", 0)
    assert json.loads(body) == {
        "type": "urn:problem:too_large", "title": "È più di quanto questo indirizzo accetta", "status": 413,
        "code": "too_large",
    }  # fmt: skip
    assert headers[b"connection"] == b"close"


def test_body_without_a_length_is_refused_at_the_byte_that_is_too_many():
    sender = Sender(200 * MEGABYTE, is_declared=False)
    tracemalloc.start()

    status, _headers, _body = sender.post("/api/v1/auth/login")

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (status, sender.taken_before_answer) == (413, MEGABYTE + len(PIECE))
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize(
    ("language", "words"), [(b"it", "Accetta fino a 1 MB alla volta"), (b"en", "It takes up to 1 MB at once")]
)
def test_page_says_how_much_the_address_takes(language: bytes, words: str):
    sender = Sender(2 * MEGABYTE, is_declared=True)

    status, headers, body = sender.post("/account/accedi/", b"application/x-www-form-urlencoded", language)

    assert (status, headers[b"content-type"]) == (413, b"text/html; charset=utf-8")
    assert words in body.decode()


@pytest.mark.parametrize("is_declared", [True, False])
def test_body_as_large_as_allowed_is_read(is_declared: bool):
    sender = Sender(MEGABYTE, is_declared=is_declared)

    status, _headers, _body = sender.post("/api/v1/auth/login")

    assert (status, sender.taken) == (400, MEGABYTE)  # it is no JSON


def test_addresses_of_files_take_the_files_and_no_more(settings: Any):
    settings.MAX_UPLOAD_SIZE_MB = 2
    with_files = MEGABYTE + FILES_AT_ONCE * 2 * MEGABYTE

    sizes = {
        path: largest_body(path)
        for path in (
            "/api/v1/tickets/TKT-2026-00001/messages", "/area/richieste/TKT-2026-00001/", "/richieste/x/",
            "/admin/chatbot/document/add/", "/api/v1/tickets", "/", "/nowhere/", "/richieste/x/risolta/",
        )
    }  # fmt: skip
    assert list(sizes.values()) == [with_files] * 4 + [MEGABYTE] * 4
    sender = Sender(with_files + 1, is_declared=True)
    assert (sender.post("/richieste/x/")[0], sender.taken_before_answer) == (413, 0)


def test_every_view_that_reads_files_says_so():
    """Those that do not would be refused at the first photograph."""
    marked = {route for route, view in routes().items() if getattr(view, "takes_files", False)}

    assert marked == {
        "area/richieste/<number:number>/",
        "richieste/<str:token>/",
        "api/v1/tickets/<number:number>/messages",
    }


def test_event_of_stripe_has_a_limit_of_its_own():
    sender = Sender(50 * MEGABYTE, is_declared=False)

    status, _headers, _body = sender.post(WEBHOOK_PATH)

    assert (status, sender.taken_before_answer) == (413, 256 * 1024 + len(PIECE))
