"""Tickets over the API: handing a conversation over, and what a customer's own program may do with them."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from chatbot.conversations.callers import COOKIE
from chatbot.models import Conversation, Ticket
from chatbot.tickets import links
from chatbot.tickets import services as tickets
from tests.chatbot.desk import MARIO, NOW, fresh, hand_over, make_conversation, picture, text_file, write_to_us
from tests.factories import make_api_session, sign_in

pytestmark = pytest.mark.django_db
API = "/api/v1/tickets"
GUEST = {"name": MARIO.name, "email": MARIO.email}
SECRET = "il-cliente-paga-sempre-tardi"


def handoff(client: Client, conversation: Conversation, **body: Any) -> Any:
    path = f"/api/v1/chat/conversations/{conversation.token}/handoff"
    return client.post(path, body, content_type="application/json")


def with_cookie(client: Client, conversation: Conversation) -> Client:
    client.cookies[COOKIE] = signing.get_cookie_signer(salt=COOKIE).sign(str(conversation.token))
    return client


def bearer(user: Any) -> Client:
    return Client(HTTP_AUTHORIZATION=f"Bearer {make_api_session(user).access}", enforce_csrf_checks=True)


def test_guest_hands_over_what_their_cookie_names():
    conversation = make_conversation()

    answer = handoff(with_cookie(Client(), conversation), conversation, **GUEST, text="Siamo in sessanta.")

    ticket = Ticket.objects.get()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert answer.json()["number"] == ticket.number
    assert list(answer.json()) == ["number", "link"]
    assert links.find_ticket(answer.json()["link"].split("/")[-2]) == ticket
    assert (ticket.conversation, ticket.reason, ticket.guest_email) == (
        conversation, "missing_knowledge", MARIO.email,
    )  # fmt: skip


def test_customer_hands_over_by_token_and_by_session(customer: Any, customer_client: Client):
    first, second = make_conversation(customer), make_conversation(customer)

    answers = [handoff(bearer(customer), first), handoff(customer_client, second)]

    numbers = [answer.json()["number"] for answer in answers]
    assert [answer.json()["link"] for answer in answers] == [
        f"http://testserver/area/richieste/{number}/" for number in numbers
    ]
    assert set(Ticket.objects.values_list("customer", "conversation")) == {
        (customer.pk, first.pk), (customer.pk, second.pk),
    }  # fmt: skip


def test_asked_again_the_number_is_the_same():
    conversation = make_conversation()
    client = with_cookie(Client(), conversation)

    numbers = [handoff(client, conversation, **GUEST, text="Ciao").json()["number"] for _time in range(2)]

    assert numbers == [Ticket.objects.get().number] * 2
    assert Ticket.objects.get().messages.count() == 1


@pytest.mark.parametrize("reason", ["asked", "missing_knowledge", "thumbs_down", "low_support"])
def test_reason_is_what_the_widget_says(reason: str, customer: Any, customer_client: Client):
    handoff(customer_client, make_conversation(customer), reason=reason)

    assert Ticket.objects.get().reason == reason


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "staff"},
        {"reason": "contact"},
        {"text": "a" * 5_001},
        {"text": ["a"]},
        {"email": "x"},
        {"name": "a" * 81},
    ],
)
def test_what_cannot_be_is_refused(body: dict[str, Any], customer: Any, customer_client: Client):
    answer = handoff(customer_client, make_conversation(customer), **body)

    assert (answer.status_code, answer.json()["code"], Ticket.objects.count()) == (400, "invalid", 0)
    assert [error["field"] for error in answer.json()["errors"]] == list(body)


def test_guest_must_say_where_to_answer():
    conversation = make_conversation()

    answer = handoff(with_cookie(Client(), conversation), conversation, name="Mario")

    assert (answer.status_code, answer.json()["code"]) == (400, "email_invalid")
    assert answer["Content-Type"] == "application/problem+json"
    assert not Ticket.objects.exists()


def test_nobody_hands_over_the_conversation_of_another(customer: Any, stranger: Any, staff: Any):
    guests, customers = make_conversation(), make_conversation(customer)
    other = make_conversation()
    tries = [
        (Client(), guests), (with_cookie(Client(), other), guests), (with_cookie(Client(), customers), customers),
        (bearer(stranger), customers), (bearer(staff), customers), (bearer(stranger), guests),
    ]  # fmt: skip

    answers = [handoff(client, conversation, **GUEST) for client, conversation in tries]

    assert [answer.status_code for answer in answers] == [404] * len(tries)
    assert not Ticket.objects.exists()


def test_cookie_alone_does_not_act_for_another_page(customer: Any):
    conversation, theirs = make_conversation(), make_conversation(customer)
    guest = with_cookie(Client(enforce_csrf_checks=True), conversation)
    member = Client(enforce_csrf_checks=True)
    sign_in(member, customer)

    statuses = [handoff(guest, conversation, **GUEST).status_code, handoff(member, theirs).status_code]

    assert (statuses, Ticket.objects.count()) == ([403, 403], 0)


def test_guest_with_the_pages_token_may():
    conversation = make_conversation()
    client = with_cookie(Client(enforce_csrf_checks=True), conversation)
    token = client.get("/assistenza/").context["csrf_token"]

    answer = client.post(
        f"/api/v1/chat/conversations/{conversation.token}/handoff", GUEST, content_type="application/json",
        headers={"X-CSRFToken": str(token)},
    )  # fmt: skip

    assert answer.status_code == 201


def test_handing_over_is_limited(settings: Any):
    settings.RATE_LIMIT_BURST = 100
    conversations = [make_conversation() for _number in range(7)]

    answers = [
        handoff(with_cookie(Client(), each), each, name="Mario", email=f"m{each.pk}@posta.example")
        for each in conversations
    ]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 60


def test_token_that_is_not_valid_is_no_guest():
    conversation = make_conversation()
    client = with_cookie(Client(HTTP_AUTHORIZATION="Bearer nonsense"), conversation)

    assert handoff(client, conversation, **GUEST).status_code == 401


def test_list_has_the_callers_own_newest_first(customer: Any, stranger: Any, customer_client: Client):
    first, second = write_to_us(customer), write_to_us(customer, now=NOW.replace(hour=10))
    write_to_us(stranger)

    answer = customer_client.get(API).json()

    assert [ticket["number"] for ticket in answer["results"]] == [second.number, first.number]


def test_ticket_is_told_whole_and_without_notes(customer: Any, staff: Any, customer_client: Client):
    ticket = hand_over(make_conversation(customer))
    tickets.add_note(ticket=ticket, text=SECRET, actor=staff, now=NOW, files=[text_file(f"{SECRET}.txt")])
    message = tickets.answer_as_staff(ticket=ticket, text="Sì.", actor=staff, now=NOW, files=[picture()])

    answer = customer_client.get(f"{API}/{ticket.number}")

    file = message.attachments.get()
    assert answer.json() == {
        "number": ticket.number, "status": "waiting_customer", "topic": "GENERAL", "subject": "Siamo in sessanta.",
        "language": "it", "created_at": "2026-11-24T10:00:00+01:00",
        "first_response_due_at": "2026-11-25T10:00:00+01:00", "first_responded_at": "2026-11-24T10:00:00+01:00",
        "resolved_at": None, "closed_at": None, "transcript": ticket.transcript,
        "messages": [
            {"said_by": "customer", "text": "Siamo in sessanta.", "at": "2026-11-24T10:00:00+01:00", "attachments": []},
            {
                "said_by": "staff", "text": "Sì.", "at": "2026-11-24T10:00:00+01:00",
                "attachments": [
                    {"reference": str(file.reference), "name": "schermata.png", "kind": "png", "size": file.size}
                ],
            },
        ],
    }  # fmt: skip
    assert SECRET not in answer.content.decode() + customer_client.get(API).content.decode()


def test_customer_goes_on(customer: Any, staff: Any, customer_client: Client):
    ticket = write_to_us(customer)
    tickets.answer_as_staff(ticket=ticket, text="Quanti?", actor=staff, now=NOW)

    answer = customer_client.post(f"{API}/{ticket.number}/messages", {"text": "Sessanta."}, "application/json")

    assert (answer.status_code, answer.json()["said_by"], answer.json()["text"]) == (201, "customer", "Sessanta.")
    assert fresh(ticket).status == "in_progress"


def test_customer_sends_files(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    answer = customer_client.post(
        f"{API}/{ticket.number}/messages", {"text": "Ecco.", "file": [text_file(), picture()]}
    )

    [file, _other] = answer.json()["attachments"]
    got = customer_client.get(f"{API}/{ticket.number}/attachments/{file['reference']}")
    assert (got.content, got["Content-Disposition"]) == (b"Una nota.", 'attachment; filename="nota.txt"')


def test_file_of_a_note_is_not_given_out(customer: Any, staff: Any, customer_client: Client):
    ticket = write_to_us(customer)
    note = tickets.add_note(ticket=ticket, text=SECRET, actor=staff, now=NOW, files=[text_file()])

    path = f"{API}/{ticket.number}/attachments/{note.attachments.get().reference}"

    assert customer_client.get(path).status_code == 404


def test_file_we_do_not_take_is_a_problem_with_its_code(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    answer = customer_client.post(f"{API}/{ticket.number}/messages", {"text": "Ecco.", "file": text_file("a.exe")})

    assert (answer.status_code, answer.json()["code"], ticket.messages.count()) == (400, "file_kind", 1)


def test_closed_ticket_is_a_conflict(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)
    Ticket.objects.update(status="closed")

    answer = customer_client.post(f"{API}/{ticket.number}/messages", {"text": "Ancora."}, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "ticket_closed")


def test_customer_says_solved(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    answer = customer_client.post(f"{API}/{ticket.number}/resolve")

    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")


def test_nothing_of_a_ticket_is_written_from_outside(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    body = {"text": "Ciao", "kind": "staff", "said_by": "staff", "author": 1, "status": "closed", "priority": "urgent"}
    customer_client.post(f"{API}/{ticket.number}/messages", body, "application/json")

    assert (fresh(ticket).status, fresh(ticket).priority) == ("new", "medium")
    assert ticket.messages.get(text="Ciao").kind == "customer"
