"""What the Messages API refuses with 400 (404 for a model it does not have), in its own words where they are known."""

import re
from typing import Any

from sandbox.claude import models
from sandbox.claude.errors import invalid
from sandbox.claude.protocol import Block, breakpoints, content_of, count_tokens, prompt_blocks

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9.:@_-]{0,254}\Z")


def check_request(body: Any, *, counting: bool = False) -> None:
    """Raise `ApiError` for what the API refuses."""
    if not isinstance(body, dict):
        raise invalid("The request body is not valid JSON.")
    model = _find_model(body)
    if not counting:
        _check_limits(body)
        models.check_fit(body, model)
    _check_lists(body)
    messages = body.get("messages")
    if messages is None:
        raise invalid("messages: Field required")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        _check_message(index, message, last=index == len(messages) - 1)
    if messages[-1]["role"] == "assistant" and not model.samples:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    _check_tool_results(messages)
    _check_citations(messages)
    blocks = prompt_blocks(body)
    if len(list(breakpoints(blocks))) > 4:
        raise invalid("A maximum of 4 blocks with cache_control may be provided.")
    tokens = sum(map(count_tokens, blocks))
    if tokens > model.context:
        raise invalid(f"prompt is too long: {tokens} tokens > {model.context} maximum")


def _find_model(body: Block) -> models.Model:
    name = body.get("model")
    if name is None:
        raise invalid("model: Field required")
    if not isinstance(name, str) or not MODEL_NAME.match(name):
        raise invalid("model: Input should be a valid model name")
    return models.find_model(name)


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
    if block["type"] == "search_result" and not block["content"]:
        raise invalid(f"{place}.search_result.content: List should have at least 1 item after validation, not 0")
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
