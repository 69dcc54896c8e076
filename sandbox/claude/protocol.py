"""The shapes of the Messages API: what is refused and how, token counts, prompt cache, and the events of a stream.

Shapes after the types of the `anthropic` SDK and platform.claude.com/docs (errors, streaming, prompt caching).
"""

import hashlib
import itertools
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse

Block = dict[str, Any]

PIECE = re.compile(r"\w{1,6}|[^\w\s]")
WORD = re.compile(r"\s*\S+\s*$|\s*\S+")
IMAGE_TOKENS = 1600
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9.:@_-]{0,254}\Z")
CACHE_LOOKBACK = 20
CACHE_MINIMUMS = {"claude-haiku-4-5": 4096, "claude-opus-4-5": 4096}


class ApiError(Exception):
    """A refusal in the API's own shape; `code` is the stable name some errors carry in `details`."""

    def __init__(self, status: int, kind: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.kind, "message": str(self)}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}

    def response(self, request_id: str) -> JSONResponse:
        return JSONResponse(self.body(request_id), self.status, {"request-id": request_id})


def new_id(prefix: str) -> str:
    return f"{prefix}_01{secrets.token_hex(11)}"


def _fault(status: int, kind: str, message: str, *, code: str = "", retry_after: int | None = None) -> dict[str, Any]:
    request_id = new_id("req")
    headers = {"request-id": request_id}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    body = ApiError(status, kind, message, code=code).body(request_id)
    return {"match": "POST /v1/messages", "status": status, "body": body, "headers": headers}


# Ready bodies for `POST /control/claude/faults`: status and headers as the API sends them.
HTTP_FAULTS: dict[str, dict[str, Any]] = {
    "rate_limit": _fault(
        429, "rate_limit_error", "This request would exceed the rate limit for your organization.", retry_after=2
    ),
    "spend_limit": _fault(
        429,
        "rate_limit_error",
        "You have reached your specified API usage limits. You will regain access on the first day of next month.",
        code="enforced_spend_limit_reached",
    ),
    "overloaded": _fault(529, "overloaded_error", "Overloaded"),
    "api_error": _fault(500, "api_error", "Internal server error"),
}


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid_request_error", message)


def content_of(message: Block) -> list[Block]:
    """The blocks of a message; a plain string is shorthand for one text block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def check_request(body: Any, *, counting: bool = False) -> None:
    """Refuse what the API refuses with 400 (404 for a model it does not have)."""
    if not isinstance(body, dict):
        raise invalid("The request body is not valid JSON.")
    _check_model(body)
    if not counting:
        _check_limits(body)
    _check_lists(body)
    messages = body.get("messages")
    if messages is None:
        raise invalid("messages: Field required")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        _check_message(index, message, last=index == len(messages) - 1)
    _check_tool_results(messages)
    _check_citations(messages)
    if len(list(_breakpoints(prompt_blocks(body)))) > 4:
        raise invalid("A maximum of 4 blocks with cache_control may be provided.")


def _check_model(body: Block) -> None:
    model = body.get("model")
    if model is None:
        raise invalid("model: Field required")
    if not isinstance(model, str) or not MODEL_NAME.match(model):
        raise invalid("model: Input should be a valid model name")
    if not model.startswith("claude-"):
        raise ApiError(404, "not_found_error", f"model: {model}")


def _check_limits(body: Block) -> None:
    limit = body.get("max_tokens")
    if limit is None:
        raise invalid("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise invalid("max_tokens: Input should be a valid integer")
    if limit < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    temperature = body.get("temperature")
    if temperature is not None and not (isinstance(temperature, int | float) and 0 <= temperature <= 1):
        raise invalid("temperature: range: 0..1")
    if temperature is not None and body.get("top_p") is not None:
        raise invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")


def _check_lists(body: Block) -> None:
    system = body.get("system") or []
    for name, value in (("system", [] if isinstance(system, str) else system), ("tools", body.get("tools") or [])):
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise invalid(f"{name}: Input should be a valid list")


def _check_message(index: int, message: Any, *, last: bool) -> None:
    if not isinstance(message, dict):
        raise invalid(f"messages.{index}: Input should be an object")
    role = message.get("role")
    if role not in {"user", "assistant"}:
        raise invalid(f'messages: Unexpected role "{role}". Allowed roles are "user" or "assistant".')
    if index == 0 and role != "user":
        raise invalid("messages: first message must use the user role")
    content = message.get("content")
    if not isinstance(content, str | list):
        raise invalid(f"messages.{index}.content: Field required")
    if not content and not (last and role == "assistant"):
        raise invalid(f"messages.{index}: all messages must have non-empty content")
    for place, block in enumerate(content_of(message)):
        _check_block(f"messages.{index}.content.{place}", block)


REQUIRED_FIELDS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "search_result": ("source", "title", "content"),
    "document": ("source",),
    "image": ("source",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
}


def _check_block(place: str, block: Any) -> None:
    if not isinstance(block, dict) or block.get("type") not in REQUIRED_FIELDS:
        tag = block.get("type") if isinstance(block, dict) else block
        raise invalid(f"{place}: Input tag '{tag}' found using 'type' does not match any of the expected tags")
    for name in REQUIRED_FIELDS[block["type"]]:
        if name not in block:
            raise invalid(f"{place}.{block['type']}.{name}: Field required")
    if block["type"] == "text" and not block["text"]:
        raise invalid("messages: text content blocks must be non-empty")
    if block["type"] == "document" and block["source"].get("type") not in {"content", "text"}:
        raise invalid(f"{place}.document.source: the sandbox reads documents of type 'content' and 'text' only")


def _check_tool_results(messages: list[Block]) -> None:
    for index, message in enumerate(messages):
        use_ids = {block["id"] for block in content_of(messages[index - 1]) if block["type"] == "tool_use"}
        result_ids = {block["tool_use_id"] for block in content_of(message) if block["type"] == "tool_result"}
        if result_ids - (use_ids if index else set()):
            raise invalid(f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks")
        if index and use_ids - result_ids:
            raise invalid(f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks after them")


def _check_citations(messages: list[Block]) -> None:
    switches = {
        bool((block.get("citations") or {}).get("enabled"))
        for message in messages
        for block in content_of(message)
        if block["type"] in {"search_result", "document"}
    }
    if len(switches) > 1:
        raise invalid("Citations must be enabled on all or none of the documents and search results in a request.")


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


def _breakpoints(blocks: list[Block]) -> Iterator[int]:
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
        minimum = CACHE_MINIMUMS.get(body["model"].rsplit("-", 1)[0], 1024)
        marks = [index for index in _breakpoints(blocks) if sizes[index] >= minimum]
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
    """Content blocks as the API returns them, and why they end."""

    content: list[Block]
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None

    @property
    def tokens(self) -> int:
        return max(1, sum(count_tokens(block.get("text") or block.get("input")) for block in self.content))

    def truncate(self, max_tokens: int, stop_sequences: list[str]) -> "Answer":
        """The answer as far as `max_tokens` and the stop sequences let it come."""
        content: list[Block] = []
        budget = max_tokens
        for block in self.content:
            if block["type"] != "text":
                content.append(block)
                continue
            text, sequence = _until_stop(block["text"], stop_sequences)
            words, budget = _within(text, budget)
            content.append({**block, "text": words})
            if budget < 0:
                return Answer(content, "max_tokens")
            if sequence:
                return Answer(content, "stop_sequence", sequence)
        return Answer(content, self.stop_reason, self.stop_sequence)


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
        "usage": {**usage, "output_tokens": answer.tokens},
    }


def events(model: str, usage: dict[str, Any], answer: Answer) -> Iterator[dict[str, Any]]:
    """The events of a stream in order; deltas are the units that pace and faults count."""
    yield {"type": "message_start", "message": envelope(model, usage)}
    for index, block in enumerate(answer.content):
        yield {"type": "content_block_start", "index": index, "content_block": _opening(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    if not answer.content:
        yield {"type": "ping"}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence},
        "usage": {name: value for name, value in usage.items() if name not in {"cache_creation", "service_tier"}}
        | {"output_tokens": answer.tokens},
    }
    yield {"type": "message_stop"}


def _opening(block: Block) -> Block:
    if block["type"] == "tool_use":
        return {**block, "input": {}}
    return {"type": "text", "text": ""} | ({"citations": []} if block.get("citations") else {})


def _deltas(block: Block) -> Iterator[Block]:
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        text = json.dumps(block["input"], ensure_ascii=False)
        for start in range(0, len(text), 12):
            yield {"type": "input_json_delta", "partial_json": text[start : start + 12]}
        return
    for word in WORD.findall(block["text"]):
        yield {"type": "text_delta", "text": word}
    for citation in block.get("citations") or []:
        yield {"type": "citations_delta", "citation": citation}


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
