"""A request fits the model it is for: thinking, temperature, room for its words, and what its provider keeps."""

from typing import Any

import pytest

from chatbot.answering import rewriting
from chatbot.answering.configuration import current
from chatbot.clients.claude import Model, Request, facts_of
from chatbot.models import Message, ModelCall
from sandbox.claude.models import MODELS
from tests.chatbot.talk import BREACH, QUESTION, ask, learn, run_answer
from tests.conftest import Control


def follow_up() -> Message:
    """A question on an earlier one, which is rewritten before it is searched for."""
    first = ask(QUESTION)
    run_answer(first)
    return ask("Entro quante ore va notificata, la violazione?", after=first)


def build_parameters(name: str, *, system: str = "Be brief.", temperature: float | None = None) -> dict[str, Any]:
    return Request(Model(name, 200, temperature), system, "Ciao").parameters()


@pytest.mark.parametrize(
    ("name", "thinking", "max_tokens"),
    [
        ("claude-sonnet-4-6", None, 200),
        ("claude-haiku-4-5-20251001", None, 200),
        ("claude-haiku-5-5", "disabled", 200),
        ("claude-sonnet-5", "disabled", 200),
        ("claude-sonnet-5-5", "between_tools", 200),
        ("claude-opus-5-5", None, 4200),  # it thinks in any case, and a part of these tokens is its thoughts
        ("claude-not-yet-known", None, 4200),
    ],
)
def test_thinking_is_switched_off_or_has_room(name: str, thinking: str | None, max_tokens: int):
    parameters = build_parameters(name)

    assert parameters["extra_body"].get("thinking", {}).get("type") == thinking
    assert parameters["max_tokens"] == max_tokens


@pytest.mark.parametrize(("name", "is_sent"), [("claude-sonnet-4-6", True), ("claude-haiku-5-5", False)])
def test_temperature_goes_to_models_that_take_one(name: str, is_sent: bool):
    assert ("temperature" in build_parameters(name, temperature=0.0)["extra_body"]) is is_sent


@pytest.mark.parametrize(
    ("name", "characters", "is_marked"),
    [
        ("claude-sonnet-4-6", 8191, False),
        ("claude-sonnet-4-6", 8192, True),
        ("claude-haiku-5-5", 2048, True),
        ("claude-haiku-4-5", 8192, False),
    ],
)
def test_prompt_is_marked_for_the_cache_where_it_is_long_enough(name: str, characters: int, is_marked: bool):
    [system] = build_parameters(name, system="x" * characters)["system"]

    assert ("cache_control" in system) is is_marked


@pytest.mark.parametrize("name", MODELS)
def test_our_table_agrees_with_the_stand_ins(name: str):
    """Two readings of the same documentation; a model only one of them knows is asked as if it took nothing."""
    ours, model = facts_of(name), MODELS[name]

    assert not ours.takes_temperature or model.samples
    assert not ours.thinking_off or ours.thinking_off in model.thinking
    assert ours.thinks or not model.thinks
    assert ours.cache_minimum >= model.cache_minimum
    assert (ours.context <= model.context, ours.max_output <= model.max_output) == (True, True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [*MODELS, "claude-haiku-4-5-20251001"])
def test_every_model_rewrites_and_answers(name: str, claude: Control, embedder: Any, settings: Any):
    settings.CLAUDE_MODEL = settings.CLAUDE_REWRITE_MODEL = name
    settings.CLAUDE_TEMPERATURE = 0.2
    learn(BREACH)

    question = follow_up()

    _events, row = run_answer(question)

    assert (row.outcome, row.error) == ("answered", "")
    assert {call.purpose for call in question.model_calls.all()} == {"rewrite", "answer"}


@pytest.mark.django_db(transaction=True)
def test_rewriting_that_is_empty_is_paid_for_once_and_not_believed(claude: Control, embedder: Any, caplog: Any):
    learn(BREACH)
    question = follow_up()
    claude.post("/mode", mode="scripted", script=[{"content": [{"type": "text", "text": " "}]}])

    _events, row = run_answer(question)

    assert row.outcome == "answered"
    assert "wrote nothing" in caplog.text
    calls = ModelCall.objects.filter(question=question).order_by("pk")
    assert [(call.purpose, call.is_settled) for call in calls] == [("rewrite", True), ("answer", True)]
    assert rewriting.get_cached(question.text, [], current()) == ""
