"""Answers from the documents: what a model says counts as far as a passage bears it, and its row tells how it ended."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings as django_settings
from django.db import connection

from chatbot.answering import answers
from chatbot.answering.answers import REFUSALS, answer
from chatbot.answering.events import Cite, Done, Replace, Token
from chatbot.clients.claude import api
from chatbot.models import Chunk, Document, Message
from chatbot.prompts import load
from sandbox.claude import HTTP_FAULTS
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, QUESTION, RECORDS, SENTENCE, ask, block, learn, run_answer
from tests.conftest import Control
from tests.waiting import until

# An answer is searched for and kept by threads with connections of their own, which see only what is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "without_rewriting")]

HEADING = "Articolo 33 - Notifica di una violazione"
CONTACT = "Scrivete a assistenza@aish.example: vi risponde una persona entro un giorno lavorativo."
CUT_OFF = "La risposta si è interrotta. La vostra domanda è conservata: ripetetela."
USELESS = "L’assistente non può rispondere. Scrivete a assistenza@aish.example: vi risponde una persona."
AWAY = "L’assistente in questo momento non risponde. La vostra domanda è conservata: riprovate tra un minuto."


def request_bodies(claude: Control, question: str) -> list[Any]:
    """The bodies of the requests that put this question to the model, newest first."""
    bodies = [request["body"] for request in claude.get("/requests")]
    # a request that was cut off has no body, and one to a small model has plain text
    answer_bodies = [body for body in bodies if body and isinstance(body["messages"][-1]["content"], list)]
    return [body for body in answer_bodies if body["messages"][-1]["content"][-1]["text"] == question]


def calls(question: Message) -> list[tuple[str, str, int, int, int, int, bool]]:
    """What the calls of the model for a question counted."""
    columns = (
        "purpose", "model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "is_settled",
    )  # fmt: skip
    return list(question.model_calls.order_by("pk").values_list(*columns))


def words(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def says(claude: Control, *parts: str | tuple[str, int, str]) -> None:
    """Puts words into the model's mouth; (text, index, quote) is text with a citation."""
    blocks = [block(part) if isinstance(part, str) else block(part[0], part[1:]) for part in parts]
    claude.post("/mode", mode="scripted", script=[{"content": blocks}])


def cites(events: list[Any]) -> list[tuple[int, str]]:
    return [(event.number, event.quote) for event in events if isinstance(event, Cite)]


def stream_state(claude: Control) -> str:
    """How the newest stream ended; the reader is gone, and the server tidies up in its own time."""

    def final_state() -> str:
        state = str(claude.get("/open-streams")["streams"][0]["state"])
        return "" if state == "open" else state

    return str(until(final_state, "the stream stayed open"))


def test_answer_streams_and_ends_with_its_source(claude: Control):
    document = learn(BREACH + RECORDS, title="GDPR")

    events, row = run_answer(ask(QUESTION))

    chunk = document.chunks.get(position=0)
    tokens, rest = events[:-2], events[-2:]
    assert {type(event) for event in tokens} == {Token}
    assert words(events) == f"Ecco che cosa dicono i documenti: {SENTENCE}"
    assert rest == [
        Cite(1, "GDPR", HEADING, None, chunk.text, SENTENCE, chunk.pk),
        Done(str(row.reference), "answered", ""),
    ]


def test_answer_is_kept_with_its_source_and_price(claude: Control):
    document = learn(BREACH, title="GDPR")
    question = ask(QUESTION)

    _events, row = run_answer(question)

    usage = next(each["usage"] for each in claude.get("/requests") if each["body"] in request_bodies(claude, QUESTION))
    assert (row.conversation, row.role, row.outcome, row.error) == (question.conversation, "answer", "answered", "")
    assert row.text == f"Ecco che cosa dicono i documenti: {SENTENCE}[1]"
    usage_counts = (usage["input_tokens"], usage["output_tokens"], 0, 0)
    assert calls(question) == [("answer", django_settings.CLAUDE_MODEL, *usage_counts, True)]
    [citation] = row.citations.values("number", "chunk", "title", "heading", "page", "passage", "quote")
    chunk = document.chunks.get()
    assert citation == {
        "number": 1, "chunk": chunk.pk, "title": "GDPR", "heading": HEADING, "page": None,
        "passage": chunk.text, "quote": SENTENCE,
    }  # fmt: skip


def test_model_is_given_the_rules_and_the_passages_sentence_by_sentence(claude: Control):
    document = learn("## Articolo 5\n\nIl titolare notifica la violazione. Lo fa entro 72 ore.", title="GDPR")

    run_answer(ask(QUESTION))

    [body] = request_bodies(claude, QUESTION)[:1]
    [system] = body["system"]
    assert set(system) == {"type", "text"}, "too short for this model to be cached"
    assert system["text"].startswith(load("answer").strip())
    assert (body["stream"], body["max_tokens"], "temperature" in body) == (True, 1024, False)
    result, question_block = body["messages"][0]["content"]
    assert question_block == {"type": "text", "text": QUESTION}
    assert result == {
        "type": "search_result", "source": f"passage-{document.chunks.get().pk}", "title": "GDPR, Articolo 5",
        "content": [{"type": "text", "text": "Il titolare notifica la violazione."},
                    {"type": "text", "text": "Lo fa entro 72 ore."}],
        "citations": {"enabled": True},
    }  # fmt: skip


def test_temperature_is_sent_where_one_is_set(claude: Control, settings: Any):
    settings.CLAUDE_TEMPERATURE = 0.2
    learn(BREACH)

    run_answer(ask(QUESTION))

    assert request_bodies(claude, QUESTION)[0]["temperature"] == 0.2


def test_earlier_turns_are_given_before_the_question(claude: Control):
    learn(BREACH + RECORDS)
    first = ask("Chi tiene il registro delle attività?")
    _events, row = run_answer(first)

    run_answer(ask("Entro quando si notifica, in ore?", after=first))

    messages = request_bodies(claude, "Entro quando si notifica, in ore?")[0]["messages"]
    assert messages[:-1] == [
        {"role": "user", "content": "Chi tiene il registro delle attività?"},
        {"role": "assistant", "content": row.text.replace("[1]", "")},
    ]


def test_six_turns_are_remembered_beginning_with_a_question(claude: Control):
    learn(BREACH)
    first = ask("Domanda 0 sulla violazione")
    for number in range(1, 5):
        Message.objects.create(conversation=first.conversation, role="answer", text=f"Risposta {number - 1}")
        last = ask(f"Domanda {number} sulla violazione", after=first)

    run_answer(last)

    messages = request_bodies(claude, "Domanda 4 sulla violazione")[0]["messages"]
    assert [message["content"] for message in messages[:-1]] == [
        "Domanda 1 sulla violazione", "Risposta 1", "Domanda 2 sulla violazione", "Risposta 2",
        "Domanda 3 sulla violazione", "Risposta 3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "question"), [("it", "Qual è la ricetta della carbonara?"), ("en", "Who won the match yesterday?")]
)
def test_question_off_topic_is_refused_without_asking_the_model(language: str, question: str, claude: Control):
    learn(BREACH)

    message = ask(question, language=language)
    events, row = run_answer(message)

    assert [type(event) for event in events] == [Token, Done]
    assert (events[0].text, row.text, row.outcome) == (REFUSALS[language], REFUSALS[language], "refused")
    assert (calls(message), request_bodies(claude, question)) == ([], [])


def test_refusal_shows_the_way_to_a_person(claude: Control):
    events, row = run_answer(ask("Qual è la ricetta della carbonara?"))

    assert events[-1] == Done(str(row.reference), "refused", CONTACT)


def test_refusal_of_the_model_is_kept_as_one(claude: Control):
    learn(BREACH)
    says(claude, REFUSALS["it"])

    events, row = run_answer(question := ask(QUESTION))

    assert (words(events), row.text, row.outcome) == (REFUSALS["it"], REFUSALS["it"], "refused")
    assert [event for event in events if isinstance(event, Replace)] == []
    assert calls(question)[0][3] > 1


def test_refusal_is_in_the_language_of_the_question(claude: Control):
    learn(BREACH)
    says(claude, REFUSALS["en"])

    events, row = run_answer(ask(QUESTION, language="en"))

    assert (events[-2], row.text) == (Replace(REFUSALS["it"]), REFUSALS["it"])


@pytest.mark.parametrize(
    "parts",
    [
        ["Secondo me bastano dieci giorni."],
        ["Secondo me bastano dieci giorni [1]."],
        [("Bastano dieci giorni.", 7, SENTENCE)],
        [("Bastano dieci giorni.", -1, SENTENCE)],
        [("Bastano dieci giorni.", 0, "Bastano dieci giorni.")],
        [("Bastano dieci giorni.", 0, " ")],
    ],
    ids=["no-citation", "typed-mark", "unknown-passage", "negative-passage", "words-not-there", "no-words"],
)
def test_answer_that_no_passage_bears_becomes_the_refusal(parts: list[Any], claude: Control):
    learn(BREACH)
    says(claude, *parts)

    events, row = run_answer(ask(QUESTION))

    assert events[-2:] == [Replace(REFUSALS["it"]), Done(str(row.reference), "refused", CONTACT)]
    assert (row.text, row.outcome, row.citations.count()) == (REFUSALS["it"], "refused", 0)


def test_model_that_says_nothing_has_failed(claude: Control):
    learn(BREACH)
    claude.post("/mode", mode="silent")

    events, row = run_answer(question := ask(QUESTION))

    assert events == [Done(str(row.reference), "failed", AWAY, may_retry=True)]
    assert (row.text, row.outcome, row.error) == ("", "failed", "empty")
    assert [call[-1] for call in calls(question)] == [True]


def test_unknown_citation_is_dropped_beside_a_valid_one(claude: Control):
    learn(BREACH)
    says(claude, ("Entro 72 ore.", 0, SENTENCE), (" E una multa.", 9, "multa"), (" Sempre.", 0, "non sta qui"))

    events, row = run_answer(ask(QUESTION))

    assert cites(events) == [(1, SENTENCE)]
    assert (row.text, row.outcome) == ("Entro 72 ore.[1] E una multa. Sempre.", "answered")


def test_quote_is_compared_without_its_spaces(claude: Control):
    learn(BREACH)
    quote = "il titolare\n notifica  la violazione "
    says(claude, ("Entro 72 ore.", 0, quote))

    events, row = run_answer(ask(QUESTION))

    assert (cites(events), row.citations.get().quote) == ([(1, quote)], quote)


def test_each_quote_has_a_number_however_often_it_is_cited(claude: Control):
    learn(BREACH + RECORDS)
    record = "Ogni titolare tiene un registro"
    says(claude, ("A.", 0, SENTENCE), (" B.", 1, record), (" C.", 0, "72 ore"), ("", 0, "72 ore"))

    events, row = run_answer(ask(QUESTION))

    quotes = [(1, SENTENCE), (2, record), (3, "72 ore")]
    assert cites(events) == quotes
    assert row.text == "A.[1] B.[2] C.[3]"
    assert list(row.citations.order_by("number").values_list("number", "quote")) == quotes


def test_marks_the_model_typed_itself_are_taken_out(claude: Control):
    learn(BREACH)
    says(claude, ("Entro 72 ore [2].", 0, SENTENCE), " Altro [17] ancora [1].")

    events, row = run_answer(ask(QUESTION))

    assert words(events) == "Entro 72 ore. Altro ancora."
    assert events[-1] == Done(str(row.reference), "answered", "")
    assert (row.text, row.outcome) == ("Entro 72 ore.[1] Altro ancora.", "answered")


@pytest.mark.parametrize(
    ("fault", "error", "note"),
    [
        ("rate_limit", "rate_limit_error", AWAY),
        ("spend_limit", "spend_limit", USELESS),
        ("overloaded", "overloaded_error", AWAY),
        ("api_error", "api_error", AWAY),
    ],
)
def test_refusal_of_the_provider_is_kept_on_the_row(fault: str, error: str, note: str, claude: Control):
    learn(BREACH)
    claude.fault(**HTTP_FAULTS[fault])

    events, row = run_answer(question := ask(QUESTION))

    assert events == [Done(str(row.reference), "failed", note, may_retry=note == AWAY)]
    assert (row.text, row.outcome, row.error, calls(question)) == ("", "failed", error, [])


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("overloaded_before", "overloaded_error", ""),
        ("cut_before_first_token", "connection", ""),
        ("error_mid_stream", "overloaded_error", "Ecco che cosa"),
        ("cut_mid_stream", "connection", "Ecco che cosa"),
        ("malformed_event", "connection", "Ecco che cosa"),
        ("no_message_stop", "truncated", "Ecco che cosa"),
    ],
)
def test_stream_that_breaks_keeps_what_came(fault: str, error: str, text: str, claude: Control):
    learn(BREACH)
    claude.post("/stream-fault", kind=fault, after_deltas=3)

    events, row = run_answer(ask(QUESTION))

    outcome, note = ("incomplete", CUT_OFF) if text else ("failed", AWAY)
    assert (words(events), events[-1]) == (text, Done(str(row.reference), outcome, note, may_retry=True))
    assert (row.text, row.outcome, row.error) == (text, outcome, error)


def test_stream_that_hangs_is_cut_off(claude: Control, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(api._TIMEOUT, "read", 0.5)  # 30 seconds are long for a test
    learn(BREACH)
    claude.post("/stream-fault", kind="hang", after_deltas=2)

    _events, row = run_answer(ask(QUESTION))

    assert (row.text, row.outcome, row.error) == ("Ecco che", "incomplete", "connection")
    assert stream_state(claude) == "client_gone"


def test_stream_that_drips_is_cut_off(claude: Control, settings: Any):
    settings.CLAUDE_MAX_SECONDS = 1
    learn(BREACH)
    claude.post("/pace", token_s=0.3)

    _events, row = run_answer(ask(QUESTION))

    assert row.text.startswith("Ecco")
    assert (row.outcome, row.error) == ("incomplete", "too_long")
    assert stream_state(claude) == "client_gone"


def test_stream_that_only_pings_is_cut_off_in_time_and_stays_counted(claude: Control, settings: Any):
    settings.CLAUDE_MAX_SECONDS = 1
    learn(BREACH)
    claude.post("/stream-fault", kind="only_pings", after_deltas=2)
    question, start = ask(QUESTION), time.monotonic()

    _events, row = run_answer(question)

    assert time.monotonic() - start < 20  # the pings go on for ever
    assert (row.text, row.outcome, row.error) == ("Ecco che", "incomplete", "too_long")
    assert question.model_calls.count() == 1
    assert stream_state(claude) == "client_gone"


def test_model_that_is_slow_to_begin_runs_into_the_timeout(claude: Control, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(api._TIMEOUT, "read", 0.3)
    learn(BREACH)
    claude.post("/pace", first_byte_s=2)

    _events, row = run_answer(ask(QUESTION))

    assert (row.text, row.outcome, row.error) == ("", "failed", "connection")


@pytest.mark.parametrize(("drops", "outcome"), [(1, "answered"), (2, "failed")])
def test_connection_lost_at_the_start_is_tried_once_more(drops: int, outcome: str, claude: Control):
    learn(BREACH)
    claude.fault(match="POST /v1/messages", drop=True, times=drops)

    _events, row = run_answer(ask(QUESTION))

    assert (row.outcome, row.error) == (outcome, "" if outcome == "answered" else "connection")


def test_wrong_key_is_trouble_with_a_name(claude: Control, settings: Any):
    settings.ANTHROPIC_API_KEY = "sk-ant-wrong"
    learn(BREACH)

    events, row = run_answer(ask(QUESTION))

    assert (row.outcome, row.error, events[-1].text) == ("failed", "authentication_error", AWAY)


def test_question_can_be_asked_again_after_a_failure(claude: Control):
    learn(BREACH)
    claude.fault(**HTTP_FAULTS["overloaded"])
    first = ask(QUESTION)
    run_answer(first)

    _events, row = run_answer(ask(QUESTION, after=first))

    messages = request_bodies(claude, QUESTION)[0]["messages"]
    assert row.outcome == "answered"
    assert [message["role"] for message in messages] == ["user", "user"]


def test_embedder_that_is_away_leaves_full_text(claude: Control, embedder: Embedder):
    learn(BREACH)
    embedder.fail(503)

    _events, row = run_answer(ask(QUESTION))

    assert (row.outcome, row.citations.get().quote) == ("answered", SENTENCE)


@pytest.mark.parametrize("question", ["è" * 5000, "xyz?"])
def test_question_without_words_is_refused_when_nothing_fits(question: str, claude: Control, embedder: Embedder):
    learn(BREACH)
    embedder.fail(503)

    _events, row = run_answer(ask(question))

    assert (row.outcome, row.text, row.error) == ("refused", REFUSALS["it"], "")


def leave_after(question: Message, count: int) -> None:
    """Read so many events of the answer and go away."""

    async def read() -> None:
        events: Any = answer(question=question, conversation=question.conversation)
        for _event in range(count):
            await anext(events)
        await events.aclose()
        await asyncio.gather(*answers._keepers)  # the row is written by a task of its own

    async_to_sync(read)()


def test_reader_who_leaves_ends_the_models_stream_and_keeps_what_was_said(claude: Control):
    learn(BREACH)
    claude.post("/pace", token_s=0.2)
    question = ask(QUESTION)

    leave_after(question, 3)

    row = Message.objects.get(conversation=question.conversation, role="answer")
    # on a busy machine one more word may have come before the stream was closed
    assert (row.text[:13], len(row.text) < 30) == ("Ecco che cosa", True)
    assert (row.outcome, row.error) == ("incomplete", "reader_gone")
    until(lambda: claude.get("/open-streams")["open"] == 0, "a stream stayed open")
    assert claude.get("/open-streams")["streams"][0]["state"] == "client_gone"


def test_reader_who_leaves_after_a_citation_keeps_it(claude: Control):
    learn(BREACH)
    says(claude, ("72 ore.", 0, SENTENCE), " E poi molto altro ancora.")
    claude.post("/pace", token_s=0.1)
    question = ask(QUESTION)

    leave_after(question, 3)

    row = Message.objects.get(conversation=question.conversation, role="answer")
    assert (row.text[:10], "ancora" in row.text) == ("72 ore.[1]", False)
    assert (row.outcome, row.citations.get().quote) == ("incomplete", SENTENCE)


def test_source_of_an_answer_outlives_its_document(claude: Control):
    document = learn(BREACH, title="GDPR")
    _events, row = run_answer(ask(QUESTION))

    Document.objects.filter(pk=document.pk).delete()

    citation = row.citations.get()
    assert (Chunk.objects.count(), citation.chunk, citation.title, citation.quote) == (0, None, "GDPR", SENTENCE)


def connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_no_connection_is_held_while_the_model_writes(claude: Control):
    learn(BREACH)
    question = ask(QUESTION)
    before = connections()

    async def count_while_streaming() -> bool:
        events: Any = answer(question=question, conversation=question.conversation)
        await anext(events)
        same = await sync_to_async(until)(lambda: connections() == before)
        await events.aclose()
        await asyncio.gather(*answers._keepers)
        return bool(same)

    assert async_to_sync(count_while_streaming)()


@pytest.fixture
def database_goes_away() -> Iterator[Callable[[str, str], None]]:
    """Makes the next two writes of a table fail as they do while the server restarts."""
    tables: list[str] = []

    def go_away(table: str, event: str) -> None:
        tables.append(table)
        with connection.cursor() as cursor:
            # a sequence counts on where a transaction is rolled back
            cursor.execute(
                f"""
                CREATE SEQUENCE away;
                CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('away') <= 2 THEN RAISE EXCEPTION 'shutting down' USING ERRCODE = '57P01'; END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER away BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION away();
                """
            )

    yield go_away
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TRIGGER away ON {table}; DROP FUNCTION away(); DROP SEQUENCE away")


@pytest.mark.parametrize(
    ("table", "event"),
    [("chatbot_message", "INSERT"), ("chatbot_citation", "INSERT"), ("chatbot_modelcall", "UPDATE")],
)
def test_answer_and_its_cost_are_kept_when_the_database_comes_back(
    table: str, event: str, claude: Control, database_goes_away: Callable[[str, str], None]
):
    learn(BREACH)
    question = ask(QUESTION)
    database_goes_away(table, event)

    events, row = run_answer(question)

    assert (row.outcome, row.citations.count()) == ("answered", 1)
    assert events[-1] == Done(str(row.reference), "answered")
    assert Message.objects.filter(conversation=question.conversation, role="answer").count() == 1
    assert [call[-1] for call in calls(question)] == [True]
