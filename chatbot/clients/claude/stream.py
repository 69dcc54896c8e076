"""The pieces of an answer, made of the events of the Messages API's stream.

https://platform.claude.com/docs/en/build-with-claude/streaming: blocks begin, get their deltas and end, one after the
other; a citation belongs to the whole block it comes in, before, between or after the words.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.errors import TransientError

if TYPE_CHECKING:
    from anthropic import types

# The model has said all it had to say; with any other reason it was stopped.
COMPLETE = ("end_turn", "stop_sequence")


@dataclass(frozen=True)
class TextPiece:
    """The next words of the answer."""

    text: str


@dataclass(frozen=True)
class CitationPiece:
    """The words since the last block ended rest on `quote` from the source at `index`."""

    index: int
    quote: str


@dataclass(frozen=True)
class ToolUse:
    """The model wants to read with one of the tools it was offered."""

    id: str
    name: str
    arguments: Any


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
    """The answer is complete; what it cost by the provider's own count.

    `content` are its blocks as they go back with the results of its tools: thinking included, as it came.
    """

    model: str
    stop_reason: str
    usage: Usage
    content: Sequence[dict[str, Any]] = ()

    @property
    def is_complete(self) -> bool:
        return self.stop_reason in COMPLETE

    @property
    def tool_uses(self) -> list[ToolUse]:
        """The calls of tools among its blocks; every one is owed its result."""
        calls = (block for block in self.content if block["type"] == "tool_use")
        return [ToolUse(call["id"], call["name"], call["input"]) for call in calls]


Piece = MessageStart | TextPiece | CitationPiece | MessageStop


class StreamReader:
    """Makes pieces of the provider's events, and knows whether they were all there."""

    def __init__(self) -> None:
        self._message_stop: MessageStop | None = None
        self._is_complete = False
        self._blocks: dict[int, _Block] = {}

    def take(self, event: "types.RawMessageStreamEvent") -> Iterator[Piece]:
        """The pieces that are complete with this event; mostly one or none."""
        if event.type == "content_block_delta":
            if block := self._blocks.get(event.index):
                yield from block.take(event.delta)
        elif event.type == "content_block_start":
            block = self._blocks[event.index] = _Block(event.content_block)
            if block.fields.get("text"):
                yield TextPiece(block.fields["text"])
        elif event.type == "content_block_stop":
            if block := self._blocks.get(event.index):
                yield from block.end()
        elif event.type == "message_start":
            self._message_stop = read_message(event.message)
            yield MessageStart(self._message_stop)
        elif event.type == "message_delta" and self._message_stop:
            self._message_stop = _update_usage(self._message_stop, event)
        elif event.type == "message_stop":
            self._is_complete = True

    def end(self) -> MessageStop:
        """The last counts; an answer that stops before its end is cut off, even where nobody says so."""
        if self._message_stop is None or not self._is_complete:
            raise TransientError("Claude: the stream ended before the answer did", code="truncated")
        blocks = (self._blocks[index].as_sent() for index in sorted(self._blocks))
        return replace(self._message_stop, content=[block for block in blocks if block])


class _Block:
    """One block of the answer as far as it has come."""

    def __init__(self, opening: "types.ContentBlock") -> None:
        self.fields = opening.model_dump(exclude={"citations"}, exclude_none=True)
        self._texts: list[str] = []
        self._citations: list[CitationPiece] = []
        self._is_over = False

    def take(self, delta: "types.RawContentBlockDelta") -> Iterator[Piece]:
        if delta.type == "text_delta":
            self._texts.append(delta.text)
            if delta.text:
                yield TextPiece(delta.text)
        elif delta.type == "citations_delta":
            if delta.citation.type == "search_result_location":
                self._citations.append(CitationPiece(delta.citation.search_result_index, delta.citation.cited_text))
            if self._is_over:  # nothing of the block is to come
                yield from self._take_citations()
        elif delta.type == "input_json_delta":
            self._texts.append(delta.partial_json)
        elif delta.type == "thinking_delta":
            self._texts.append(delta.thinking)
        elif delta.type == "signature_delta":
            self.fields["signature"] = delta.signature

    def end(self) -> Iterator[Piece]:
        """The block's citations, which stand at its end."""
        self._is_over = True
        text = "".join(self._texts)
        if self.fields["type"] == "tool_use":
            self.fields["input"] = json.loads(text or "{}")
        elif self.fields["type"] in ("text", "thinking"):
            self.fields[self.fields["type"]] += text
        yield from self._take_citations()

    def _take_citations(self) -> Iterator[CitationPiece]:
        citations, self._citations = self._citations, []
        yield from citations

    def as_sent(self) -> dict[str, Any]:
        """The block as the API takes it back; {} for an empty text, which it refuses."""
        return {} if self.fields["type"] == "text" and not self.fields["text"] else self.fields


def read_message(message: "types.Message") -> MessageStop:
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
