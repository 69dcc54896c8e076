"""The shapes of the Messages API: token counts, prompt cache, and the events of a stream.

Shapes after the types of the `anthropic` SDK and platform.claude.com/docs (errors, streaming, prompt caching).
"""

import hashlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.claude.errors import new_id
from sandbox.claude.models import find_model

Block = dict[str, Any]

PIECE = re.compile(r"\w{1,6}|[^\w\s]")
WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
IMAGE_TOKENS = 1600
CACHE_LOOKBACK = 20


def content_of(message: Block) -> list[Block]:
    """The blocks of a message; a plain string is shorthand for one text block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def count_tokens(value: Any) -> int:
    """A steady estimate: pieces of up to six letters, and each mark of punctuation."""
    if isinstance(value, str):
        return len(PIECE.findall(value))
    if isinstance(value, list):
        return sum(count_tokens(item) for item in value)
    if isinstance(value, dict):
        if value.get("type") == "image":
            return IMAGE_TOKENS
        return sum(count_tokens(item) for key, item in value.items() if key not in {"type", "cache_control"})
    return 0 if value is None else 1


def prompt_blocks(body: Block) -> list[Block]:
    """The prompt in the order the cache sees it: tools, system, messages. Each has `role` in front of its content."""
    system = body.get("system") or []
    system = [{"type": "text", "text": system}] if isinstance(system, str) else system
    blocks = [*(body.get("tools") or []), *system]
    for message in body.get("messages", []):
        blocks += [{**block, "role": message["role"]} for block in content_of(message) if isinstance(block, dict)]
    if body.get("cache_control") and blocks:
        blocks[-1] = {**blocks[-1], "cache_control": body["cache_control"]}
    return blocks


def breakpoints(blocks: list[Block]) -> Iterator[int]:
    return (index for index, block in enumerate(blocks) if block.get("cache_control"))


@dataclass
class PromptCache:
    """Prefixes seen of late. An entry lives five minutes (or an hour, if asked for) after its last use."""

    now: Callable[[], float] = time.monotonic
    expires_at: dict[str, float] = field(default_factory=dict)

    def usage(self, body: Block) -> dict[str, Any]:
        """The `usage` of this prompt, output apart, and remember its marked prefixes."""
        blocks = prompt_blocks(body)
        sizes = list(itertools.accumulate(count_tokens(block) for block in blocks))
        digests = self._digests(body["model"], blocks)
        minimum = find_model(body["model"]).cache_minimum
        marks = [index for index in breakpoints(blocks) if sizes[index] >= minimum]
        read = self._longest_hit(marks, digests, sizes)
        total = sizes[-1] if sizes else 0
        cache_creation = max(sizes[marks[-1]] - read, 0) if marks else 0
        hour = bool(marks) and blocks[marks[-1]]["cache_control"].get("ttl") == "1h"
        for index in marks:
            lifetime = 3600 if blocks[index]["cache_control"].get("ttl") == "1h" else 300
            self.expires_at[digests[index]] = self.now() + lifetime
        return {
            "input_tokens": total - read - cache_creation,
            "cache_creation_input_tokens": cache_creation,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if hour else cache_creation,
                "ephemeral_1h_input_tokens": cache_creation if hour else 0,
            },
            "service_tier": "standard",
        }

    def _digests(self, model: str, blocks: list[Block]) -> list[str]:
        running = hashlib.sha256(model.encode())
        digests = []
        for block in blocks:
            bare = {key: value for key, value in block.items() if key != "cache_control"}
            running.update(json.dumps(bare, sort_keys=True).encode())
            digests.append(running.hexdigest())
        return digests

    def _longest_hit(self, marks: list[int], digests: list[str], sizes: list[int]) -> int:
        for mark in reversed(marks):
            for index in range(mark, max(mark - CACHE_LOOKBACK, -1), -1):
                if self.expires_at.get(digests[index], 0) > self.now():
                    return sizes[index]
        return 0


@dataclass
class Answer:
    """Content blocks as the API returns them, and why they end; `hidden_tokens` are thinking that is not shown."""

    content: list[Block]
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    hidden_tokens: int = 0

    @property
    def tokens(self) -> int:
        """What the model wrote, its thinking included: that is paid for like words."""
        fields = ("text", "thinking", "input")
        return max(
            1, self.hidden_tokens + sum(count_tokens(block.get(name)) for block in self.content for name in fields)
        )

    @property
    def stop_details(self) -> Block | None:
        """Of a refusal by the provider's classifiers; null for every other reason."""
        if self.stop_reason != "refusal":
            return None
        return {"type": "refusal", "category": "general_harms", "explanation": None}

    def truncate(self, max_tokens: int, stop_sequences: list[str]) -> "Answer":
        """The answer as far as `max_tokens`, of which thinking is a part, and the stop sequences let it come."""
        content: list[Block] = []
        budget = max_tokens - self.hidden_tokens
        if budget < 0:
            return Answer(content, "max_tokens", hidden_tokens=max_tokens)
        for block in self.content:
            name = block["type"]
            if name not in ("text", "thinking"):
                content.append(block)
                continue
            text, sequence = _until_stop(block[name], stop_sequences if name == "text" else [])
            words, budget = _within(text, budget)
            content.append({**block, name: words})
            if budget < 0:
                return Answer(content, "max_tokens", hidden_tokens=self.hidden_tokens)
            if sequence:
                return Answer(content, "stop_sequence", sequence, self.hidden_tokens)
        return Answer(content, self.stop_reason, self.stop_sequence, self.hidden_tokens)


def _until_stop(text: str, stop_sequences: list[str]) -> tuple[str, str | None]:
    places = [(text.find(sequence), sequence) for sequence in stop_sequences if sequence and sequence in text]
    return (text[: min(places)[0]], min(places)[1]) if places else (text, None)


def _within(text: str, budget: int) -> tuple[str, int]:
    """As many words as fit, and the budget that is left: below zero when something was cut."""
    prefix = ""
    for word in WORD.findall(text):
        budget -= count_tokens(word)
        if budget < 0:
            break
        prefix += word
    return prefix, budget


def envelope(model: str, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }


def message(model: str, usage: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """The body of a call without `stream`."""
    return {
        **envelope(model, usage),
        "content": answer.content,
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "stop_details": answer.stop_details,
        "usage": {**usage, "output_tokens": answer.tokens},
    }


# Where the citations of a block come in its stream: recorded streams have them before its text, the documentation's
# example after it, and nothing forbids "between".
CITATION_PLACES = ("before", "between", "after")


def events(model: str, usage: dict[str, Any], answer: Answer, citations: str = "before") -> Iterator[dict[str, Any]]:
    """The events of a stream in order; deltas are the units that pace and faults count."""
    yield {"type": "message_start", "message": envelope(model, usage)}
    for index, block in enumerate(answer.content):
        yield {"type": "content_block_start", "index": index, "content_block": _opening(block)}
        yield {"type": "ping"}
        for delta in _deltas(block, citations):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    if not answer.content:
        yield {"type": "ping"}
    yield {
        "type": "message_delta",
        "delta": {
            "stop_reason": answer.stop_reason,
            "stop_sequence": answer.stop_sequence,
            "stop_details": answer.stop_details,
        },
        "usage": {name: value for name, value in usage.items() if name not in {"cache_creation", "service_tier"}}
        | {"output_tokens": answer.tokens},
    }
    yield {"type": "message_stop"}


def _opening(block: Block) -> Block:
    if block["type"] == "tool_use":
        return {**block, "input": {}}
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if block["type"] == "redacted_thinking":
        return block  # whole at once: it has no deltas
    return {"type": "text", "text": ""} | ({"citations": []} if block.get("citations") else {})


def _deltas(block: Block, citations: str) -> Iterator[Block]:
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        text = json.dumps(block["input"], ensure_ascii=False)
        for start in range(0, len(text), 12):
            yield {"type": "input_json_delta", "partial_json": text[start : start + 12]}
    elif block["type"] == "thinking":
        for word in WORD.findall(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": word}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        words: list[Block] = [{"type": "text_delta", "text": word} for word in WORD.findall(block["text"])]
        cites = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or []]
        place = {"before": 0, "between": len(words) // 2, "after": len(words)}[citations]
        yield from [*words[:place], *cites, *words[place:]]


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
