"""A question in the words of the documents: when a small model is asked for it, and what it changes."""

import json
from typing import Any

import pytest

from chatbot.answering.rewriting import is_sure, merge_hits
from chatbot.models import AssistantVersion, ModelCall
from chatbot.prompts import load
from chatbot.retrieval.search import Hit
from tests.chatbot.talk import BREACH, RECORDS, ask, learn, run_answer
from tests.conftest import Control

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder")]

EVERYDAY = "Ci hanno rubato un portatile: chi dobbiamo avvisare?"
RULES = load("rewrite")


def requests_for(claude: Control, system: str) -> list[dict[str, Any]]:
    """The bodies of this test's requests with these rules, oldest first."""
    bodies = [request["body"] for request in claude.get("/requests") if request["body"]]
    return [body for body in reversed(bodies) if system in json.dumps(body["system"], ensure_ascii=False)]


@pytest.fixture
def rewriter(claude: Control) -> Control:
    """The model rewrites to the law's words, then answers from the passages."""
    claude.post(
        "/mode", mode="scripted",
        script=[{"content": [{"type": "text", "text": "notifica di una violazione dei dati personali"}]}],
    )  # fmt: skip
    return claude


def test_everyday_question_is_rewritten_by_the_small_model(rewriter: Control, settings: Any):
    learn(BREACH + RECORDS)
    question = ask(EVERYDAY)

    run_answer(question)

    [body] = [body for body in requests_for(rewriter, "REWRITE") if body["messages"][-1]["content"] == EVERYDAY][-1:]
    assert (body["model"], body.get("stream", False)) == (settings.CLAUDE_REWRITE_MODEL, False)
    assert question.model_calls.earliest("pk").purpose == "rewrite"


def test_same_question_is_rewritten_once(claude: Control):
    learn(BREACH + RECORDS)

    first, second = ask(EVERYDAY), ask(EVERYDAY)
    run_answer(first)
    run_answer(second)

    assert first.model_calls.filter(purpose="rewrite").count() == 1
    assert second.model_calls.filter(purpose="rewrite").count() == 0


def test_question_that_is_surely_found_is_not_rewritten(claude: Control):
    learn(BREACH + RECORDS)
    question = ask("notifica della violazione dei dati personali all’autorità di controllo")

    run_answer(question)

    assert not question.model_calls.filter(purpose="rewrite").exists()


def test_question_off_topic_is_not_rewritten(claude: Control):
    learn(BREACH)
    question = ask("Qual è la ricetta della carbonara?")

    run_answer(question)

    assert not ModelCall.objects.exists()


def test_following_question_is_rewritten_with_the_conversation(claude: Control):
    learn(BREACH + RECORDS)
    first = ask("notifica della violazione dei dati personali all’autorità di controllo")
    run_answer(first)
    second = ask("E chi tiene il registro?", after=first)

    run_answer(second)

    body = requests_for(claude, "REWRITE")[-1]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][-1]["content"] == "E chi tiene il registro?"


def test_rewriting_can_be_switched_off(claude: Control):
    AssistantVersion.objects.create(note="test", rewrites_questions=False)
    learn(BREACH + RECORDS)
    question = ask(EVERYDAY)

    run_answer(question)

    assert not question.model_calls.filter(purpose="rewrite").exists()


def test_model_that_refuses_to_rewrite_stops_nothing(claude: Control):
    learn(BREACH + RECORDS)
    claude.fault(status=529, times=1)
    question = ask("Entro quando si avvisa l’autorità di controllo della violazione?")

    _events, row = run_answer(question)

    assert (row.outcome, row.error) == ("answered", "")
    assert not question.model_calls.filter(purpose="rewrite").exists(), "refused before it counted"


def hit(chunk_id: int, words: float = 0.0, language: str = "it", section: int = 0) -> Hit:
    return Hit(chunk_id, "a.md", "A", language, "GDPR", section, "", "", None, "Testo.", False, 0.8, words, True)


@pytest.mark.parametrize(
    ("hits", "language", "expected"),
    [
        ([hit(1, 0.3)], "it", True),
        ([hit(1, 0.2)], "it", False),
        ([hit(1, 0.3, "en")], "it", False),
        ([hit(1, 0.1), hit(2, 0.26)], "it", True),
        ([], "it", False),
    ],
)
def test_search_is_sure_of_a_passage_with_the_questions_words(hits: list[Hit], language: str, expected: bool):
    assert is_sure(hits, language) is expected


def test_both_searches_take_turns_and_a_section_comes_once():
    first = [hit(1, section=1), hit(2, section=2)]
    second = [hit(3, section=2), hit(4, section=3), hit(5, section=4)]

    assert [each.chunk_id for each in merge_hits(first, second, 4)] == [1, 3, 4, 5]
