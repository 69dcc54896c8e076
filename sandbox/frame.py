"""What every HTTP stand-in shares: its place, faults on demand, and the loop that serves it.

A stand-in is a subclass of `StandIn`. Faults are asked for over HTTP (`POST /control/<name>/faults` on the sandbox's
page), so tests and drills use the same door as a person at the page.
"""

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    """One disturbance of the next `times` requests whose "METHOD /path" starts with `match`.

    `delay_s` waits first. `drop` closes the connection without an answer; `after` lets the stand-in do its work and
    loses the answer on the way back. With a `status` the answer is `body` (JSON) and `headers`; without one the
    request goes through after the delay.
    """

    match: str = ""
    times: int = 1
    delay_s: float = 0.0
    drop: bool = False
    after: bool = False
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Faults:
    """ASGI middleware that applies the first matching fault and counts it down."""

    def __init__(self, app: ASGIApp, pending: list[Fault]) -> None:
        self.app = app
        self.pending = pending

    def take(self, request_line: str) -> Fault | None:
        for fault in self.pending:
            if request_line.startswith(fault.match):
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.take(f"{scope['method']} {scope['path']}") if scope["type"] == "http" else None
        if fault is None:
            await self.app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay_s)
        if fault.after:
            await self.app(scope, receive, _swallow)
        if fault.status is not None:
            await JSONResponse(fault.body, fault.status, fault.headers)(scope, receive, send)
        elif fault.drop or fault.after:
            await abort(send)
        else:
            await self.app(scope, receive, send)


async def abort(send: Send) -> None:
    """Cut the connection. ASGI has no word for it, so this asks uvicorn's request object, whose method `send` is."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    while not send.__self__.disconnected:  # type: ignore[attr-defined]  # noqa: ASYNC110 -- uvicorn offers no event
        await asyncio.sleep(0)


async def _swallow(message: Message) -> None:
    """Stand in for the client of a request whose answer is lost."""


class StandIn:
    """One outside system.

    `name` is its place under `/control/`; `routes()` is what the product sees; `control_routes()` is what tests and
    the page see, mounted under `/control/<name>`; `env()` are the settings that point the product here, known once
    `url` is set; `start()` and `stop()` surround the time it serves.
    """

    name = ""
    tls = False

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = ""
        self.faults: list[Fault] = []

    def routes(self) -> list[BaseRoute]:
        return []

    def control_routes(self) -> list[BaseRoute]:
        return []

    def env(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        """Begin background work; the stand-in's own `url` is known."""

    async def stop(self) -> None:
        """End background work."""

    def app(self) -> ASGIApp:
        return Faults(Starlette(routes=self.routes()), self.faults)

    def control_app(self) -> Starlette:
        fault_route = Route("/faults", self.control_faults, methods=["GET", "POST", "DELETE"])
        return Starlette(routes=[fault_route, *self.control_routes()])

    async def control_faults(self, request: Request) -> Response:
        """GET lists pending faults, POST adds one (the fields of `Fault`), DELETE clears them."""
        if request.method == "POST":
            try:
                self.faults.append(Fault(**await request.json()))
            except (TypeError, json.JSONDecodeError) as error:
                return JSONResponse({"error": f"not a fault: {error}"}, 400)
        elif request.method == "DELETE":
            self.faults.clear()
        return JSONResponse([asdict(fault) for fault in self.faults])


def free_port() -> int:
    """A loopback port that was free a moment ago.

    Drawn below the range from which the system takes ports for outgoing connections: one of those could take the port
    before its server does.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, port: int, *, certificate: tuple[Path, Path] | None = None) -> AsyncIterator[None]:
    """Serve `app` on 127.0.0.1:`port` while the block runs; `certificate` is (PEM chain, PEM key)."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="off",
        date_header=False,
        timeout_keep_alive=75,  # as vendors' edges do: longer than a client keeps a connection it does not use
        ssl_certfile=str(certificate[0]) if certificate else None,
        ssl_keyfile=str(certificate[1]) if certificate else None,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
            raise OSError(f"port {port} on 127.0.0.1 could not be opened")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.end()
        await task


class _Server(uvicorn.Server):
    """Many servers share one process here, so none of them may take over its signals; each ends as soon as it is told.

    uvicorn's own loop looks up ten times a second, to tell the time in a header and to see whether it shall end.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop_event = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._stop_event.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stop_event.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield
