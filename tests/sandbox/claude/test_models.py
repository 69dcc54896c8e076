"""The stand-in takes from each model what that model's documentation takes, and refuses the rest in its words."""

from typing import Any

import anthropic
import pytest
import requests

from tests.sandbox.conftest import Running


def create(client: anthropic.Anthropic, model: str, *, max_tokens: int = 1024, **parameters: Any) -> Any:
    """A message; parameters that the SDK's types no longer know go in the body."""
    messages: Any = parameters.pop("messages", [{"role": "user", "content": "Ciao"}])
    known = {name: parameters.pop(name) for name in ("tools", "system") if name in parameters}
    return client.messages.create(model=model, max_tokens=max_tokens, messages=messages, extra_body=parameters, **known)


def off(kind: str) -> dict[str, Any]:
    return {"thinking": {"type": kind}}


THINKS = {
    ("claude-sonnet-4-6", ""): False,
    ("claude-haiku-4-5-20251001", ""): False,
    ("claude-haiku-5-5", ""): True,
    ("claude-haiku-5-5", "disabled"): False,
    ("claude-sonnet-5", "disabled"): False,
    ("claude-sonnet-5-5", ""): True,
    ("claude-sonnet-5-5", "between_tools"): False,
    ("claude-opus-5-5", ""): True,
    ("claude-opus-5-5", "adaptive"): True,
}


@pytest.mark.parametrize(("case", "expected"), THINKS.items(), ids=map(str, THINKS))
def test_model_thinks_unless_told_not_to(client: anthropic.Anthropic, case: tuple[str, str], expected: bool):
    model, kind = case

    message = create(client, model, **(off(kind) if kind else {}))

    assert ([block.type for block in message.content] == ["thinking", "text"]) is expected
    assert (message.usage.output_tokens > 300) is expected


def test_thinking_is_a_part_of_max_tokens(client: anthropic.Anthropic):
    message = create(client, "claude-haiku-5-5", max_tokens=200)

    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 200)


@pytest.mark.parametrize(
    ("model", "parameters", "words"),
    [
        ("claude-opus-5-5", off("disabled"), '"thinking.type.disabled" is not supported for this model'),
        ("claude-sonnet-5-5", off("disabled"), 'send "thinking": {"type": "between_tools"}'),
        ("claude-haiku-4-5", off("adaptive"), '"thinking.type.adaptive" is not supported for this model'),
        ("claude-haiku-5-5", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "is not supported"),
        ("claude-sonnet-4-6", off("deeply"), "does not match any of the expected tags"),
        ("claude-haiku-5-5", {"temperature": 0.2}, "`temperature` is deprecated for this model."),
        ("claude-sonnet-4-6", {"max_tokens": 200_000}, "max_tokens: 200000 > 128000"),
        ("claude-haiku-5-5", {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]},
         "does not support assistant message prefill"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_refused(
    client: anthropic.Anthropic, model: str, parameters: dict[str, Any], words: str
):
    with pytest.raises(anthropic.BadRequestError) as exc_info:
        create(client, model, **parameters)

    assert words in str(exc_info.value)


@pytest.mark.parametrize("model", ["claude-3-5-sonnet-20241022", "claude-sonnet-9"])
def test_model_that_is_not_there_is_not_found(client: anthropic.Anthropic, model: str):
    with pytest.raises(anthropic.NotFoundError) as exc_info:
        create(client, model)

    assert exc_info.value.type == "not_found_error"


def test_temperature_is_taken_by_a_model_that_samples(client: anthropic.Anthropic):
    assert create(client, "claude-sonnet-4-6", temperature=0.2).stop_reason == "end_turn"


def test_prompt_beyond_the_models_context_is_too_long(client: anthropic.Anthropic):
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: 200.* tokens > 200000 maximum"):
        create(client, "claude-haiku-4-5", messages=[{"role": "user", "content": "parola " * 200_001}])


def test_request_beyond_32_mb_is_too_large(claude: Running):
    answer = requests.post(
        f"{claude.env['ANTHROPIC_BASE_URL']}/v1/messages", data=b" " * (32 * 1024 * 1024 + 1), timeout=20,
        headers={"x-api-key": claude.env["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"},
    )  # fmt: skip

    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")


def test_thinking_comes_back_unchanged_with_the_result_of_a_tool(claude: Running, client: anthropic.Anthropic):
    call = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}
    claude.post("/mode", mode="scripted", script=[{"content": [call]}])
    tools = [{"name": "find", "description": "", "input_schema": {"type": "object"}}]
    first = create(client, "claude-haiku-5-5", tools=tools)
    content = [block.model_dump(exclude_none=True) for block in first.content]
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "[]"}]}

    def go_on(blocks: list[Any]) -> Any:
        messages = [{"role": "user", "content": "Ciao"}, {"role": "assistant", "content": blocks}, result]
        return create(client, "claude-haiku-5-5", tools=tools, messages=messages)

    with pytest.raises(anthropic.BadRequestError, match="Expected `thinking` or `redacted_thinking`"):
        go_on(content[1:])
    with pytest.raises(anthropic.BadRequestError, match="cannot be modified"):
        go_on([{**content[0], "signature": "sig_other"}, *content[1:]])
    assert go_on(content).stop_reason == "end_turn"


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_citations_come_where_a_test_wants_them(claude: Running, client: anthropic.Anthropic, place: str):
    citation = {
        "type": "search_result_location", "cited_text": "72 ore", "search_result_index": 0, "source": "x",
        "title": "x", "start_block_index": 0, "end_block_index": 1,
    }  # fmt: skip
    claude.post("/citations", place=place)
    claude.post("/mode", mode="scripted", script=[
        {"content": [{"type": "text", "text": "Entro 72 ore.", "citations": [citation]}]}
    ])  # fmt: skip

    with client.messages.create(
        model="claude-sonnet-4-6", max_tokens=100, messages=[{"role": "user", "content": "Ciao"}], stream=True
    ) as stream:
        kinds = [event.delta.type for event in stream if event.type == "content_block_delta"]

    assert kinds.index("citations_delta") == {"before": 0, "between": 1, "after": 3}[place]


def test_refusal_by_classifiers_says_what_kind_it_is(claude: Running, client: anthropic.Anthropic):
    content = [{"type": "text", "text": "Ecco"}]
    claude.post("/mode", mode="scripted", script=[{"content": content, "stop_reason": "refusal"}])

    message = create(client, "claude-sonnet-4-6")

    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.type == "refusal"
