"""The calls of Claude's Messages API: an answer streamed, with the passages as search results it can cite, or a word.

https://docs.claude.com/en/docs/build-with-claude/search-results
Errors are told apart by their type, not their HTTP status: an error in mid-stream comes with status 200.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import httpx2
from django.conf import settings

from chatbot.clients.claude.request import Request
from chatbot.clients.claude.stream import MessageStop, Piece, StreamReader, read_message
from chatbot.clients.loops import LIMITS, PerLoop
from core.errors import PermanentError, TransientError

if TYPE_CHECKING:
    import anthropic
    from anthropic import types

# Between two pieces of an answer; the SDK's own default waits ten minutes.
_TIMEOUT = {"connect": 5, "read": 30, "write": 10, "pool": 5}
_WHOLE_TIMEOUT_S = 8  # of a short answer that somebody waits for before the search
_PASSING = {"overloaded_error", "rate_limit_error", "api_error", "timeout_error"}


T = TypeVar("T")


@dataclass(frozen=True)
class Completion:
    """A whole short answer."""

    text: str
    message_stop: MessageStop

    @property
    def stop_reason(self) -> str:
        return self.message_stop.stop_reason


def load() -> None:
    """Load the SDK now: 40 MB and half a second, left until the first call to whoever may never make one."""
    import anthropic  # noqa: F401, PLC0415


def deadline() -> float:
    """When an answer that begins now is cut off, by the clock of the loop."""
    return asyncio.get_running_loop().time() + settings.CLAUDE_MAX_SECONDS


async def stream_answer(request: Request, until: float) -> AsyncIterator[Piece]:
    """The answer piece by piece, `MessageStop` last. Raises `TransientError` or `PermanentError`, also in mid-stream.

    Closing the iterator closes the connection, and so ends what the answer costs; so does `until`, a `deadline`.
    """
    with _convert_errors():
        # the raw events: the SDK's own accumulating stream costs twice their time, and the rows keep the text anyway
        async with await _once_more(lambda: _open_stream(request)) as stream:
            reader = StreamReader()
            with _Limit(until) as limit:
                async for event in stream:
                    for piece in reader.take(event):
                        limit.pause()
                        yield piece
                        limit.go_on()
            yield reader.end()


class _Limit:
    """Ends the reading of a stream at `until`, also while the SDK reads nothing but pings.

    As `asyncio.timeout`, which cannot be used where a generator yields, and around each piece costs a timer each.
    """

    def __init__(self, until: float) -> None:
        reader = asyncio.current_task()
        if reader is None:
            raise RuntimeError("an answer is read by a task")
        self._reader, self._others = reader, reader.cancelling()
        self._is_reading = True
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_at(until, self._end)

    def _end(self) -> None:
        self._is_over = True
        if self._is_reading:
            self._reader.cancel()

    def pause(self) -> None:
        """Whoever takes the pieces is at work: the task must not be cancelled there."""
        self._is_reading = False

    def go_on(self) -> None:
        """Read on; `TransientError` when the time is over."""
        self._is_reading = True
        if self._is_over:
            raise _too_long()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._timer.cancel()
        is_ours = kind is asyncio.CancelledError and self._is_over and self._is_reading
        if is_ours and self._reader.uncancel() <= self._others:  # whoever else cancelled is not silenced
            raise _too_long() from None


def _too_long() -> TransientError:
    return TransientError(f"Claude: no end after {settings.CLAUDE_MAX_SECONDS} s", code="too_long")


async def complete(request: Request) -> Completion:
    """A short answer in one piece, from rules, history and question alone.

    Raises `TransientError` or `PermanentError`, also after eight seconds.
    """
    with _convert_errors():
        message = await _once_more(lambda: _create_message(request))
    text = "".join(block.text for block in message.content if block.type == "text")
    return Completion(text, read_message(message))


def _open_stream(request: Request) -> "Awaitable[anthropic.AsyncStream[types.RawMessageStreamEvent]]":
    stream: Any = _clients.get().messages.create(**request.parameters(), stream=True)
    return cast("Awaitable[anthropic.AsyncStream[types.RawMessageStreamEvent]]", stream)


def _create_message(request: Request) -> "Awaitable[types.Message]":
    message: Any = _clients.get().messages.create(**request.parameters(), timeout=_WHOLE_TIMEOUT_S)
    return cast("Awaitable[types.Message]", message)


async def _once_more(post: Callable[[], Awaitable[T]]) -> T:
    """A connection kept from an earlier answer may be closed by the other side at this very moment."""
    import anthropic  # noqa: PLC0415 -- see `load`

    try:
        return await post()
    except anthropic.APITimeoutError:
        raise
    except anthropic.APIConnectionError:
        return await post()


@contextmanager
def _convert_errors() -> Iterator[None]:
    """The SDK's errors as ours."""
    import anthropic  # noqa: PLC0415 -- see `load`

    try:
        yield
    except anthropic.APIStatusError as error:
        raise _convert_error(error) from error
    except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
        # once a stream has begun, the SDK lets its HTTP library's errors through, and ValueError for what is not JSON
        raise TransientError(f"Claude: {type(error).__name__}", code="connection") from error


def _convert_error(error: "anthropic.APIStatusError") -> TransientError | PermanentError:
    body = error.body if isinstance(error.body, dict) else {}
    detail = body.get("error", {}) if isinstance(body.get("error"), dict) else {}
    kind = str(detail.get("type", error.status_code))
    if "spend_limit" in (error.error_code or ""):  # its type and status are those of any rate limit
        return PermanentError("Claude: the month's spend limit is reached", code="spend_limit")
    if kind in _PASSING or error.status_code >= 500:
        retry_after = error.response.headers.get("retry-after", "")
        retry_after_s = float(retry_after) if retry_after.isdigit() else None
        return TransientError(f"Claude: {kind}", code=kind, retry_after_s=retry_after_s)
    return PermanentError(f"Claude: {kind}: {detail.get('message', '')}", code=kind)


def _create_client() -> "anthropic.AsyncAnthropic":
    import anthropic  # noqa: PLC0415 -- see `load`

    return anthropic.AsyncAnthropic(
        api_key=settings.ANTHROPIC_API_KEY,
        base_url=settings.ANTHROPIC_BASE_URL,
        max_retries=0,
        timeout=anthropic.Timeout(**_TIMEOUT),
        http_client=anthropic.DefaultAsyncHttpxClient(limits=LIMITS),
    )


_clients = PerLoop(_create_client)
