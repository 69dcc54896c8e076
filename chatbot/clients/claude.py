"""Claude's Messages API, streamed, with the passages as search results it can cite.

https://docs.claude.com/en/docs/build-with-claude/search-results
Errors are told apart by their type, not their HTTP status: an error in mid-stream comes with status 200.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anthropic
import httpx2
from anthropic import types
from django.conf import settings

from chatbot.clients.loops import PerLoop
from core.errors import PermanentError, TransientError

# Between two pieces of an answer; the SDK's own default waits ten minutes.
_TIMEOUT = anthropic.Timeout(connect=5, read=30, write=10, pool=5)
_PASSING = {"overloaded_error", "rate_limit_error", "api_error", "timeout_error"}


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
class Cited:
    """The words just written rest on `quote` from the source at `index`."""

    index: int
    quote: str


@dataclass(frozen=True)
class Ended:
    """The answer is complete; what it cost by the provider's own count."""

    model: str
    stop_reason: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


@dataclass(frozen=True)
class Turn:
    """An earlier question or answer; `role` is "user" or "assistant"."""

    role: str
    text: str


async def stream_answer(
    *, system: str, sources: Sequence[Source], history: Sequence[Turn], question: str
) -> AsyncIterator[TextPiece | Cited | Ended]:
    """The answer piece by piece, `Ended` last. Raises `TransientError` or `PermanentError`, also in mid-stream.

    Closing the iterator closes the connection, and so ends what the answer costs.
    """
    try:
        # the raw events: the SDK's own accumulating stream costs twice their time, and the rows keep the text anyway
        async with await _opened(system, _messages(sources, history, question)) as events:
            ended = None
            is_complete = False
            async for event in events:
                if event.type == "content_block_delta":
                    if piece := _piece(event.delta):
                        yield piece
                elif event.type == "message_start":
                    ended = _begun(event.message)
                elif event.type == "message_delta" and ended:
                    ended = _ended(ended, event)
                elif event.type == "message_stop":
                    is_complete = True
            if ended is None or not is_complete:
                raise TransientError("Claude: the stream ended before the answer did", code="truncated")
            yield ended
    except anthropic.APIStatusError as error:
        raise _folded(error) from error
    except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
        # once a stream has begun, the SDK lets its HTTP library's errors through, and ValueError for what is not JSON
        raise TransientError(f"Claude: {type(error).__name__}", code="connection") from error


async def _opened(system: str, messages: Any) -> anthropic.AsyncStream[types.RawMessageStreamEvent]:
    async def post() -> anthropic.AsyncStream[types.RawMessageStreamEvent]:
        return await _clients.get().messages.create(
            model=settings.CLAUDE_MODEL,
            max_tokens=settings.CLAUDE_MAX_TOKENS,
            system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            messages=messages,
            extra_body=_sampling(),
            stream=True,
        )

    try:
        return await post()
    except anthropic.APITimeoutError:
        raise
    except anthropic.APIConnectionError:
        # a connection kept from an earlier answer may be closed by the other side at this very moment
        return await post()


def _sampling() -> dict[str, float] | None:
    """The temperature, where one is set: newer models refuse the parameter, and the SDK no longer knows it."""
    return None if settings.CLAUDE_TEMPERATURE is None else {"temperature": settings.CLAUDE_TEMPERATURE}


def _messages(sources: Sequence[Source], history: Sequence[Turn], question: str) -> Any:
    results = [
        {
            "type": "search_result",
            "source": source.reference,
            "title": source.title,
            # sentence by sentence: a citation names whole blocks
            "content": [{"type": "text", "text": sentence} for sentence in source.sentences],
            "citations": {"enabled": True},
        }
        for source in sources
    ]
    turns: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text} for turn in history]
    return [*turns, {"role": "user", "content": [*results, {"type": "text", "text": question}]}]


def _piece(delta: types.RawContentBlockDelta) -> TextPiece | Cited | None:
    if delta.type == "text_delta":
        return TextPiece(delta.text) if delta.text else None
    if delta.type == "citations_delta" and delta.citation.type == "search_result_location":
        return Cited(delta.citation.search_result_index, delta.citation.cited_text)
    return None


def _begun(message: types.Message) -> Ended:
    usage = message.usage
    return Ended(
        model=message.model,
        stop_reason="",
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
    )


def _ended(begun: Ended, event: types.RawMessageDeltaEvent) -> Ended:
    """The last count: its tokens are totals, not what came since."""
    return replace(begun, stop_reason=event.delta.stop_reason or "", output_tokens=event.usage.output_tokens)


def _folded(error: anthropic.APIStatusError) -> TransientError | PermanentError:
    body = error.body if isinstance(error.body, dict) else {}
    detail = body.get("error", {}) if isinstance(body.get("error"), dict) else {}
    kind = str(detail.get("type", error.status_code))
    if "spend_limit" in (error.error_code or ""):  # its type and status are those of any rate limit
        return PermanentError("Claude: the month's spend limit is reached", code="spend_limit")
    if kind in _PASSING or error.status_code >= 500:
        said = error.response.headers.get("retry-after", "")
        return TransientError(f"Claude: {kind}", code=kind, retry_after_s=float(said) if said.isdigit() else None)
    return PermanentError(f"Claude: {kind}: {detail.get('message', '')}", code=kind)


_clients = PerLoop(
    lambda: anthropic.AsyncAnthropic(
        api_key=settings.ANTHROPIC_API_KEY, base_url=settings.ANTHROPIC_BASE_URL, max_retries=0, timeout=_TIMEOUT
    )
)
