"""The least that does each job: a bare ASGI application without framework, for `uvicorn bench.floor:application`.

`POST /insert` keeps the body as a row, `POST /relay` passes a stream of the model's stand-in on, and
`POST /v1/embeddings` answers at its own pace, at once if none is set, so that a figure carries no embedding model's
work; `GET /embedder` tells how many texts it was given, and over how long, since it was asked last.
"""

import asyncio
import json
import os
import time
from typing import Any

import httpx2
from psycopg_pool import AsyncConnectionPool

TABLE = (
    "CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, body jsonb NOT NULL, kept_at timestamptz NOT NULL)"
)
INSERT = "INSERT INTO bench_floor (id, body, kept_at) VALUES (%s, %s, now()) ON CONFLICT (id) DO NOTHING"
DIMENSIONS = 384
SECONDS_A_TEXT = float(os.environ.get("BENCH_EMBEDDER_SECONDS_A_TEXT", "0"))

_pool = AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=8, open=False)
_upstream = httpx2.AsyncClient(
    base_url=os.environ["ANTHROPIC_BASE_URL"],
    headers={"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
    timeout=30,
    limits=httpx2.Limits(max_connections=400),
)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/insert":
        async with _pool.connection() as connection:
            await connection.execute(INSERT, (json.loads(body)["id"], body.decode()))
        await _answer(send, b"")
    elif scope["path"] == "/relay":
        await _relay(body, send)
    elif scope["path"] == "/v1/embeddings":
        await _answer(send, await _embedder.embed(json.loads(body)))
    elif scope["path"] == "/embedder":
        await _answer(send, _embedder.flush_figures())
    else:
        await _answer(send, b"bench")


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await _pool.open(wait=True)
            async with _pool.connection() as connection:
                await connection.execute(TABLE)
            await send({"type": "lifespan.startup.complete"})
        else:
            await _pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _relay(body: bytes, send: Any) -> None:
    async with _upstream.stream("POST", "/v1/messages", content=body) as stream:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": stream.status_code, "headers": headers})
        async for piece in stream.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Embedder:
    """The same direction for every text: full text alone decides what fits. One call at a time, as one model works."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._texts, self._start_s, self._end_s = 0, 0.0, 0.0

    async def embed(self, request: dict[str, Any]) -> bytes:
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        async with self._turn:
            self._start_s = self._start_s or time.monotonic()
            await asyncio.sleep(SECONDS_A_TEXT * len(texts))
            self._texts, self._end_s = self._texts + len(texts), time.monotonic()
        data = [{"object": "embedding", "index": index, "embedding": _VECTOR} for index in range(len(texts))]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return json.dumps({"object": "list", "model": request["model"], "data": data, "usage": usage}).encode()

    def flush_figures(self) -> bytes:
        figures = {"texts": self._texts, "seconds": self._end_s - self._start_s}
        self._texts, self._start_s, self._end_s = 0, 0.0, 0.0
        return json.dumps(figures).encode()


_VECTOR = [DIMENSIONS**-0.5] * DIMENSIONS
_embedder = _Embedder()
