"""Every shape an answer of the Messages API comes in, and what a reader sees of it.

After the SDK's types and the vendor's documentation; where recorded streams differ from it, both are here.
"""

from typing import Any

import pytest
from django.utils import timezone

from chatbot.answering.answers import REFUSALS
from chatbot.answering.events import Cite, Done, Replace, Token
from chatbot.conversations import services as conversations
from chatbot.models import Message, ModelCall
from tests.chatbot.talk import BREACH, QUESTION, RECORDS, SENTENCE, ask, block, learn, run_answer
from tests.conftest import Control
from tests.factories import make_order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "without_rewriting")]

RECORD = "Ogni titolare tiene un registro"
THINKING = {"type": "thinking", "thinking": "Cerco il termine.", "signature": "sig_1"}
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}


def script(claude: Control, *entries: Any) -> None:
    claude.post("/mode", mode="scripted", script=list(entries))


def shown(events: list[Any]) -> str:
    """What the reader has in the end, marks in their places."""
    text = ""
    for event in events:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Cite):
            text += f"[{event.number}]"
        elif isinstance(event, Replace):
            text = event.text
    return text


SHAPES = {
    "one block": ([block("Entro 72 ore.", (0, SENTENCE))], "Entro 72 ore.[1]"),
    "blank at the end": ([block("Entro 72 ore.\n\n", (0, SENTENCE)), block("Altro.")], "Entro 72 ore.[1]\n\nAltro."),
    "two citations in one block": ([block("Ore e registro.", (0, SENTENCE), (1, RECORD))], "Ore e registro.[1][2]"),
    "a source twice": ([block("A.", (0, SENTENCE)), block(" B.", (0, "72 ore"))], "A.[1] B.[2]"),
    "a quote twice": ([block("A.", (0, SENTENCE)), block(" B.", (0, SENTENCE))], "A.[1] B.[1]"),
    "a quote twice in one block": ([block("A.", (0, SENTENCE), (0, SENTENCE))], "A.[1]"),
    "thinking": ([THINKING, block("Entro 72 ore.", (0, SENTENCE))], "Entro 72 ore.[1]"),
    "redacted thinking": ([REDACTED, THINKING, block("Entro 72 ore.", (0, SENTENCE))], "Entro 72 ore.[1]"),
    "an empty text": ([block(""), block("Entro 72 ore.", (0, SENTENCE))], "Entro 72 ore.[1]"),
    "marks of its own": ([block("Entro 72 ore [1], [2].", (0, SENTENCE))], "Entro 72 ore,.[1]"),
    "marks of its own and nothing else": ([block("Entro 72 ore [1].")], REFUSALS["it"]),
    "an address that is none": (
        [block("Entro 72 ore: https://[name].it e http://[::1]/.", (0, SENTENCE))],
        "Entro 72 ore: […]].it e […]]/.[1]",
    ),
}


@pytest.mark.parametrize("place", ["before", "between", "after"])
@pytest.mark.parametrize(("blocks", "text"), SHAPES.values(), ids=SHAPES)
def test_shape_is_read_as(blocks: list[Any], text: str, place: str, claude: Control):
    learn(BREACH + RECORDS)
    claude.post("/citations", place=place)
    script(claude, {"content": blocks})

    events, row = run_answer(ask(QUESTION))

    assert (shown(events), row.text) == (text, text)
    assert row.outcome == ("refused" if text == REFUSALS["it"] else "answered")
    assert [number for (number,) in row.citations.order_by("number").values_list("number")] == sorted(
        {event.number for event in events if isinstance(event, Cite)}
    )


ENDS = {
    "end_turn": ("answered", False, "Entro 72 ore.[1]"),
    "stop_sequence": ("answered", False, "Entro 72 ore.[1]"),
    "max_tokens": ("incomplete", False, "Entro 72 ore.[1]"),
    "model_context_window_exceeded": ("incomplete", False, "Entro 72 ore.[1]"),
    "pause_turn": ("incomplete", True, "Entro 72 ore.[1]"),
    "tool_use": ("incomplete", False, "Entro 72 ore.[1]"),  # of a tool that it does not name
    "refusal": ("refused", False, REFUSALS["it"]),
}


@pytest.mark.parametrize(("reason", "end"), ENDS.items(), ids=ENDS)
def test_only_what_the_model_finished_is_an_answer(reason: str, end: tuple[str, bool, str], claude: Control):
    outcome, may_retry, text = end
    learn(BREACH)
    script(claude, {"content": [block("Entro 72 ore.", (0, SENTENCE))], "stop_reason": reason})

    events, row = run_answer(ask(QUESTION))

    assert (row.outcome, row.may_retry, row.text, shown(events)) == (outcome, may_retry, text, text)
    assert isinstance(events[-1], Done)
    assert events[-1].may_retry == may_retry
    assert bool(events[-1].text) == (outcome != "answered")
    assert list(ModelCall.objects.values_list("is_settled", flat=True)) == [True]


def test_earlier_answers_are_sent_without_marks(claude: Control):
    learn(BREACH + RECORDS)
    first = ask(QUESTION)
    script(claude, {"content": [block("Entro 72 ore.", (0, SENTENCE)), block(" Col registro.", (1, RECORD))]})
    run_answer(first)

    run_answer(ask("E il registro delle attività?", after=first))

    history = claude.get("/requests")[0]["body"]["messages"][:-1]
    assert [turn["content"] for turn in history] == [QUESTION, "Entro 72 ore. Col registro."]


def test_two_calls_of_tools_are_both_answered_and_thinking_goes_back_as_it_came(claude: Control, customer: Any):
    learn(BREACH)
    order = make_order(customer)
    calls = [
        {"type": "tool_use", "name": "find_orders", "id": "toolu_1", "input": {}},
        {"type": "tool_use", "name": "find_invoices", "id": "toolu_2", "input": {}},
    ]
    script(claude, {"content": [REDACTED, THINKING, block("Guardo subito."), block(""), *calls]})
    question = conversations.ask(
        text="A che punto è il mio ordine?", token=None, user=customer, language="it", network="192.0.2.7",
        now=timezone.now(),
    )  # fmt: skip

    events, row = run_answer(question)

    assistant, results = claude.get("/requests")[0]["body"]["messages"][-2:]
    assert assistant == {"role": "assistant", "content": [REDACTED, THINKING, block("Guardo subito."), *calls]}
    assert [result["tool_use_id"] for result in results["content"]] == ["toolu_1", "toolu_2"]
    assert shown(events).startswith("Guardo subito.Ecco quanto risulta:")
    assert row.outcome == "answered"
    assert order.number in row.text


def test_tool_that_is_called_again_and_again_ends_somewhere(claude: Control, customer: Any):
    learn(BREACH)
    call = {"content": [{"type": "tool_use", "name": "find_orders", "input": {}}]}
    script(claude, *[call] * 5)
    question = conversations.ask(
        text="A che punto è il mio ordine?", token=None, user=customer, language="it", network="192.0.2.7",
        now=timezone.now(),
    )  # fmt: skip

    events, row = run_answer(question)

    assert (row.outcome, row.error, events[-1].may_retry) == ("failed", "tool_use", False)


@pytest.mark.parametrize(
    ("text", "outcome"), [("Entro 72 ore: https://x.example/a", "incomplete"), ("https://x.example/a", "failed")]
)
def test_unforeseen_error_keeps_row_and_money_and_ends_the_stream(
    text: str, outcome: str, claude: Control, settings: Any
):
    settings.CHAT_LINK_HOSTS = None  # nobody foresees everything: here the guard itself breaks
    learn(BREACH)
    script(claude, {"content": [block(text, (0, SENTENCE))]})

    events, row = run_answer(question := ask(QUESTION))

    assert (row.outcome, row.error, row.may_retry) == (outcome, Message.INTERNAL_ERROR, False)
    assert isinstance(events[-1], Done)
    assert events[-1].may_retry is False
    assert "assistenza@aish.example" in events[-1].text
    assert [call.is_settled for call in question.model_calls.all()] == [True]
