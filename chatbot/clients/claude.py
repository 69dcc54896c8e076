"""Claude's Messages API, streamed, with the passages as search results it can cite.

https://docs.claude.com/en/docs/build-with-claude/search-results
Errors are told apart by their type, not their HTTP status: an error in mid-stream comes with status 200.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2
from django.conf import settings

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
class Model:
    """Which model, and how it is to write."""

    name: str
    max_tokens: int
    temperature: float | None = None


@dataclass(frozen=True)
class Source:
    """A passage as the model sees it."""

    title: str
    reference: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class TextPiece:
    """The next words of the answer."""

    text: str


@dataclass(frozen=True)
class CitationPiece:
    """The words just written rest on `quote` from the source at `index`."""

    index: int
    quote: str


@dataclass(frozen=True)
class ToolUse:
    """The model wants to read with one of the tools it was offered."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave, as sources to cite; they count on from those of the question."""

    use: ToolUse
    sources: Sequence[Source]


@dataclass(frozen=True)
class Usage:
    """The provider's own count of one call."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class MessageStart:
    """The model has read the question; `so_far` is what that cost, should nothing more come."""

    so_far: "MessageStop"


@dataclass(frozen=True)
class MessageStop:
    """The answer is complete; what it cost by the provider's own count."""

    model: str
    stop_reason: str
    usage: Usage


Piece = MessageStart | TextPiece | CitationPiece | ToolUse | MessageStop


@dataclass(frozen=True)
class Turn:
    """An earlier question or answer; `role` is "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True)
class Completion:
    """A whole short answer."""

    text: str
    message_stop: MessageStop


@dataclass(frozen=True)
class Request:
    """A question with everything the model may rest its answer on."""

    model: Model
    system: str
    question: str
    about: str = ""  # what the page is about that the question was asked beside
    sources: Sequence[Source] = ()
    history: Sequence[Turn] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    results: Sequence[ToolResult] = ()

    @property
    def characters(self) -> int:
        """How much text goes to the model, as a measure of its cost."""
        sources = (*self.sources, *(source for result in self.results for source in result.sources))
        texts = [
            self.system,
            self.question,
            self.about,
            *(turn.text for turn in self.history),
            *(str(tool) for tool in self.tools),
        ]
        return sum(map(len, texts)) + sum(len(source.title) + sum(map(len, source.sentences)) for source in sources)


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
            reader = _Reader()
            with _Limit(until) as limit:
                async for event in stream:
                    if piece := reader.take(event):
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
    return Completion(text, _read_message(message))


class _Reader:
    """Makes pieces of the provider's events, and knows whether they were all there."""

    def __init__(self) -> None:
        self._message_stop: MessageStop | None = None
        self._is_complete = False
        self._tool: types.ToolUseBlock | None = None
        self._arguments = ""

    def take(self, event: "types.RawMessageStreamEvent") -> Piece | None:
        """The piece that is complete with this event, if any."""
        if event.type == "content_block_delta":
            if event.delta.type == "input_json_delta":
                self._arguments += event.delta.partial_json
            return _piece(event.delta)
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            self._tool, self._arguments = event.content_block, ""
        elif event.type == "content_block_stop" and self._tool:
            tool, self._tool = self._tool, None
            return ToolUse(tool.id, tool.name, json.loads(self._arguments or "{}"))
        return self._note(event)

    def _note(self, event: "types.RawMessageStreamEvent") -> MessageStart | None:
        """What frames the answer: its beginning, its counts, its end."""
        if event.type == "message_start":
            self._message_stop = _read_message(event.message)
            return MessageStart(self._message_stop)
        if event.type == "message_delta" and self._message_stop:
            self._message_stop = _update_usage(self._message_stop, event)
        elif event.type == "message_stop":
            self._is_complete = True
        return None

    def end(self) -> MessageStop:
        """The last counts; an answer that stops before its end is cut off, even where nobody says so."""
        if self._message_stop is None or not self._is_complete:
            raise TransientError("Claude: the stream ended before the answer did", code="truncated")
        return self._message_stop


def _open_stream(request: Request) -> "Awaitable[anthropic.AsyncStream[types.RawMessageStreamEvent]]":
    options: dict[str, Any] = {"tools": [dict(tool) for tool in request.tools]} if request.tools else {}
    return _clients.get().messages.create(
        model=request.model.name,
        max_tokens=request.model.max_tokens,
        system=_build_system(request.system),
        messages=_messages(request),
        extra_body=_sampling(request.model),
        stream=True,
        **options,
    )


def _create_message(request: Request) -> "Awaitable[types.Message]":
    messages: Any = [*_turns(request.history), {"role": "user", "content": request.question}]
    return _clients.get().messages.create(
        model=request.model.name,
        max_tokens=request.model.max_tokens,
        system=_build_system(request.system),
        messages=messages,
        extra_body=_sampling(request.model),
        timeout=_WHOLE_TIMEOUT_S,
    )


async def _once_more(post: Callable[[], Awaitable[T]]) -> T:
    """A connection kept from an earlier answer may be closed by the other side at this very moment."""
    import anthropic  # noqa: PLC0415 -- see `load`

    try:
        return await post()
    except anthropic.APITimeoutError:
        raise
    except anthropic.APIConnectionError:
        return await post()


def _build_system(system: str) -> list[Any]:
    """The rules are the same for every question: the provider keeps them, which costs a tenth."""
    return [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]


def _sampling(model: Model) -> dict[str, float] | None:
    """The temperature, where one is set: newer models refuse the parameter, and the SDK no longer knows it."""
    return None if model.temperature is None else {"temperature": model.temperature}


def _messages(request: Request) -> Any:
    texts = [f"<page>{request.about}</page>", request.question] if request.about else [request.question]
    question_message = {
        "role": "user", "content": [*map(_result, request.sources), *({"type": "text", "text": text} for text in texts)]
    }  # fmt: skip
    messages = [*_turns(request.history), question_message]
    for result in request.results:
        use = result.use
        messages += [
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": use.id, "name": use.name, "input": use.arguments}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": use.id, "content": [*map(_result, result.sources)] or "[]"}
            ]},
        ]  # fmt: skip
    return messages


def _turns(history: Sequence[Turn]) -> list[dict[str, Any]]:
    return [{"role": turn.role, "content": turn.text} for turn in history]


def _result(source: Source) -> dict[str, Any]:
    return {
        "type": "search_result",
        "source": source.reference,
        "title": source.title,
        # sentence by sentence: a citation names whole blocks
        "content": [{"type": "text", "text": sentence} for sentence in source.sentences],
        "citations": {"enabled": True},
    }


def _piece(delta: "types.RawContentBlockDelta") -> TextPiece | CitationPiece | None:
    if delta.type == "text_delta":
        return TextPiece(delta.text) if delta.text else None
    if delta.type == "citations_delta" and delta.citation.type == "search_result_location":
        return CitationPiece(delta.citation.search_result_index, delta.citation.cited_text)
    return None


def _read_message(message: "types.Message") -> MessageStop:
    """As far as the message tells: of a stream's first one the reason is "" and the output not counted yet."""
    usage = Usage(
        input_tokens=message.usage.input_tokens,
        output_tokens=message.usage.output_tokens,
        cache_read_tokens=message.usage.cache_read_input_tokens or 0,
        cache_write_tokens=message.usage.cache_creation_input_tokens or 0,
    )
    return MessageStop(message.model, message.stop_reason or "", usage)


def _update_usage(start: MessageStop, event: "types.RawMessageDeltaEvent") -> MessageStop:
    """The last count: its tokens are totals, not what came since."""
    usage = replace(start.usage, output_tokens=event.usage.output_tokens)
    return replace(start, stop_reason=event.delta.stop_reason or "", usage=usage)


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
