"""Asking over the web: the stream of events, who may go on with which conversation, and what is refused."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import User
from chatbot import tasks
from chatbot.answering import answers
from chatbot.answering.answers import REFUSALS
from chatbot.answering.events import Cite, Done, Replace, Token
from chatbot.conversations import services as conversations
from chatbot.conversations.sse import format_event
from chatbot.models import Conversation, Message
from config.asgi import application
from sandbox.claude import HTTP_FAULTS
from tests.chatbot.stream import (
    CURRENT,
    FOREIGN,
    QUESTION,
    URL,
    client_of,
    events_of,
    get_messages,
    get_problem,
    post_question,
    send,
)
from tests.chatbot.talk import BREACH, NOW, ask, learn, run_answer
from tests.conftest import Control
from tests.factories import make_api_session, sign_in

# An answer is searched for and kept by threads with connections of their own, which see only what is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "without_rewriting")]
in_one_transaction = pytest.mark.django_db

PAGE = "/assistenza/"
SENTENCE = (
    "In caso di violazione dei dati personali, il titolare notifica la violazione all’autorità di controllo "
    "entro 72 ore."
)
ANSWER = f"Ecco che cosa dicono i documenti: {SENTENCE}[1]"


def post(client: AsyncClient, body: Any, **headers: str) -> tuple[HttpResponse, bytes]:
    return send(client, "POST", URL, body, **headers)


def refusal(client: AsyncClient, body: Any, **headers: str) -> tuple[int, str]:
    return get_problem(client, "POST", URL, body, **headers)


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_api_session(user).access}"}


@in_one_transaction
@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (Token("È così:\n72 ore\r\n"), 'event: token\ndata: {"text": "È così:\\n72 ore\\r\\n"}\n\n'),
        (Replace("No."), 'event: replace\ndata: {"text": "No."}\n\n'),
        (
            Cite(1, "GDPR", "Art. 33", 4, "Entro 72 ore.", "72 ore", chunk_id=9),
            (
                'event: citation\ndata: {"number": 1, "title": "GDPR", "heading": "Art. 33", "page": 4, '
                '"passage": "Entro 72 ore.", "quote": "72 ore"}\n\n'
            ),
        ),
        (
            Done("7f3a", "failed", "Riprovate.", may_retry=True),
            (
                'event: done\ndata: {"reference": "7f3a", "outcome": "failed", "text": "Riprovate.", '
                '"may_retry": true}\n\n'
            ),
        ),
    ],
)
def test_event_is_two_lines_and_an_empty_one(event: Any, wire: str):
    assert format_event(event) == wire.encode()


def test_answer_is_a_stream_of_events(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")

    response, body = post(guest, {"text": QUESTION})

    events = events_of(body)
    row = Message.objects.get(role="answer")
    source = {
        "number": 1, "title": "GDPR", "heading": "Articolo 33 - Notifica di una violazione", "page": None,
        "passage": SENTENCE, "quote": SENTENCE,
    }  # fmt: skip
    assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
    assert (response["Cache-Control"], response["X-Accel-Buffering"]) == ("no-store", "no")
    assert events[0] == ("conversation", {"token": str(row.conversation.token)})
    assert "".join(data["text"] for name, data in events if name == "token") + "[1]" == ANSWER
    assert events[-2:] == [
        ("citation", source),
        ("done", {"reference": str(row.reference), "outcome": "answered", "text": "", "may_retry": False}),
    ]


def test_words_arrive_while_the_model_writes_and_end_with_their_reader(customer: User, claude: Control):
    learn(BREACH)
    claude.post("/pace", token_s=0.2)
    headers = [
        (name.lower().encode(), value.encode()) for name, value in {"Host": "testserver", **bearer(customer)}.items()
    ]
    scope = {"type": "http", "method": "POST", "path": URL, "query_string": b"", "headers": headers}

    async def read_three_and_go() -> tuple[list[bytes], int]:
        server = ApplicationCommunicator(application, scope)
        await server.send_input({"type": "http.request", "body": json.dumps({"text": QUESTION}).encode()})
        _start, *parts = [await server.receive_output(10) for _part in range(4)]
        still_open = (await asyncio.to_thread(claude.get, "/open-streams"))["open"]
        await server.send_input({"type": "http.disconnect"})
        await server.wait(10)
        await asyncio.gather(*answers._keepers)
        return [part["body"] for part in parts], still_open

    parts, open_streams = async_to_sync(read_three_and_go)()

    row = Message.objects.get(role="answer")
    assert (parts[1:], open_streams) == ([format_event(Token("Ecco")), format_event(Token(" che"))], 1)
    assert (row.outcome, row.error) == ("incomplete", "reader_gone")
    assert row.text.startswith("Ecco che")
    assert "72 ore" not in row.text  # the model was stopped long before its end


def test_trouble_of_the_model_is_told_in_the_stream(guest: AsyncClient, claude: Control):
    learn(BREACH)
    claude.fault(**HTTP_FAULTS["overloaded"])

    events = post_question(guest, QUESTION)

    assert [name for name, _data in events] == ["conversation", "done"]
    assert events[-1][1]["outcome"] == "failed"
    assert events[-1][1]["text"].startswith("L’assistente in questo momento non risponde.")


@in_one_transaction
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "question_empty"),
        ({"text": " \n\t "}, "question_empty"),
        ({"text": "\0"}, "question_empty"),
        ({"text": None}, "question_empty"),
        ({"text": 33}, "question_empty"),
        ({"text": ["Quante ore?"]}, "question_empty"),
        ({}, "question_empty"),
        ([], "question_empty"),
        ("", "question_empty"),
        ("Quante ore?", "question_empty"),
        (b'{"text": "\xe9"}', "question_empty"),
        ("[" * 100_000, "question_empty"),
        ('{"text": "\\ud83d"}', "question_empty"),
        ({"text": "è" * 5_001}, "question_too_long"),
        ({"text": "è" * 50_000}, "question_too_long"),
    ],
    ids=lambda value: str(value)[:16] if not isinstance(value, str) else value[:16],
)
def test_what_is_no_question_is_refused_and_not_kept(body: Any, code: str, guest: AsyncClient):
    assert refusal(guest, body) == (400, code)
    assert (Conversation.objects.count(), Message.objects.count(), dict(guest.cookies)) == (0, 0, {})


@in_one_transaction
def test_refusal_counts_the_characters_in_the_readers_language(guest: AsyncClient):
    _response, italian = post(guest, {"text": "è" * 50_000}, **{"Accept-Language": "it"})
    _response, english = post(guest, {"text": "è" * 50_000}, **{"Accept-Language": "en"})

    assert json.loads(italian) == {
        "type": "urn:problem:question_too_long", "status": 400, "code": "question_too_long",
        "title": (text := "Una domanda può avere fino a 5000 caratteri; la vostra ne ha 50000."),
        "errors": [{"field": "text", "code": "question_too_long", "message": text}],
    }  # fmt: skip
    assert json.loads(english)["title"] == "A question may have up to 5000 characters; yours has 50000."


def test_question_of_exactly_the_allowed_length_is_taken(guest: AsyncClient):
    text = "domanda " * 624 + "domanda?"

    post_question(guest, text)

    assert (len(text), Message.objects.get(role="question").text) == (5_000, text)


@in_one_transaction
def test_body_beyond_a_megabyte_is_refused_unread(guest: AsyncClient):
    response, _body = post(guest, {"text": "a" * 1_100_000})

    assert (response.status_code, Message.objects.count()) == (400, 0)


def test_halves_of_characters_and_zero_bytes_are_left_out(guest: AsyncClient):
    post_question(guest, FOREIGN + "\0")
    post(guest, '{"text": "Ciao \\ud83d mondo"}')

    assert list(Message.objects.filter(role="question").values_list("text", flat=True).order_by("pk")) == [
        FOREIGN, "Ciao  mondo",
    ]  # fmt: skip


@in_one_transaction
def test_reading_the_address_is_not_asking(guest: AsyncClient):
    response = async_to_sync(guest.get)(URL)

    assert (response.status_code, Message.objects.count()) == (405, 0)


@pytest.mark.parametrize(("language", "expected"), [("it", "it"), ("en-GB", "en"), ("de", "it")])
def test_refusal_of_a_question_in_no_language_speaks_the_readers(language: str, expected: str, guest: AsyncClient):
    _response, body = post(guest, {"text": "Pizza carbonara?"}, **{"Accept-Language": language})

    assert events_of(body)[1] == ("token", {"text": REFUSALS[expected]})
    assert Conversation.objects.get().language == expected


def test_conversation_follows_its_reader_into_another_language(guest: AsyncClient):
    post(guest, {"text": FOREIGN}, **{"Accept-Language": "it"})
    post(guest, {"text": "Who won the match?"}, **{"Accept-Language": "en"})

    conversation = Conversation.objects.get()
    assert (conversation.language, conversation.messages.count()) == ("en", 4)


@in_one_transaction
def test_fifty_questions_an_hour():
    assert django_settings.CHAT_QUESTIONS_PER_HOUR == 50


def test_question_beyond_the_limit_is_refused_with_the_time_to_wait(guest: AsyncClient, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 2
    with time_machine.travel(NOW, tick=False) as clock:
        post_question(guest, FOREIGN)
        clock.shift(timedelta(minutes=10))
        post_question(guest, FOREIGN)
        clock.shift(timedelta(minutes=20, seconds=1))

        response, body = post(guest, {"text": FOREIGN})

    assert (response.status_code, response["Retry-After"]) == (429, "1799")
    assert json.loads(body)["code"] == "too_many_requests"
    assert Message.objects.filter(role="question").count() == 2


@in_one_transaction
def test_hour_after_the_oldest_question_there_is_room_again(settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    with time_machine.travel(NOW, tick=False) as clock:
        ask(FOREIGN)
        clock.shift(timedelta(hours=1))

        assert ask(FOREIGN).pk == Message.objects.latest("pk").pk


def test_limit_is_the_addresss_whoever_asks(customer: User, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 2
    post_question(AsyncClient(), FOREIGN)
    post_question(client_of(customer), FOREIGN)

    assert refusal(AsyncClient(), {"text": FOREIGN}) == (429, "too_many_requests")
    assert Conversation.objects.count() == 2


def test_limit_follows_the_customer_to_another_address(customer: User, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    settings.TRUSTED_PROXY_COUNT = 1
    post_question(client_of(customer), FOREIGN)
    elsewhere = {"X-Forwarded-For": "192.0.2.99"}

    other, _body = post(AsyncClient(), {"text": FOREIGN}, **elsewhere)
    same = refusal(client_of(customer), {"text": FOREIGN}, **elsewhere)

    assert (other.status_code, same) == (200, (429, "too_many_requests"))


def test_address_is_kept_as_a_hash_that_only_we_can_make(guest: AsyncClient, settings: Any):
    post_question(guest, FOREIGN)
    caller = Conversation.objects.get().caller

    ours = conversations.caller_hash("127.0.0.1")
    settings.SECRET_KEY = "x" * 50

    assert (caller, len(caller), conversations.caller_hash("127.0.0.1") == caller) == (ours, 64, False)


def test_next_question_goes_on_with_the_conversation(guest: AsyncClient):
    first = post_question(guest, FOREIGN)[0]
    second = post_question(guest, "E la ricetta del pesto?")[0]

    assert (first, Conversation.objects.count()) == (second, 1)
    assert get_messages(guest) == [
        ("question", FOREIGN), ("answer", REFUSALS["it"]),
        ("question", "E la ricetta del pesto?"), ("answer", REFUSALS["it"]),
    ]  # fmt: skip


def test_app_of_a_customer_goes_on_by_the_token(customer: User):
    token = post_question(AsyncClient(), FOREIGN, headers=bearer(customer))[0][1]["token"]

    post_question(AsyncClient(), "E il pesto?", headers=bearer(customer), conversation=token)

    assert Conversation.objects.get().messages.filter(role="question").count() == 2


def test_token_alone_opens_no_guests_conversation(guest: AsyncClient):
    """It stands in addresses, logs and the audit trail: only the signed cookie or key proves a conversation."""
    token = post_question(guest, FOREIGN)[0][1]["token"]
    thief = AsyncClient()

    events = post_question(thief, "Che cosa ho chiesto prima?", conversation=token)

    assert events[0][1]["token"] != token
    assert token not in thief.cookies["conversation"].value
    assert [len(get_messages(each)) for each in (guest, thief)] == [2, 2]


@pytest.mark.parametrize("token", ["", "x", 7, [], "' OR 1=1", "7f3a1c5e-0000-4000-8000-000000000000"])
def test_token_of_no_conversation_begins_a_new_one(token: Any, customer: User):
    post_question(AsyncClient(), FOREIGN, headers=bearer(customer))

    post_question(AsyncClient(), FOREIGN, headers=bearer(customer), conversation=token)

    assert Conversation.objects.count() == 2


def test_conversation_is_kept_in_a_cookie_that_scripts_cannot_read(guest: AsyncClient):
    token = post_question(guest, FOREIGN, keep=True)[0][1]["token"]

    cookie = guest.cookies["conversation"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 180 * 24 * 3600)
    assert cookie.value.startswith(f"{token}:")


@pytest.mark.parametrize("kind", ["unsigned", "tampered", "missing"])
def test_guest_reads_no_conversation_without_its_signed_cookie(kind: str, guest: AsyncClient):
    token = post_question(guest, FOREIGN)[0][1]["token"]
    other = AsyncClient()
    cookie = guest.cookies["conversation"].value
    if kind != "missing":
        other.cookies["conversation"] = token if kind == "unsigned" else cookie[:-1] + "Ab"[cookie[-1] == "A"]

    messages = (get_messages(other), get_messages(guest)[0])
    post_question(other, "E il pesto?")

    assert messages == ([], ("question", FOREIGN))
    assert Conversation.objects.get(token=token).messages.count() == 2


def test_customers_conversation_is_theirs_alone(customer: User, stranger: User):
    owner = client_of(customer)
    token = post_question(owner, FOREIGN)[0][1]["token"]
    others = [client_of(stranger), AsyncClient()]
    for other in others:
        other.cookies["conversation"] = owner.cookies["conversation"].value

    messages = [get_messages(other) for other in others]
    for other in others:
        post_question(other, "E il pesto?", conversation=token)

    assert (messages, get_messages(owner)[0]) == ([[], []], ("question", FOREIGN))
    assert Conversation.objects.get(token=token).messages.count() == 2
    assert Conversation.objects.count() == 3


def test_guests_conversation_is_not_the_next_customers_on_the_machine(guest: AsyncClient, customer: User):
    post_question(guest, FOREIGN)
    client = client_of(customer)
    client.cookies["conversation"] = guest.cookies["conversation"].value

    assert get_messages(client) == []
    assert post_question(client, "E il pesto?")[0][1]["token"] != str(Conversation.objects.earliest("pk").token)


def test_conversation_is_given_back_with_sources_and_notes(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")
    post_question(guest, QUESTION)

    response = async_to_sync(guest.get)(CURRENT)

    question, row = Message.objects.order_by("pk")
    assert response["Cache-Control"] == "no-store"
    assert response.json()["messages"] == [
        {
            "reference": str(question.reference), "id": None, "role": "question", "text": QUESTION, "outcome": "",
            "note": "", "may_retry": False, "feedback": None, "citations": [],
        },
        {
            "reference": str(row.reference), "id": None, "role": "answer", "text": ANSWER, "outcome": "answered",
            "note": "", "may_retry": False, "feedback": None,
            "citations": [{
                "number": 1, "title": "GDPR", "heading": "Articolo 33 - Notifica di una violazione", "page": None,
                "passage": SENTENCE, "quote": SENTENCE, "url": "",
            }],
        },
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [1, 3])
def test_conversation_costs_the_same_for_any_length(
    rows: int, client: Client, claude: Control, django_assert_num_queries: Any
):
    learn(BREACH)
    for _row in range(rows):
        client.post(PAGE, {"text": QUESTION})

    with django_assert_num_queries(3):
        answer = client.get(CURRENT)

    assert len(answer.json()["messages"]) == 2 * rows


@in_one_transaction
@pytest.mark.parametrize("who", ["guest", "customer", "basic"])
def test_other_sites_cannot_ask_with_the_visitors_cookies(who: str, customer: User):
    client = AsyncClient(enforce_csrf_checks=True)
    if who != "guest":
        sign_in(client, customer)
    # what a browser sends by itself where a test site stands behind a password
    headers = {"Authorization": "Basic Y2FzYTpjYXNh"} if who == "basic" else {}

    assert refusal(client, {"text": FOREIGN}, **headers) == (403, "csrf")
    assert Message.objects.count() == 0


def test_page_of_ours_asks_with_its_token(customer: User):
    client = AsyncClient(enforce_csrf_checks=True)
    sign_in(client, customer)
    page = async_to_sync(client.get)(PAGE)

    response, _body = post(client, {"text": FOREIGN}, **{"X-CSRFToken": page.context["csrf_token"]})

    assert (response.status_code, Conversation.objects.get().user) == (200, customer)


def test_app_asks_with_its_bearer_token_alone(customer: User):
    client = AsyncClient(enforce_csrf_checks=True)

    response, _body = post(client, {"text": FOREIGN}, **bearer(customer))

    assert (response.status_code, Conversation.objects.get().user) == (200, customer)


@in_one_transaction
@pytest.mark.parametrize("trouble", ["nonsense", "disabled"])
def test_bearer_token_that_is_not_valid_is_refused(trouble: str, customer: User):
    headers = bearer(customer)
    if trouble == "nonsense":
        headers = {"Authorization": "Bearer x.y.z"}
    User.objects.filter(pk=customer.pk).update(is_active=trouble != "disabled")

    # not even a session beside it helps
    assert refusal(client_of(customer), {"text": FOREIGN}, **headers) == (401, "token_invalid")
    assert Message.objects.count() == 0


def test_assistant_answers_while_redis_is_away(customer: User, claude: Control, redis_away: None):
    learn(BREACH)

    events = post_question(client_of(customer), QUESTION)

    assert (events[-1][1]["outcome"], Message.objects.get(role="answer").text) == ("answered", ANSWER)


def test_limit_holds_while_redis_is_away(guest: AsyncClient, settings: Any, redis_away: None):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    post_question(guest, FOREIGN)

    assert refusal(guest, {"text": FOREIGN}) == (429, "too_many_requests")


def test_page_works_without_script(client: Client, claude: Control):
    learn(BREACH, title="GDPR")

    response = client.post(PAGE, {"text": QUESTION})
    page = client.get(response["Location"])

    assert (response.status_code, response["Location"]) == (302, PAGE)
    assert [(message.role, message.text) for message, _note in page.context["chat_messages"]] == [
        ("question", QUESTION), ("answer", ANSWER),
    ]  # fmt: skip
    assert f"<blockquote><mark>{SENTENCE}</mark></blockquote>" in page.content.decode()


def test_page_shows_what_people_and_models_write_as_text(client: Client, claude: Control):
    script = "<script>alert(1)</script>"
    learn(BREACH, title=script)
    citation = {"type": "search_result_location", "search_result_index": 0, "cited_text": SENTENCE, "source": "x",
              "title": "x", "start_block_index": 0, "end_block_index": 1}  # fmt: skip
    claude.post(
        "/mode", mode="scripted", script=[{"content": [{"type": "text", "text": script, "citations": [citation]}]}]
    )

    page = client.post(PAGE, {"text": f"{QUESTION} {script}"}, follow=True).content.decode()

    # the question and the document's title as they are; what the model writes loses its tags before
    assert (page.count(script), page.count("&lt;script&gt;alert(1)&lt;/script&gt;")) == (0, 2)
    assert page.count("‹script&gt;alert(1)‹/script&gt;") == 1


@in_one_transaction
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("  ", "Scrivete una domanda."),
        ("a" * 5_001, "Una domanda può avere fino a 5000 caratteri; la vostra ne ha 5001."),
    ],
)
def test_page_says_what_is_wrong_and_keeps_what_was_written(text: str, error: str, client: Client):
    page = client.post(PAGE, {"text": text})

    assert (page.status_code, page.context["error"], page.context["asked"]) == (400, error, text)
    assert Message.objects.count() == 0


def test_page_beyond_the_limit_says_to_wait(client: Client, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    client.post(PAGE, {"text": FOREIGN})

    page = client.post(PAGE, {"text": FOREIGN})

    assert page.status_code == 429
    assert page.context["error"] == "Troppe richieste in poco tempo. Aspettate un momento e riprovate."


def test_page_goes_on_with_the_widgets_conversation(guest: AsyncClient, client: Client):
    post_question(guest, FOREIGN)
    client.cookies["conversation"] = guest.cookies["conversation"].value

    client.post(PAGE, {"text": "E il pesto?"})

    assert Conversation.objects.get().messages.count() == 4


def test_old_conversations_are_forgotten_after_180_days():
    with time_machine.travel(NOW, tick=False) as clock:
        ask(FOREIGN)
        recent = ask(FOREIGN)
        clock.shift(timedelta(days=180, seconds=-1))
        early = conversations.clear_old_conversations(now=timezone.now())
        run_answer(ask("E il pesto?", after=recent))
        clock.shift(timedelta(seconds=2))

        tasks.clear_old_conversations()

    assert (early, list(Conversation.objects.all())) == (0, [recent.conversation])


def test_conversations_go_with_their_customer(customer: User):
    post_question(client_of(customer), FOREIGN)

    customer.delete()

    assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)
