"""A client that costs next to nothing: HTTP/1.1 on bare asyncio streams, so that the servers' work is what is timed."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.frame import BenchError


class StreamedAnswer(NamedTuple):
    """A stream up to its end: all that came, and how much of it was there when, by the machine's monotonic clock."""

    body: bytes
    lengths: list[int]
    times_s: list[float]

    def came_s(self, words: bytes) -> float:
        """When `words` had come for the first time."""
        at = self.body.find(words)
        if at < 0:
            raise BenchError(f"no {words!r} in the stream: {self.body[-300:]!r}")
        return self.was_there_s(at + len(words))

    def was_there_s(self, length: int) -> float:
        """When so many bytes had come."""
        return self.times_s[bisect_left(self.lengths, length)]


def request(url: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> bytes:
    """A request as it goes over the wire."""
    parts = urlsplit(url)
    lines = [
        f"{method} {parts.path}{'?' * bool(parts.query)}{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def post_all(url: str, requests: Sequence[bytes], connections: int) -> float:
    """Seconds for all `requests` over so many keep-alive connections; raises unless each is answered 200."""
    waiting = list(reversed(requests))
    pairs = [await _open(url) for _number in range(connections)]

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while waiting:
            writer.write(waiting.pop())
            head = await reader.readuntil(b"\r\n\r\n")
            _require_ok(head)
            await reader.readexactly(_length(head))
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(work(*streams) for streams in pairs))
    return time.perf_counter() - start


async def read_stream(url: str, request_bytes: bytes, *, pieces: int = 0) -> StreamedAnswer:
    """Send one request and read its stream to the end, or hang up after so many `pieces`."""
    reader, writer = await _open(url)
    writer.write(request_bytes)
    head = await reader.readuntil(b"\r\n\r\n")
    _require_ok(head)
    body = bytearray()
    lengths: list[int] = []
    times_s: list[float] = []
    while not body.endswith(b"0\r\n\r\n") and not (pieces and len(lengths) >= pieces):
        piece = await reader.read(65_536)
        if not piece:
            raise BenchError(f"the stream ended early: {bytes(body[-200:])!r}")
        body += piece
        lengths.append(len(body))
        times_s.append(time.monotonic())
    writer.close()
    return StreamedAnswer(bytes(body), lengths, times_s)


async def _open(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


def _require_ok(head: bytes) -> None:
    if not head.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"unexpected answer: {head[:300].decode(errors='replace')}")


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0
