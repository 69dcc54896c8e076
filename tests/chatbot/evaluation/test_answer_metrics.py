"""Answers measured: asked as a guest asks, looked into from the rows alone, and nobody's conversation afterwards."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from chatbot.answering import budget
from chatbot.conversations import services as conversations
from chatbot.evaluation.answer_metrics import AnswerResult, ask_all, figures_of, look_into
from chatbot.evaluation.retrieval_metrics import Question
from chatbot.models import AssistantVersion, Chunk, Citation, Conversation, EvaluationRun, Message, ModelCall
from sandbox.claude import HTTP_FAULTS
from tests.chatbot.talk import BREACH, RECORDS, ask, learn, run_answer
from tests.conftest import Control

# An answer is searched for and kept by threads with connections of their own, which see only what is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder")]

ROWS = [
    {"id": "ex-1", "lang": "it", "kind": "exact", "question": "Entro quante ore va notificata la violazione dei dati?",
     "gold": ["gdpr.it#Articolo 33"]},
    {"id": "ex-2", "lang": "it", "kind": "exact", "question": "Chi tiene un registro delle attività di trattamento?",
     "gold": ["gdpr.it#Articolo 30"]},
    {"id": "cr-1", "lang": "en", "kind": "cross", "question": "Within how many hours is a data breach notified?",
     "gold": ["gdpr.it#Articolo 33"]},
    {"id": "un-1", "lang": "it", "kind": "unanswerable", "question": "Qual è la ricetta della carbonara?", "gold": []},
]  # fmt: skip
BREACHED = Question("ex-1", "it", "exact", ROWS[0]["question"], ("gdpr.it#Articolo 33",), ())


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def evaluate(questions: Path, **options: Any) -> tuple[dict[str, Any], str]:
    """What the command prints: its JSON, and its complaints."""
    out, err = StringIO(), StringIO()
    call_command("rag_eval", questions=questions, json=True, answers=True, stdout=out, stderr=err, **options)
    return json.loads(out.getvalue()), err.getvalue()


def test_every_question_is_asked_and_its_answer_looked_into(questions: Path, claude: Control):
    learn(BREACH + RECORDS)

    figures, complaints = evaluate(questions)

    answers = figures["answers"]
    cost = sum(call.cost for call in ModelCall.objects.all())
    assert answers["cost_eur"] == pytest.approx(float(cost))
    assert cost > 0
    assert {name: value for name, value in answers.items() if name not in ("cost_eur", "by_language")} == {
        "asked": 4, "answered": 3, "refused": 1, "failed": 0, "citations": 3, "citation_validity": 1.0,
        "answered_from_gold": 1.0, "unanswerable_refused": 1.0, "answerable_refused": 0.0, "failures": [],
        "invalid": [],
    }  # fmt: skip
    assert {language: group["asked"] for language, group in answers["by_language"].items()} == {"it": 3, "en": 1}
    assert answers["by_language"]["en"]["unanswerable_refused"] is None
    assert complaints == ""


def test_search_is_measured_as_without_answers(questions: Path, claude: Control):
    learn(BREACH + RECORDS)
    out = StringIO()
    call_command("rag_eval", questions=questions, json=True, stdout=out)

    figures, _complaints = evaluate(questions)

    del figures["answers"]
    assert figures == json.loads(out.getvalue())


def test_table_of_answers_comes_below_that_of_the_search(questions: Path, claude: Control):
    learn(BREACH + RECORDS)
    out = StringIO()

    call_command("rag_eval", questions=questions, answers=True, stdout=out)

    lines = out.getvalue().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("asked "))
    assert lines[start].startswith("asked 4: 3 answered with 3 citations, 1 refused, 0 failed; ")
    assert [line.split() for line in lines[start + 1 :]] == [
        ["all", "it", "en"],
        ["citations", "that", "hold", "100.0%", "100.0%", "100.0%"],
        ["answered", "from", "a", "right", "section", "100.0%", "100.0%", "100.0%"],
        ["refused", "of", "what", "has", "no", "answer", "100.0%", "100.0%", "–"],
        ["refused", "of", "what", "has", "one", "0.0%", "0.0%", "0.0%"],
    ]


def test_questions_are_rewritten_as_a_guests_are(claude: Control):
    learn(BREACH + RECORDS)

    [result] = ask_all([Question("p", "it", "paraphrase", "Ci hanno rubato un portatile: chi avvisiamo?", (), ())])

    assert result.outcome in ("answered", "refused")
    assert ModelCall.objects.filter(purpose="rewrite").count() == 1


def test_nothing_more_is_asked_once_the_limit_is_spent(questions: Path, claude: Control, tmp_path: Path):
    learn(BREACH + RECORDS)
    gate = tmp_path / "gate.toml"
    gate.write_text("[at_most]\nanswers.failed = 0\n")
    many = [{**row, "id": f"{row['id']}-{turn}"} for turn in range(3) for row in ROWS]
    questions.write_text("\n".join(map(json.dumps, many)))
    out, err = StringIO(), StringIO()

    with pytest.raises(CommandError, match="questions not asked: "):
        call_command(
            "rag_eval", questions=questions, answers=True, at_most=Decimal("0.000001"), gate=gate, json=True,
            stdout=out, stderr=err,
        )  # fmt: skip

    count = json.loads(out.getvalue())["answers"]["asked"]
    assert 0 < count < len(many)
    assert f"0.000001 € are spent: {len(many) - count} questions were not asked" in err.getvalue()
    assert "answers" not in EvaluationRun.objects.get().figures


def test_nothing_of_it_stays_among_the_conversations(questions: Path, claude: Control):
    learn(BREACH + RECORDS)

    evaluate(questions)

    assert (Conversation.objects.count(), Message.objects.count(), Citation.objects.count()) == (0, 0, 0)
    assert set(ModelCall.objects.values_list("caller", "question")) == {(Conversation.EVALUATION, None)}


def test_while_it_waits_for_an_answer_staff_do_not_see_its_question(staff_client: Client):
    conversations.ask_for_evaluation(text="Quante ore?", language="it")
    mine = ask("Una domanda vera")

    rows = staff_client.get("/admin/chatbot/conversation/").context["cl"].result_list
    messages = staff_client.get("/admin/chatbot/message/").context["cl"].result_list

    assert ([row.pk for row in rows], [row.pk for row in messages]) == ([mine.conversation_id], [mine.pk])


def test_what_a_killed_run_left_is_cleared_after_an_hour():
    leftover = conversations.ask_for_evaluation(text="Quante ore?", language="it")
    ask("Una domanda vera")
    now = timezone.now()

    early = conversations.clear_old_conversations(now=now + timedelta(minutes=59))
    late = conversations.clear_old_conversations(now=now + timedelta(minutes=61))

    assert (early, late) == (0, 1)
    assert not Conversation.objects.filter(pk=leftover.conversation_id).exists()


def test_limits_neither_stop_an_evaluation_nor_are_used_up_by_it(questions: Path, claude: Control, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    AssistantVersion.objects.create(note="nothing left", daily_budget=0, caller_budget=0, rewrites_questions=False)
    learn(BREACH + RECORDS)

    figures, _complaints = evaluate(questions)

    assert (figures["answers"]["answered"], figures["answers"]["failed"]) == (3, 0)
    assert budget.sum_costs(timezone.localdate()) == Decimal(0)
    _events, row = run_answer(ask(BREACHED.text))  # the hour's one question is still there, and the budget holds
    assert (row.outcome, row.error) == ("limited", "budget")


def test_question_that_fails_is_named_and_the_others_are_asked(questions: Path, claude: Control):
    learn(BREACH + RECORDS)
    AssistantVersion.objects.create(note="one call a question", rewrites_questions=False)
    claude.fault(**HTTP_FAULTS["overloaded"])

    figures, complaints = evaluate(questions)

    answers = figures["answers"]
    [failure] = answers["failures"]
    assert (answers["asked"], answers["failed"]) == (4, 1)
    assert failure["error"] == "overloaded_error"
    assert complaints == f"{failure['id']}: failed: overloaded_error\n"
    assert [each["id"] for each in EvaluationRun.objects.get().remarks if each["what"] == "failed"] == [failure["id"]]


def test_question_that_cannot_even_be_asked_is_one_that_failed(claude: Control):
    learn(BREACH + RECORDS)
    long = Question("long", "it", "exact", "x" * 5_001, ("gdpr.it#Articolo 33",), ())

    results = ask_all([long, BREACHED])

    assert [(each.outcome, each.error) for each in results] == [("failed", "question_too_long"), ("answered", "")]


def test_answers_that_are_switched_off_are_failures_and_no_refusals(claude: Control):
    learn(BREACH)
    AssistantVersion.objects.create(note="off", is_answering=False)

    results = ask_all([BREACHED])

    assert [(each.outcome, each.error) for each in results] == [("failed", "switched_off")]
    assert figures_of(results)["answerable_refused"] is None


def test_without_a_key_it_says_what_to_set(questions: Path, settings: Any):
    settings.ANTHROPIC_API_KEY = ""

    with pytest.raises(CommandError, match="set ANTHROPIC_API_KEY"):
        evaluate(questions)

    assert not EvaluationRun.objects.exists()


@pytest.fixture
def question_row(claude: Control) -> Message:
    """A question with an answer that cites Articolo 33, as the rows have it."""
    AssistantVersion.objects.create(note="one call a question", rewrites_questions=False)
    learn(BREACH + RECORDS)
    question = ask(BREACHED.text)
    run_answer(question)
    return question


def test_citation_that_holds_has_no_flaw(question_row: Message):
    result = look_into(BREACHED, question_row)

    assert (result.outcome, result.citations, result.flaws, result.is_from_gold) == ("answered", 1, (), True)


def quotes_other_words(_question: Message) -> None:
    Citation.objects.update(quote="entro 24 ore")


def quotes_nothing(_question: Message) -> None:
    Citation.objects.update(quote="  ")


def names_a_passage_it_was_not_given(question: Message) -> None:
    question.model_calls.update(passages=[])


def lost_its_passage(_question: Message) -> None:
    Citation.objects.update(chunk=None)


def has_a_passage_that_was_changed(_question: Message) -> None:
    Chunk.objects.update(text="Tutt’altro.")


def has_a_mark_without_a_source(_question: Message) -> None:
    Message.objects.filter(role="answer").update(text="Entro 72 ore.[1] Lo dice la legge.[7]")


def has_a_source_without_a_mark(_question: Message) -> None:
    Message.objects.filter(role="answer").update(text="Entro 72 ore.")


def cites_nothing(_question: Message) -> None:
    Citation.objects.all().delete()
    Message.objects.filter(role="answer").update(text="Entro 72 ore.")


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [
        (quotes_other_words, "[1] quotes words that are not in its passage"),
        (quotes_nothing, "[1] quotes words that are not in its passage"),
        (names_a_passage_it_was_not_given, "[1] names a passage the model was not given"),
        (lost_its_passage, "[1] names a passage the model was not given"),
        (has_a_passage_that_was_changed, "[1] quotes words that are not in its passage"),
        (has_a_mark_without_a_source, "[7] has no source"),
        (has_a_source_without_a_mark, "[1] is not in the text"),
        (cites_nothing, "no citation at all"),
    ],
)
def test_citation_that_does_not_hold_is_found_in_the_rows(spoil: Any, flaw: str, question_row: Message):
    spoil(question_row)

    result = look_into(BREACHED, question_row)

    assert result.flaws == (flaw,)
    assert figures_of([result])["citation_validity"] == 0
    assert figures_of([result])["invalid"] == [{"id": "ex-1", "why": [flaw]}]


def test_answer_from_another_section_is_not_from_a_right_one(question_row: Message):
    elsewhere = Question("x", "it", "exact", BREACHED.text, ("gdpr.it#Articolo 30",), ())

    result = look_into(elsewhere, question_row)

    assert (result.is_from_gold, result.remark) == (False, "elsewhere")


UNANSWERABLE = Question("u", "it", "unanswerable", "?", (), ())


@pytest.mark.parametrize(
    ("result", "remark"),
    [
        (AnswerResult(BREACHED, "answered", citations=1, is_from_gold=True), ""),
        (AnswerResult(BREACHED, "answered", citations=1), "elsewhere"),
        (AnswerResult(BREACHED, "answered", flaws=("[1] has no source",), is_from_gold=True), "citation"),
        (AnswerResult(BREACHED, "refused"), "refused"),
        (AnswerResult(BREACHED, "failed", "connection"), "failed"),
        (AnswerResult(UNANSWERABLE, "refused"), ""),
        (AnswerResult(UNANSWERABLE, "answered", citations=1), "answered"),
    ],
)
def test_remark_says_what_is_wrong_with_an_answer(result: AnswerResult, remark: str):
    assert result.remark == remark


def test_share_is_whole_only_when_every_one_is():
    good, bad = (
        AnswerResult(BREACHED, "answered", citations=1),
        AnswerResult(BREACHED, "answered", flaws=("no citation at all",)),
    )

    assert figures_of([good] * 4_000)["citation_validity"] == 1
    assert figures_of([good] * 4_000 + [bad])["citation_validity"] == 0.999
    assert figures_of([bad] * 4_000 + [good])["citation_validity"] == 0.001
    assert figures_of([AnswerResult(BREACHED, "refused")])["citation_validity"] is None


def test_evaluation_is_of_no_caller_that_could_ask():
    assert conversations.caller_hash("192.0.2.7") != Conversation.EVALUATION
    assert len(conversations.caller_hash("")) == 64
    assert django_settings.CHAT_QUESTIONS_PER_HOUR == 50
