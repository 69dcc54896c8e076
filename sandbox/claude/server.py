"""The server: authentication, the endpoints, streams with pace and faults, and what tests may look at and set."""

import asyncio
import contextlib
import json
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.claude import models, protocol
from sandbox.claude.answers import Prompt, extractive, obedient, text_answer
from sandbox.claude.checks import check_request
from sandbox.claude.errors import ApiError, invalid, new_id
from sandbox.claude.protocol import Answer
from sandbox.claude.thinking import Thoughts
from sandbox.frame import StandIn, abort

API_KEY = "sk-ant-sandbox-key"
MODES = ("extractive", "obey", "silent", "scripted")
STREAM_FAULTS = (
    "overloaded_before",
    "error_mid_stream",
    "cut_mid_stream",
    "cut_before_first_token",
    "malformed_event",
    "no_message_stop",
    "hang",
    "only_pings",
)
_PING_S = 0.1
RERANK_FAULTS = ("nonsense", "hang", "overloaded")
OVERLOADED_ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@dataclass
class Pace:
    """Seconds to the first byte and between deltas; each of these is longer or shorter by up to the share `jitter`."""

    first_byte_s: float = 0.02
    token_s: float = 0.005
    jitter: float = 0.0

    def next_token_s(self) -> float:
        return self.token_s * (1 + self.jitter * random.uniform(-1, 1))


@dataclass
class StreamFault:
    """One disturbance of the next `times` streams, after so many deltas."""

    kind: str
    after_deltas: int = 3
    times: int = 1


@dataclass
class OpenStream:
    """A stream as seen from here: `state` is open, finished, cut (by a fault) or client_gone.

    `said` is how many characters of the answer had left when, and `ended_s` when the stream was over, by the machine's
    monotonic clock, the same in every process.
    """

    id: str
    at: str
    question: str
    state: str = "open"
    deltas: int = 0
    progress: list[tuple[float, int]] = field(default_factory=list)
    ended_s: float = 0.0


class ClaudeStandIn(StandIn):
    name = "claude"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.mode = "extractive"
        self.script: deque[Any] = deque()
        self.pace = Pace()
        self.stream_faults: list[StreamFault] = []
        self.rerank_faults: deque[str] = deque()
        self.requests: deque[dict[str, Any]] = deque(maxlen=200)
        self.streams: deque[OpenStream] = deque(maxlen=400)
        self.cache = protocol.PromptCache()
        self.citations = protocol.CITATION_PLACES[0]
        self.thoughts = Thoughts()
        self.closing = asyncio.Event()

    def env(self) -> dict[str, str]:
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": API_KEY}

    async def stop(self) -> None:
        self.closing.set()

    def app(self) -> ASGIApp:
        """The frame's app; a stream that is to be cut finds the server's own `send` in its scope."""
        inner = super().app()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, "sandbox.send": send}, receive, send)

        return app

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/v1/messages", self.create_message, methods=["POST"]),
            Route("/v1/messages/count_tokens", self.count_tokens, methods=["POST"]),
            Route("/{path:path}", self.not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def control_routes(self) -> list[BaseRoute]:
        return [
            Route("/requests", self.control_requests),
            Route("/mode", self.control_mode, methods=["GET", "POST"]),
            Route("/pace", self.control_pace, methods=["GET", "POST"]),
            Route("/stream-fault", self.control_stream_fault, methods=["GET", "POST", "DELETE"]),
            Route("/rerank-fault", self.control_rerank_fault, methods=["GET", "POST", "DELETE"]),
            Route("/citations", self.control_citations, methods=["GET", "POST"]),
            Route("/open-streams", self.control_open_streams),
        ]

    async def create_message(self, request: Request) -> Response | ASGIApp:
        request_id = new_id("req")
        try:
            body = await self._read_request(request, counting=False)
        except ApiError as error:
            self._record(request_id, None, f"{error.status} {error.kind}: {error}")
            return error.response(request_id)
        prompt = Prompt.read(body)
        if prompt.is_reranking and self.rerank_faults:
            return await self._fail_reranking(request_id, body)
        answer = self.thoughts.think(body, self._answer(prompt))
        answer = answer.truncate(body["max_tokens"], body.get("stop_sequences") or [])
        self.thoughts.remember(answer)
        usage = self.cache.usage(body)
        record = self._record(request_id, body, "".join(block.get("text", "") for block in answer.content))
        record["usage"] = {**usage, "output_tokens": answer.tokens}
        if body.get("stream"):
            stream = OpenStream(request_id, record["at"], prompt.question[:200])
            self.streams.append(stream)
            return EventStream(self, stream, list(protocol.events(body["model"], usage, answer, self.citations)))
        await asyncio.sleep(self.pace.first_byte_s + self.pace.token_s * answer.tokens)
        return JSONResponse(protocol.message(body["model"], usage, answer), headers={"request-id": request_id})

    async def _fail_reranking(self, request_id: str, body: dict[str, Any]) -> Response:
        """The next disturbance of a call that orders passages."""
        kind = self.rerank_faults.popleft()
        if kind == "overloaded":
            self._record(request_id, body, "529 overloaded_error")
            return ApiError(529, "overloaded_error", "Overloaded").response(request_id)
        if kind == "hang":
            self._record(request_id, body, "")
            await self.closing.wait()
        answer = text_answer("Certamente! Il primo passo è il migliore: [uno, due].")
        self._record(request_id, body, str(answer.content[0]["text"]))
        return JSONResponse(protocol.message(body["model"], self.cache.usage(body), answer))

    async def count_tokens(self, request: Request) -> Response:
        request_id = new_id("req")
        try:
            body = await self._read_request(request, counting=True)
        except ApiError as error:
            return error.response(request_id)
        tokens = sum(protocol.count_tokens(block) for block in protocol.prompt_blocks(body))
        return JSONResponse({"input_tokens": tokens}, headers={"request-id": request_id})

    async def not_found(self, request: Request) -> Response:
        return ApiError(404, "not_found_error", f"Not found: {request.url.path}").response(new_id("req"))

    async def _read_request(self, request: Request, *, counting: bool) -> dict[str, Any]:
        # the SDK sends its key as a bearer token, plain HTTP clients as x-api-key
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if not key:
            raise ApiError(401, "authentication_error", "x-api-key header is required")
        if key != API_KEY:
            raise ApiError(401, "authentication_error", "invalid x-api-key")
        if not request.headers.get("anthropic-version"):
            raise invalid("anthropic-version: header is required")
        if len(await request.body()) > models.MAX_BYTES:
            raise ApiError(413, "request_too_large", "Request exceeds the maximum size")
        try:
            body = await request.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise invalid("The request body is not valid JSON.") from None
        check_request(body, counting=counting)
        self.thoughts.check(body["messages"])
        return dict(body)

    def _record(self, request_id: str, body: dict[str, Any] | None, answer: str) -> dict[str, Any]:
        record = {"id": request_id, "at": datetime.now(UTC).isoformat(), "body": body, "answer": answer}
        self.requests.append(record)
        return record

    def _answer(self, prompt: Prompt) -> Answer:
        if self.mode == "silent":
            return Answer([])
        if self.mode == "scripted" and self.script:
            return parse_entry(self.script.popleft())
        return obedient(prompt) if self.mode == "obey" else extractive(prompt)

    def take_stream_fault(self) -> StreamFault | None:
        if not self.stream_faults:
            return None
        fault = self.stream_faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self.stream_faults.pop(0)
        return fault

    async def control_requests(self, _request: Request) -> Response:
        """The last 200 requests, newest first, each with its full body and the text of the answer."""
        return JSONResponse(list(reversed(self.requests)))

    async def control_mode(self, request: Request) -> Response:
        """How to answer. A script's entries are used up one per request: a text, or `content` with `stop_reason`."""
        if request.method == "POST":
            body = await _object(request)
            script = body.get("script", [])
            if body.get("mode") not in MODES or not isinstance(script, list):
                return JSONResponse({"error": f"mode is one of {', '.join(MODES)}; script is a list"}, 400)
            try:
                for entry in script:
                    parse_entry(entry)
            except (TypeError, KeyError) as error:
                return JSONResponse({"error": f"not an answer: {error}"}, 400)
            self.mode, self.script = body["mode"], deque(script)
        return JSONResponse({"mode": self.mode, "script": list(self.script)})

    async def control_pace(self, request: Request) -> Response:
        if request.method == "POST":
            body = await _object(request)
            names = {field.name for field in fields(Pace)}
            if not set(body) <= names or not all(isinstance(value, int | float) for value in body.values()):
                return JSONResponse({"error": f"numbers for {', '.join(sorted(names))}"}, 400)
            self.pace = Pace(**{**asdict(self.pace), **body})
        return JSONResponse(asdict(self.pace))

    async def control_stream_fault(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.stream_faults.clear()
        elif request.method == "POST":
            body = await _object(request)
            if body.get("kind") not in STREAM_FAULTS or not set(body) <= {"kind", "after_deltas", "times"}:
                return JSONResponse({"error": f"kind is one of {', '.join(STREAM_FAULTS)}"}, 400)
            self.stream_faults.append(StreamFault(**body))
        return JSONResponse([asdict(fault) for fault in self.stream_faults])

    async def control_rerank_fault(self, request: Request) -> Response:
        """How the next calls that order passages go wrong; streams and rewritings are left alone."""
        if request.method == "DELETE":
            self.rerank_faults.clear()
        elif request.method == "POST":
            kind = (await _object(request)).get("kind")
            if kind not in RERANK_FAULTS:
                return JSONResponse({"error": f"kind is one of {', '.join(RERANK_FAULTS)}"}, 400)
            self.rerank_faults.append(kind)
        return JSONResponse(list(self.rerank_faults))

    async def control_citations(self, request: Request) -> Response:
        """Where the citations of a block come in its stream."""
        if request.method == "POST":
            place = (await _object(request)).get("place")
            if place not in protocol.CITATION_PLACES:
                return JSONResponse({"error": f"place is one of {', '.join(protocol.CITATION_PLACES)}"}, 400)
            self.citations = place
        return JSONResponse({"place": self.citations})

    async def control_open_streams(self, _request: Request) -> Response:
        """How many streams are open now, and what became of the last ones (newest first)."""
        still_open = sum(stream.state == "open" for stream in self.streams)
        return JSONResponse({"open": still_open, "streams": [asdict(stream) for stream in reversed(self.streams)]})


async def _object(request: Request) -> dict[str, Any]:
    """The JSON object in the body; anything else is as good as an empty one."""
    try:
        body = await request.json()
    except json.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def parse_entry(entry: Any) -> Answer:
    """An answer from a script: a text, or {"content": [blocks], "stop_reason": …}, taken as it stands."""
    if isinstance(entry, str):
        return text_answer(entry)
    content = [dict(block) for block in entry["content"]]
    for block in content:
        if block["type"] == "tool_use":
            block.setdefault("id", new_id("toolu"))
            block.setdefault("input", {})
        elif block["type"] == "thinking":
            block.setdefault("signature", new_id("sig"))
    calls_tool = any(block["type"] == "tool_use" for block in content)
    return Answer(content, entry.get("stop_reason") or ("tool_use" if calls_tool else "end_turn"))


class EventStream(Response):
    """Server-sent events at the set pace, with the next stream fault; notices when its reader goes away."""

    def __init__(self, stand_in: ClaudeStandIn, stream: OpenStream, events: list[dict[str, Any]]) -> None:
        super().__init__(headers={"request-id": stream.id, "cache-control": "no-cache"})
        self.stand_in = stand_in
        self.stream = stream
        self.events = events
        self.fault = stand_in.take_stream_fault()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(scope, send))
        leaving = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if self.stream.state == "open":
                self.stream.state = "finished" if sending.done() else "client_gone"
            self.stream.ended_s = time.monotonic()
        finally:
            for task in (sending, leaving):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending

    async def _send(self, scope: Scope, send: Send) -> None:
        pace = self.stand_in.pace
        await asyncio.sleep(pace.first_byte_s)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), *self.raw_headers]
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for event in self._until_fault():
            if event["type"] == "content_block_delta":
                self.stream.deltas += 1
                await asyncio.sleep(pace.next_token_s())
                self._note(event["delta"].get("text", ""))
            await send({"type": "http.response.body", "body": protocol.sse(event), "more_body": True})
        await self._misbehave(scope, send)
        if self.stream.state == "open":
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _note(self, text: str) -> None:
        before = self.stream.progress[-1][1] if self.stream.progress else 0
        if text:
            self.stream.progress.append((time.monotonic(), before + len(text)))

    def _until_fault(self) -> Iterator[dict[str, Any]]:
        """The events as far as the fault lets them come."""
        if self.fault is None:
            yield from self.events
            return
        if self.fault.kind == "overloaded_before":
            return
        limit = 0 if self.fault.kind == "cut_before_first_token" else self.fault.after_deltas
        for event in self.events:
            if event["type"] == "content_block_delta":
                if limit == 0:
                    return
                limit -= 1
            if event["type"] == "message_stop":
                return
            yield event

    async def _misbehave(self, scope: Scope, send: Send) -> None:
        kind = self.fault.kind if self.fault else ""
        if kind in {"overloaded_before", "error_mid_stream"}:
            body = protocol.sse({**OVERLOADED_ERROR, "request_id": self.stream.id})
            await send({"type": "http.response.body", "body": body, "more_body": True})
        elif kind == "malformed_event":
            body = b'event: content_block_delta\ndata: {"type": "content_block_delta", "index":\n\n'
            await send({"type": "http.response.body", "body": body, "more_body": True})
        elif kind == "hang":
            await self.stand_in.closing.wait()
        elif kind == "only_pings":
            while not self.stand_in.closing.is_set():
                await send({"type": "http.response.body", "body": protocol.sse({"type": "ping"}), "more_body": True})
                await asyncio.sleep(_PING_S)
        elif kind in {"cut_mid_stream", "cut_before_first_token"}:
            self.stream.state = "cut"
            await abort(scope["sandbox.send"])


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
