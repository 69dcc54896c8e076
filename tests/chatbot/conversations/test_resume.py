"""A question with an id: kept once, counted once, answered once, however often its reader has to come back."""

import asyncio
import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.db import connection
from django.test import AsyncClient
from django.utils import timezone

from accounts.models import User
from chatbot.answering import answers
from chatbot.answering.answers import REFUSALS
from chatbot.answering.events import Done, Token
from chatbot.conversations import resume, sse
from chatbot.conversations import services as conversations
from chatbot.models import Conversation, Message
from config.asgi import application
from sandbox.claude import HTTP_FAULTS
from tests.chatbot.stream import (
    FOREIGN,
    QUESTION,
    URL,
    call_until_refused,
    client_of,
    events_of,
    get_conversation,
    get_messages,
    get_problem,
    post_question,
    send,
    text_of,
)
from tests.chatbot.talk import BREACH, NOW, learn
from tests.conftest import Control
from tests.factories import sign_in

# An answer is searched for and kept by threads with connections of their own, which see only what is committed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("embedder", "without_rewriting")]

ID = "0b0f7f0e-5b8f-4f0a-9a55-0d8f3b8f2a11"
OTHER_ID = "4f4c9f0b-6f1b-4c12-8f0a-2b8f3b8f2a22"


def cut_off(text: str, client_id: str, *, cookies: Any = None, claude: Control) -> None:
    """Ask, read the first words, and go away."""
    claude.post("/pace", token_s=0.2)
    headers = [(b"host", b"testserver")]
    if cookies:
        headers.append((b"cookie", "; ".join(f"{k}={v.value}" for k, v in cookies.items()).encode()))
    csrf = "a" * 32
    headers += [(b"x-csrftoken", csrf.encode())]
    headers = [(n, v + f"; csrf={csrf}".encode() if n == b"cookie" else v) for n, v in headers]
    if not cookies:
        headers.append((b"cookie", f"csrf={csrf}".encode()))
    scope = {"type": "http", "method": "POST", "path": URL, "query_string": b"", "headers": headers,
             "client": ("127.0.0.1", 1)}  # fmt: skip

    async def read_and_go() -> None:
        server = ApplicationCommunicator(application, scope)
        await server.send_input({"type": "http.request", "body": json.dumps({"text": text, "id": client_id}).encode()})
        for _part in range(4):
            await server.receive_output(10)
        await server.send_input({"type": "http.disconnect"})
        await server.wait(10)
        await asyncio.gather(*answers._keepers, *resume._releasers)

    async_to_sync(read_and_go)()
    claude.post("/pace", token_s=0)


def test_same_id_again_is_the_same_question_and_the_same_answer(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")

    first = post_question(guest, QUESTION, id=ID)
    request_count = len(claude.get("/requests"))
    again = post_question(guest, QUESTION, id=ID)

    assert (text_of(again), again[0], again[-1]) == (text_of(first), first[0], first[-1])
    assert [event for event in again if event[0] == "citation"] == [e for e in first if e[0] == "citation"]
    assert len([event for event in first if event[0] == "citation"]) == 1
    assert (Message.objects.count(), len(claude.get("/requests"))) == (2, request_count)
    assert [message["id"] for message in get_conversation(guest)["messages"]] == [ID, ID]


def test_question_asked_again_counts_once(guest: AsyncClient, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    post_question(guest, FOREIGN, id=ID)

    again = post_question(guest, FOREIGN, id=ID)

    assert text_of(again) == REFUSALS["it"]
    assert get_problem(guest, "POST", URL, {"text": FOREIGN, "id": OTHER_ID}) == (429, "too_many_requests")


def test_guest_who_never_got_the_cookie_is_known_by_the_id(guest: AsyncClient):
    first = post_question(guest, FOREIGN, id=ID)

    again = post_question(AsyncClient(), FOREIGN, id=ID)

    assert (again[0], Conversation.objects.count(), Message.objects.count()) == (first[0], 1, 2)


@pytest.mark.parametrize("who", ["other address", "an hour later", "customer"])
def test_id_of_a_strangers_question_opens_nothing(who: str, guest: AsyncClient, customer: User, settings: Any):
    settings.TRUSTED_PROXY_COUNT = 1
    with time_machine.travel(NOW, tick=False) as clock:
        post_question(guest, FOREIGN, {"X-Forwarded-For": "192.0.2.1"}, id=ID)
        clock.shift(timedelta(hours=who == "an hour later", seconds=1))
        other = client_of(customer) if who == "customer" else AsyncClient()
        address = "192.0.2.2" if who == "other address" else "192.0.2.1"

        answer = get_problem(other, "POST", URL, {"text": FOREIGN, "id": ID}, **{"X-Forwarded-For": address})

    assert answer == (409, "question_id_taken")
    assert (Conversation.objects.count(), Message.objects.count(), dict(other.cookies).keys() & {"conversation"}) == (
        1, 2, set(),
    )  # fmt: skip


def test_one_id_is_for_one_question(guest: AsyncClient):
    post_question(guest, FOREIGN, id=ID)

    assert get_problem(guest, "POST", URL, {"text": QUESTION, "id": ID}) == (409, "question_id_taken")
    assert Message.objects.filter(role="question").count() == 1


@pytest.mark.parametrize("wrong", ["", "7", 7, [], {"a": 1}, "zzz", True, "7f3a1c5e-0000-1000-8000-000000000000"])
def test_id_that_is_none_is_refused(wrong: Any, guest: AsyncClient):
    assert get_problem(guest, "POST", URL, {"text": FOREIGN, "id": wrong}) == (400, "question_id_invalid")
    assert Message.objects.count() == 0


def test_answer_that_was_cut_off_is_made_anew_in_its_place(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")
    cut_off(QUESTION, ID, claude=claude)
    rows = [(row.role, row.outcome) for row in Message.objects.order_by("pk")]

    again = post_question(guest, QUESTION, id=ID)

    assert rows == [("question", ""), ("answer", "incomplete")]
    assert again[-1][1]["outcome"] == "answered"
    assert get_messages(guest) == [("question", QUESTION), ("answer", text_of(again))]
    assert Message.objects.filter(role="answer").count() == 1


def test_answer_that_failed_is_made_anew_in_its_place(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")
    claude.fault(**HTTP_FAULTS["overloaded"])
    first = post_question(guest, QUESTION, id=ID)
    later = post_question(guest, FOREIGN, id=OTHER_ID)

    again = post_question(guest, QUESTION, id=ID)

    assert (first[-1][1]["outcome"], again[-1][1]["outcome"]) == ("failed", "answered")
    assert get_messages(guest) == [
        ("question", QUESTION), ("answer", text_of(again)), ("question", FOREIGN), ("answer", text_of(later)),
    ]  # fmt: skip


def test_row_that_a_late_writer_left_is_not_shown_beside_the_answer(guest: AsyncClient):
    post_question(guest, FOREIGN, id=ID)
    conversation = Conversation.objects.get()
    Message.objects.create(conversation=conversation, role="answer", text="I nostri", outcome="incomplete")

    assert get_messages(guest) == [("question", FOREIGN), ("answer", REFUSALS["it"])]


def test_answers_cannot_be_made_anew_without_end(guest: AsyncClient, claude: Control):
    learn(BREACH)
    claude.fault(**HTTP_FAULTS["overloaded"], times=60)

    def outcome() -> Any:
        response, body = send(guest, "POST", URL, {"text": QUESTION, "id": ID})
        return response.status_code if response.status_code != 200 else events_of(body)[-1][1]["outcome"]

    codes = call_until_refused(outcome, most=60)

    assert (codes[:11], codes[-1]) == (["failed"] * 11, 429)


def test_second_reader_waits_for_the_answer_being_made(guest: AsyncClient, claude: Control):
    learn(BREACH, title="GDPR")
    claude.post("/pace", first_byte_s=0.5)
    streams: list[Any] = []

    def read() -> None:
        try:
            streams.append(post_question(AsyncClient(), QUESTION, id=ID))
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _reader in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)

    assert len({text_of(events) for events in streams}) == 1
    assert [events[-1] for events in streams] == [streams[0][-1]] * 3
    assert sorted(Message.objects.values_list("role", flat=True)) == ["answer", "question"]


def test_without_redis_the_table_lets_one_answer_stand(guest: AsyncClient, redis_away: None):
    first = post_question(guest, FOREIGN, id=ID)
    question = Message.objects.get(role="question")
    late = Message.objects.create(conversation=question.conversation, role="answer", text="x", outcome="answered")

    resume._settle(question, str(late.reference))

    assert [str(row.reference) for row in Message.objects.filter(role="answer")] == [first[-1][1]["reference"]]


def test_lease_of_a_process_that_is_gone_ends_by_itself():
    async def take_twice() -> tuple[bool, bool, bool]:
        first, second = resume._Lease("chat:answering:x"), resume._Lease("chat:answering:x")
        has_first, has_second = await first.take(), await second.take()
        await first.release()
        third = resume._Lease("chat:answering:x")
        has_third = await third.take()
        await third.release()
        return has_first, has_second, has_third

    assert async_to_sync(take_twice)() == (True, False, True)
    assert resume.LEASE_S <= 30


def test_silence_is_broken_by_a_comment():
    async def slow() -> Any:
        yield Token("È")
        await asyncio.sleep(0.25)
        yield Done(str(uuid.uuid4()), "answered")

    async def read() -> list[bytes]:
        return [part async for part in sse.stream(slow(), about={"token": str(uuid.uuid4())}, heartbeat_s=0.1)]

    parts = async_to_sync(read)()

    assert parts[2:4] == [b": \n\n", b": \n\n"]
    assert [name for name, _data in events_of(b"".join(parts))] == ["conversation", "token", "done"]
    assert sse.HEARTBEAT_S == 15


def test_bug_behind_the_stream_is_not_swallowed():
    async def fail() -> Any:
        yield Token("È")
        raise RuntimeError("a bug")

    async def read() -> None:
        async for _part in sse.stream(fail(), about={"token": "x"}):
            pass

    with pytest.raises(RuntimeError, match="a bug"):
        async_to_sync(read)()


def test_deleted_conversation_is_gone_and_still_counts_for_the_hour(guest: AsyncClient, settings: Any):
    settings.CHAT_QUESTIONS_PER_HOUR = 1
    post_question(guest, FOREIGN, id=ID)

    response, _body = send(guest, "DELETE", "/api/v1/chat/conversations/current")

    assert (response.status_code, guest.cookies["conversation"].value) == (204, "")
    assert [(row.role, row.text, row.client_id) for row in Message.objects.all()] == [("question", "", None)]
    assert get_messages(guest) == []
    assert get_problem(guest, "POST", URL, {"text": FOREIGN}) == (429, "too_many_requests")


def test_what_a_deletion_left_goes_after_the_hour(guest: AsyncClient):
    with time_machine.travel(NOW, tick=False) as clock:
        post_question(guest, FOREIGN)
        send(guest, "DELETE", "/api/v1/chat/conversations/current")
        early = conversations.clear_old_conversations(now=timezone.now())
        clock.shift(timedelta(hours=1, seconds=1))

        late = conversations.clear_old_conversations(now=timezone.now())

    assert (early, late, Conversation.objects.count()) == (0, 1, 0)


def test_answer_that_came_after_the_deletion_goes_too(guest: AsyncClient):
    with time_machine.travel(NOW, tick=False) as clock:
        post_question(guest, FOREIGN)
        send(guest, "DELETE", "/api/v1/chat/conversations/current")
        Message.objects.create(
            conversation=Conversation.objects.get(), role="answer", text="I nostri", outcome="incomplete"
        )
        clock.shift(timedelta(hours=1, seconds=1))

        conversations.clear_old_conversations(now=timezone.now())

    assert Message.objects.count() == 0


def test_conversation_older_than_an_hour_is_deleted_at_once(guest: AsyncClient):
    with time_machine.travel(NOW, tick=False) as clock:
        post_question(guest, FOREIGN)
        clock.shift(timedelta(hours=1, seconds=1))

        send(guest, "DELETE", "/api/v1/chat/conversations/current")

    assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)


@pytest.mark.parametrize("who", ["guest", "stranger"])
def test_others_conversation_is_not_deleted(who: str, customer: User, stranger: User):
    owner = client_of(customer)
    post_question(owner, FOREIGN)
    other = AsyncClient() if who == "guest" else client_of(stranger)
    other.cookies["conversation"] = owner.cookies["conversation"].value

    send(other, "DELETE", "/api/v1/chat/conversations/current")

    assert get_messages(owner) == [("question", FOREIGN), ("answer", REFUSALS["it"])]


def test_deleting_needs_the_csrf_token(customer: User):
    client = AsyncClient(enforce_csrf_checks=True)
    sign_in(client, customer)

    assert get_problem(client, "DELETE", "/api/v1/chat/conversations/current") == (403, "csrf")


@pytest.mark.parametrize(("keep", "age"), [(True, 180 * 24 * 3600), (False, ""), ("yes", ""), (None, "")])
def test_cookie_outlives_the_session_only_when_that_was_agreed_to(keep: Any, age: Any, guest: AsyncClient):
    post_question(guest, FOREIGN, keep=keep)

    assert guest.cookies["conversation"]["max-age"] == age


def test_conversation_may_be_begun_without_a_question(guest: AsyncClient):
    response, body = send(guest, "POST", "/api/v1/chat/conversations", {})
    again, _body = send(guest, "POST", "/api/v1/chat/conversations", {"keep": True})

    assert (response.status_code, again.status_code, Conversation.objects.count()) == (201, 201, 1)
    assert json.loads(body) == {"token": str(Conversation.objects.get().token)}
    assert guest.cookies["conversation"]["max-age"] == 180 * 24 * 3600


def test_beginning_conversations_is_limited():
    codes = call_until_refused(
        lambda: send(AsyncClient(), "POST", "/api/v1/chat/conversations", {})[0].status_code, most=60
    )

    assert (codes[:10], codes[-1]) == ([201] * 10, 429)


def test_page_without_script_deletes_the_conversation(guest: AsyncClient):
    post_question(guest, FOREIGN)

    response, _body = send(guest, "POST", "/assistenza/dimentica/")

    assert (response.status_code, get_messages(guest)) == (302, [])


def test_unknown_id_of_an_app_is_not_shared(guest: AsyncClient, customer: User):
    post_question(client_of(customer), FOREIGN, id=ID)

    assert get_problem(guest, "POST", URL, {"text": FOREIGN, "id": ID}) == (409, "question_id_taken")
    assert uuid.UUID(ID) == Message.objects.get(role="question").client_id
