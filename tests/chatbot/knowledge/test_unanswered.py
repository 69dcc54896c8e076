"""Questions that were not answered: kept with what they found, grouped by meaning, and gone with their conversation."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chatbot import tasks
from chatbot.conversations import services as conversations
from chatbot.conversations.feedback import give_feedback
from chatbot.knowledge import unanswered
from chatbot.knowledge.unanswered import GroupDoneError
from chatbot.models import Chunk, Conversation, Document, Message, QuestionGroup, QuestionTrace, Ticket
from chatbot.tickets import services as tickets
from core.errors import InvalidInputError
from tests.chatbot.desk import MARIO
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, RECORDS, ask, learn, run_answer
from tests.conftest import Control

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("embedder")]

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DPO = "Serve un DPO anche a noi?"
DPO_TOO = "Siamo obbligati ad avere il DPO?"
CAMERAS = "Quanto si tengono i filmati delle telecamere?"


def committed(test: Any) -> Any:
    """For tests whose questions are answered, or whose sweeps run, by threads with connections of their own."""
    return pytest.mark.django_db(transaction=True)(pytest.mark.usefixtures("without_rewriting")(test))


@pytest.fixture(autouse=True)
def library(embedder: Embedder) -> Document:
    """Passages to take the middle of."""
    return learn(BREACH + RECORDS, title="GDPR", topic="GDPR")


def lack(
    text: str, *, user: Any = None, outcome: str = "refused", error: str = "", at: datetime = NOW,
    conversation: Conversation | None = None,
) -> QuestionTrace:  # fmt: skip
    """A question and its answer, with a trace that has no vector yet."""
    conversation = conversation or Conversation.objects.create(user=user, caller="x")
    question = conversation.messages.create(role="question", text=text)
    answer = conversation.messages.create(role="answer", text="Niente.", outcome=outcome, error=error)
    Message.objects.filter(pk__in=[question.pk, answer.pk]).update(created_at=at)
    return QuestionTrace.objects.create(question=question, answer=answer, asked_at=at)


def grouped(now: datetime = NOW) -> list[set[str]]:
    """The texts of each group after a sweep, in the order the groups were made."""
    unanswered.group_questions(now=now)
    return [
        {trace.question.text for trace in group.questions.select_related("question")}
        for group in QuestionGroup.objects.order_by("pk")
    ]


def reasons() -> list[str]:
    return list(QuestionTrace.objects.exclude(group=None).order_by("pk").values_list("reason", flat=True))


def thumb_down(trace: QuestionTrace) -> None:
    assert trace.answer
    give_feedback(message=trace.answer, is_helpful=False, now=NOW)


@committed
def test_question_is_kept_with_its_vector_and_the_best_passage_then(claude: Control):
    question = ask("Qual è la ricetta della carbonara?")

    _events, row = run_answer(question)

    trace, chunk = question.trace, Chunk.objects.get(pk=question.trace.near_chunk_id)
    assert (trace.answer, trace.near_title, trace.near_topic) == (row, "GDPR", "GDPR")
    assert trace.near_heading == chunk.heading
    assert 0.5 < (trace.near_similarity or 0) < 0.9
    assert (len(trace.embedding), trace.embedding_model) == (1536, "multilingual-e5-small")


@committed
def test_question_asked_with_the_embeddings_away_gets_its_vector_from_the_sweep(embedder: Embedder, claude: Control):
    embedder.fail(503)
    question = ask("Qual è la ricetta della carbonara?")
    run_answer(question)
    before = question.trace.embedding

    assert grouped(timezone.now()) == [{"Qual è la ricetta della carbonara?"}]
    assert (before, QuestionTrace.objects.get().embedding_model) == (None, "multilingual-e5-small")


@committed
def test_answer_that_was_made_again_takes_the_place_of_the_first(claude: Control):
    question = ask("Qual è la ricetta della carbonara?")
    run_answer(question)
    Message.objects.filter(role="answer").delete()

    _events, row = run_answer(question)

    assert QuestionTrace.objects.get().answer == row


def test_questions_of_one_meaning_are_one_group_whoever_asked():
    for text in (DPO, CAMERAS, DPO_TOO):
        lack(text)

    assert grouped() == [{DPO, DPO_TOO}, {CAMERAS}]


def test_group_is_called_by_a_question_of_its_own_and_by_another_when_that_one_goes():
    first, second = lack(DPO), lack(DPO_TOO)
    grouped()
    group = QuestionGroup.objects.get()
    assert group.typical
    typical = group.typical

    typical.question.conversation.delete()
    grouped()

    group.refresh_from_db()
    assert group.typical == ({first, second} - {typical}).pop()


def test_sweep_that_runs_twice_changes_nothing():
    for text in (DPO, CAMERAS):
        lack(text)

    assert grouped() == grouped() == [{DPO}, {CAMERAS}]


@committed
def test_two_sweeps_at_once_make_no_group_twice():
    for text in (DPO, CAMERAS, DPO_TOO):
        lack(text)
    unanswered._embed_missing(NOW - QuestionTrace.WINDOW)

    def sweep(_number: int) -> int:
        try:
            return unanswered.group_questions(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(sweep, range(4)))

    assert (sum(counts), QuestionGroup.objects.count()) == (3, 2)


@pytest.mark.parametrize(
    ("outcome", "error", "expected"),
    [
        ("refused", "", ["refused"]),
        ("refused", "unsupported", ["unsupported"]),
        ("refused", "prompt_leak", []),
        ("answered", "", []),
        ("incomplete", "reader_gone", []),
        ("limited", "budget", []),
        ("failed", "overloaded_error", []),
    ],
)
def test_reason_is_how_the_answer_ended(outcome: str, error: str, expected: list[str]):
    lack(DPO, outcome=outcome, error=error)

    grouped()

    assert reasons() == expected


def test_two_answers_of_no_use_bring_their_questions_and_one_does_not():
    first = lack(DPO, outcome="answered")
    second = lack(CAMERAS, outcome="answered", conversation=first.question.conversation)
    lack("Che ore sono?", outcome="answered", conversation=first.question.conversation)
    thumb_down(first)
    after_one = grouped()
    thumb_down(second)

    assert (after_one, grouped(), reasons()) == ([], [{DPO}, {CAMERAS}], ["thumbs_down", "thumbs_down"])


def test_question_that_helped_after_all_leaves_and_its_empty_group_is_gone():
    first = lack(DPO, outcome="answered")
    second = lack(CAMERAS, outcome="answered", conversation=first.question.conversation)
    thumb_down(first)
    thumb_down(second)
    grouped()
    assert second.answer

    give_feedback(message=second.answer, is_helpful=True, now=NOW)

    assert grouped() == []


@pytest.mark.parametrize(
    ("reason", "expected"), [("missing_knowledge", [{CAMERAS}]), ("low_support", [{CAMERAS}]), ("asked", [])]
)
def test_hand_over_for_lack_of_an_answer_brings_the_question_before_it(reason: str, expected: list[set[str]]):
    first = lack(DPO, outcome="answered", at=NOW)
    conversation = first.question.conversation
    lack(CAMERAS, outcome="answered", conversation=conversation, at=NOW + timedelta(minutes=1))
    tickets.open_from_conversation(
        conversation=conversation, reason=reason, text="", guest=MARIO, now=NOW + timedelta(minutes=2)
    )
    lack("Che ore sono?", outcome="answered", conversation=conversation, at=NOW + timedelta(minutes=3))

    assert grouped(NOW + timedelta(minutes=4)) == expected
    assert Ticket.objects.get().reason == reason


@committed
def test_answer_without_a_citation_is_told_from_a_refusal(claude: Control):
    claude.post("/mode", mode="scripted", script=["Secondo me sono 72 ore."])

    _events, row = run_answer(ask("Entro quante ore va notificata la violazione dei dati?"))

    assert (row.outcome, row.error) == ("refused", "unsupported")


def test_questions_leave_after_ninety_days():
    lack(DPO)
    lack(DPO_TOO, at=NOW + timedelta(days=1))
    grouped()

    at_the_edge = grouped(NOW + timedelta(days=90))
    after = grouped(NOW + timedelta(days=90, seconds=1))

    assert (at_the_edge, after) == ([{DPO, DPO_TOO}], [{DPO_TOO}])
    assert grouped(NOW + timedelta(days=92)) == []


def test_group_that_is_done_comes_back_with_one_more_question(staff: Any):
    lack(DPO)
    grouped()
    group = QuestionGroup.objects.get()
    unanswered.mark_done(group=group, note="Articolo scritto.", actor=staff, now=NOW + timedelta(hours=1))
    gone = QuestionGroup.objects.to_answer().count()
    lack(CAMERAS, at=NOW + timedelta(hours=2))
    grouped(NOW + timedelta(hours=2))
    still_gone = group in QuestionGroup.objects.to_answer()

    lack(DPO_TOO, at=NOW + timedelta(hours=3))
    grouped(NOW + timedelta(hours=3))

    group.refresh_from_db()
    assert (gone, still_gone, group in QuestionGroup.objects.to_answer()) == (0, False, True)
    assert (group.note, group.done_by, group.done_at) == ("Articolo scritto.", staff, NOW + timedelta(hours=1))


def test_second_who_is_done_is_told(staff: Any):
    lack(DPO)
    grouped()
    group = QuestionGroup.objects.get()
    unanswered.mark_done(group=group, note="Mio.", actor=staff, now=NOW + timedelta(hours=1))

    with pytest.raises(GroupDoneError):
        unanswered.mark_done(group=group, note="Anche mio.", actor=staff, now=NOW + timedelta(hours=1))

    group.refresh_from_db()
    assert group.note == "Mio."


def test_deleted_message_takes_vector_and_place_with_it():
    trace = lack(DPO)
    lack(DPO_TOO)
    grouped()

    trace.question.delete()

    assert [row.question.text for row in QuestionTrace.objects.all()] == [DPO_TOO]
    assert grouped() == [{DPO_TOO}]


def test_forgotten_conversation_leaves_no_vector_though_its_empty_row_counts():
    question = ask(DPO)
    QuestionTrace.objects.create(question=question, asked_at=question.created_at, embedding=[0.1] * 1536)

    conversations.forget_conversation(conversation=question.conversation, now=timezone.now())

    assert (Message.objects.get().text, QuestionTrace.objects.count()) == ("", 0)


def test_answer_that_comes_after_its_question_was_forgotten_leaves_no_vector():
    question = ask(DPO)
    answer = question.conversation.messages.create(role="answer", text="", outcome="refused")
    conversations.forget_conversation(conversation=question.conversation, now=timezone.now())

    unanswered.keep_trace(question=question, answer=answer, vector=[0.1] * 1536, best=None)

    assert QuestionTrace.objects.count() == 0


def test_purge_takes_the_groups_of_old_conversations():
    lack(DPO)
    grouped()
    Conversation.objects.update(created_at=NOW - timedelta(days=181))
    Message.objects.update(created_at=NOW - timedelta(days=181))

    conversations.clear_old_conversations(now=NOW)

    assert (QuestionTrace.objects.count(), grouped()) == (0, [])
    assert QuestionGroup.objects.count() == 0


def test_customer_who_goes_takes_the_questions_along(customer: Any):
    lack(DPO, user=customer)
    grouped()

    customer.delete()

    assert (QuestionTrace.objects.count(), grouped()) == (0, [])


def test_question_waits_for_its_vector_when_the_embeddings_stay_away(embedder: Embedder):
    lack(DPO)
    embedder.fail(503)

    first = grouped()

    assert (first, grouped()) == ([], [{DPO}])


def test_other_embedding_model_gives_other_vectors(settings: Any):
    lack(DPO)
    QuestionTrace.objects.update(embedding=[0.1] * 1536, embedding_model="an-old-one")

    assert grouped() == [{DPO}]
    assert QuestionTrace.objects.get().embedding_model == settings.EMBEDDING_MODEL


def test_without_passages_only_the_same_words_are_the_same(library: Document):
    library.delete()
    for text in (DPO, DPO_TOO, DPO):
        lack(text)

    assert [len(texts) for texts in grouped()] == [1, 1]
    assert sorted(group.questions.count() for group in QuestionGroup.objects.all()) == [1, 2]


def test_task_groups_what_the_timetable_brings():
    lack(DPO, at=timezone.now())

    tasks.group_questions()

    assert QuestionGroup.objects.count() == 1


def test_article_answers_a_group_and_its_questions_leave(staff: Any):
    lack(DPO)
    grouped()
    group = QuestionGroup.objects.get()

    document = unanswered.write_article(
        group=group, question="Chi deve nominare un DPO?", answer="Gli enti pubblici, e altri.", topic="GDPR",
        language="it", actor=staff, now=NOW + timedelta(hours=1),
    )  # fmt: skip

    group.refresh_from_db()
    assert (group.article, group.done_by, QuestionGroup.objects.to_answer().count()) == (document, staff, 0)
    assert bytes(document.content).decode() == "# Chi deve nominare un DPO?\n\nGli enti pubblici, e altri.\n"
    assert (document.topic, document.language, document.state) == ("GDPR", "it", "pending")


def test_article_with_the_name_of_one_who_asked_is_refused_and_nothing_is_done(customer: Any, staff: Any):
    lack(DPO, user=customer)
    grouped()
    group, before = QuestionGroup.objects.get(), Document.objects.count()

    with pytest.raises(InvalidInputError):
        unanswered.write_article(
            group=group, question="DPO", answer="Come detto a Giulia Ferrante: sì.", topic="GDPR", language="it",
            actor=staff, now=NOW + timedelta(hours=1),
        )  # fmt: skip

    assert (QuestionGroup.objects.to_answer().count(), Document.objects.count()) == (1, before)


def test_draft_of_an_article_begins_with_the_typical_question():
    trace = lack("Do we need a data protection officer?")
    QuestionTrace.objects.filter(pk=trace.pk).update(near_topic="NIS2")
    grouped()

    assert unanswered.article_draft(QuestionGroup.objects.get()) == {
        "question": "Do we need a data protection officer?", "topic": "NIS2", "language": "en",
    }  # fmt: skip
