"""Tickets as pages: asking for a person, the customer's own in the area, a guest's behind the mailed link."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils import timezone

from chatbot.conversations.callers import COOKIE
from chatbot.models import Conversation, Ticket
from chatbot.tickets import links
from chatbot.tickets import services as tickets
from notifications.models import Mail
from tests.architecture.html import inline_parts
from tests.chatbot.desk import (
    MARIO,
    NOW,
    QUESTION,
    fresh,
    hand_over,
    make_conversation,
    picture,
    text_file,
    write_to_us,
)
from tests.factories import sign_in

pytestmark = pytest.mark.django_db
ASK = "/assistenza/persona/"
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
GUEST = {"name": MARIO.name, "email": MARIO.email}
SECRET = "il-cliente-paga-sempre-tardi"


def in_conversation(client: Client, conversation: Conversation) -> Client:
    """The browser that has the conversation's signed cookie."""
    client.cookies[COOKIE] = signing.get_cookie_signer(salt=COOKIE).sign(str(conversation.token))
    return client


def link_to(ticket: Ticket) -> str:
    return links.path_of(ticket)


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_page_of_the_assistant_has_the_form_for_a_person():
    page = text_of(Client(**ENGLISH).get("/assistenza/"))

    assert f'action="{ASK}"' in page
    assert [name for name in ("name", "email", "text") if f'name="{name}"' in page] == ["name", "email", "text"]


def test_customer_is_not_asked_who_they_are(customer_client: Client):
    page = text_of(customer_client.get("/assistenza/"))

    form = page[page.index(f'action="{ASK}"') :]
    assert ('name="email"' in form[: form.index("</form>")], 'name="text"' in form) == (False, True)


def test_guest_without_conversation_writes_and_sees_the_number():
    client = Client(**ENGLISH)

    page = client.post(ASK, {**GUEST, "text": "Vorrei un preventivo."}, follow=True)

    ticket = Ticket.objects.get()
    assert (ticket.reason, ticket.guest_email, ticket.language) == ("contact", MARIO.email, "en")
    assert page.redirect_chain[-1][0].startswith("/richieste/")
    assert f"Your request is with us: its number is {ticket.number}." in text_of(page)
    assert "A person answers by" in text_of(page)
    assert "Vorrei un preventivo." in text_of(page)


def test_guest_hands_the_present_conversation_over():
    conversation = make_conversation()

    page = in_conversation(Client(**ENGLISH), conversation).post(ASK, {**GUEST, "text": ""}, follow=True)

    ticket = Ticket.objects.get()
    assert (ticket.conversation, ticket.reason, ticket.subject) == (conversation, "missing_knowledge", QUESTION)
    assert QUESTION in text_of(page)


def test_customer_hands_over_and_lands_in_the_area(customer: Any, customer_client: Client):
    conversation = make_conversation(customer, outcome="answered")

    answer = in_conversation(customer_client, conversation).post(ASK, {"text": "E noi?"})

    ticket = Ticket.objects.get()
    assert (ticket.customer, ticket.conversation, ticket.reason) == (customer, conversation, "asked")
    assert answer["Location"] == f"/area/richieste/{ticket.number}/"


def test_conversation_of_somebody_else_is_not_handed_over(stranger: Any, customer_client: Client):
    theirs = make_conversation(stranger)

    for client in (customer_client, Client()):
        in_conversation(client, theirs).post(ASK, {**GUEST, "text": "Ciao"})

    assert set(Ticket.objects.values_list("conversation", "transcript")) == {(None, "")}


def test_forged_cookie_names_no_conversation():
    conversation = make_conversation()
    client = Client()
    client.cookies[COOKIE] = f"{conversation.token}:forged"

    client.post(ASK, {**GUEST, "text": "Ciao"})

    assert Ticket.objects.get().conversation is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({**GUEST, "text": ""}, "text"),
        ({**GUEST, "text": "a" * 5_001}, "text"),
        ({**GUEST, "name": "", "text": "Ciao"}, "name"),
        ({**GUEST, "name": "https://esempio.example", "text": "Ciao"}, "name"),
        ({**GUEST, "email": "mario", "text": "Ciao"}, "email"),
    ],
)
def test_what_is_missing_is_marked_and_what_was_written_stays(values: dict[str, str], field: str):
    page = Client(**ENGLISH).post(ASK, values)

    assert (page.status_code, Ticket.objects.count()) == (400, 0)
    assert list(page.context["form"].errors) == [field]
    assert f'aria-describedby="id_{field}_' in text_of(page)
    assert all(value in text_of(page) for name, value in values.items() if value)
    assert inline_parts(page.content.decode()) == []


def test_asking_needs_the_forms_token():
    assert Client(enforce_csrf_checks=True).post(ASK, {**GUEST, "text": "Ciao"}).status_code == 403
    assert not Ticket.objects.exists()


def test_one_address_cannot_be_flooded_with_mails():
    statuses = [
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(ASK, {**GUEST, "text": f"Ciao {number}"}).status_code
        for number in range(5)
    ]

    assert statuses == [302, 302, 302, 429, 429]
    assert Mail.objects.filter(kind="ticket_opened").count() == 3


def test_one_caller_opens_few_tickets(redis_away: None):
    statuses = [
        Client().post(ASK, {"name": "Mario", "email": f"m{number}@posta.example", "text": "Ciao"}).status_code
        for number in range(7)
    ]

    assert statuses == [302] * 5 + [429] * 2


def test_area_lists_the_customers_own_newest_first(customer: Any, stranger: Any, customer_client: Client):
    first, second = write_to_us(customer), write_to_us(customer, now=NOW + timedelta(hours=1))
    write_to_us(stranger)

    page = customer_client.get("/area/richieste/")

    assert list(page.context["page"]) == [second, first]


def test_empty_area_leads_to_the_form(customer_client: Client):
    assert f'href="{ASK}"' in text_of(customer_client.get("/area/richieste/"))


@pytest.mark.parametrize("reach", ["area", "link"])
def test_thread_is_shown_without_internal_notes(reach: str, customer: Any, staff: Any):
    ticket = hand_over(make_conversation(customer if reach == "area" else None))
    tickets.add_note(ticket=ticket, text=SECRET, actor=staff, now=NOW, files=[text_file(f"{SECRET}.txt")])
    tickets.answer_as_staff(ticket=ticket, text="Sì, e <b>presto</b>.", actor=staff, now=NOW)
    client = Client()
    if reach == "area":
        sign_in(client, customer)

    page = client.get(link_to(ticket))

    assert page.status_code == 200
    assert [QUESTION in text_of(page), "Siamo in sessanta." in text_of(page)] == [True, True]
    assert "Sì, e &lt;b&gt;presto&lt;/b&gt;." in text_of(page)
    assert "Elena Dotti, AI Strategy Hub" in text_of(page)
    assert SECRET not in text_of(page)


@pytest.mark.parametrize("reach", ["area", "link"])
def test_file_of_a_note_is_not_given_out_and_others_are_downloads(reach: str, customer: Any, staff: Any):
    ticket = write_to_us(customer if reach == "area" else None)
    note = tickets.add_note(ticket=ticket, text=SECRET, actor=staff, now=NOW, files=[text_file()])
    answer = tickets.answer_as_staff(ticket=ticket, text="Ecco.", actor=staff, now=NOW, files=[picture("perché.png")])
    client = Client()
    if reach == "area":
        sign_in(client, customer)

    hidden, response = (
        client.get(f"{link_to(ticket)}allegati/{message.attachments.get().reference}/") for message in (note, answer)
    )

    assert hidden.status_code == 404
    assert (response.status_code, response.content) == (200, bytes(answer.attachments.get().content))
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''perch%C3%A9.png"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_file_of_another_ticket_is_not_there(customer: Any, stranger: Any, customer_client: Client):
    theirs = write_to_us(stranger)
    message = tickets.answer_as_customer(ticket=theirs, text="Ecco.", author=stranger, now=NOW, files=[text_file()])
    reference = message.attachments.get().reference
    mine, guests = write_to_us(customer), write_to_us(None)

    pages = [f"{page}allegati/{reference}/" for page in (link_to(theirs), link_to(mine), link_to(guests))]

    assert [customer_client.get(page).status_code for page in pages] == [404, 404, 404]


def test_customer_answers_with_a_file(customer: Any, customer_client: Client, staff: Any):
    ticket = write_to_us(customer)
    tickets.answer_as_staff(ticket=ticket, text="Quanti siete?", actor=staff, now=NOW)

    answer = customer_client.post(link_to(ticket), {"text": "Sessanta.", "file": [text_file(), picture()]})

    message = ticket.messages.get(text="Sessanta.")
    assert answer["Location"] == link_to(ticket)
    assert (message.kind, message.author, message.attachments.count()) == ("customer", customer, 2)
    assert fresh(ticket).status == "in_progress"


def test_guest_answers_by_the_link_whoever_is_signed_in(customer_client: Client):
    ticket = write_to_us()

    customer_client.post(link_to(ticket), {"text": "Anzi, due."})

    message = ticket.messages.get(text="Anzi, due.")
    assert (message.kind, message.author) == ("customer", None)


def test_file_that_is_refused_is_named_and_the_words_stay(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    page = customer_client.post(link_to(ticket), {"text": "Ecco.", "file": text_file("a.exe")}, **ENGLISH)

    assert (page.status_code, ticket.messages.count()) == (400, 1)
    assert list(page.context["form"].errors) == ["file"]
    assert ">\nEcco.</textarea>" in page.content.decode()


def test_answers_are_limited(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)

    statuses = [customer_client.post(link_to(ticket), {"text": f"{number}"}).status_code for number in range(11)]

    assert statuses == [302] * 10 + [429]


@pytest.mark.parametrize("reach", ["area", "link"])
def test_customer_says_that_it_is_solved(reach: str, customer: Any):
    ticket = write_to_us(customer if reach == "area" else None)
    client = Client()
    if reach == "area":
        sign_in(client, customer)

    answer = client.post(f"{link_to(ticket)}risolta/")

    assert answer.status_code == 302
    assert fresh(ticket).status == "resolved"


def test_strangers_find_nothing_and_change_nothing(customer: Any, stranger: Any):
    ticket = write_to_us(customer)
    client = Client()
    sign_in(client, stranger)

    statuses = [
        client.get(link_to(ticket)).status_code, client.post(link_to(ticket), {"text": "Io."}).status_code,
        client.post(f"{link_to(ticket)}risolta/").status_code,
    ]  # fmt: skip

    assert statuses == [404, 404, 404]
    assert (fresh(ticket).status, ticket.messages.count()) == ("new", 1)


def test_link_is_kept_out_of_caches_and_search_engines():
    page = Client().get(link_to(write_to_us()))

    assert (page["Cache-Control"], page["X-Robots-Tag"]) == ("private, no-store", "noindex, nofollow")
    assert '<meta name="robots" content="noindex, nofollow">' in text_of(page)
    assert page["Referrer-Policy"] == "same-origin"


def test_link_holds_nothing_of_the_person():
    ticket = write_to_us()

    payload = signing.loads(links.token_of(ticket), salt="chatbot.ticket")

    assert payload == ticket.number


def forged(ticket: Ticket) -> str:
    return signing.dumps(ticket.number, salt="another.purpose")


def altered(ticket: Ticket) -> str:
    token = links.token_of(ticket)
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def of_another_number(ticket: Ticket) -> str:
    return signing.dumps("TKT-2026-99999", salt="chatbot.ticket")


@pytest.mark.parametrize("make", [forged, altered, of_another_number, lambda ticket: ticket.number])
def test_link_cannot_be_guessed(make: Any):
    ticket = write_to_us()
    page = f"/richieste/{make(ticket)}/"

    statuses = [
        Client().get(page).status_code, Client().post(page, {"text": "Io."}).status_code,
        Client().post(f"{page}risolta/").status_code,
    ]  # fmt: skip

    assert statuses == [404, 404, 404]
    assert (fresh(ticket).status, ticket.messages.count()) == ("new", 1)


def test_link_ends_after_sixty_days():
    with time_machine.travel(NOW, tick=False) as clock:
        page = link_to(write_to_us())
        clock.shift(timedelta(days=60))
        on_the_last_day = Client().get(page).status_code
        clock.shift(timedelta(seconds=1))

        assert (on_the_last_day, Client().get(page).status_code) == (200, 404)


def test_link_ends_with_the_ticket_and_says_so_like_a_forged_one(staff: Any):
    ticket = write_to_us()
    page = link_to(ticket)
    tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)
    resolved = Client().get(page).status_code
    tickets.close_resolved(now=timezone.now() + timedelta(days=8))

    closed, wrong = Client().get(page), Client().get("/richieste/x/")

    assert (resolved, closed.status_code) == (200, 404)
    assert closed["X-Robots-Tag"] == "noindex, nofollow"
    assert re.sub(r'"[A-Za-z0-9]{64}"|/richieste/[^"]*', "", text_of(closed)) == re.sub(
        r'"[A-Za-z0-9]{64}"|/richieste/[^"]*', "", text_of(wrong)
    )


def test_customers_ticket_has_no_link(customer: Any):
    ticket = write_to_us(customer)

    assert Client().get(f"/richieste/{links.token_of(ticket)}/").status_code == 404


def test_closed_ticket_can_be_read_in_the_area_and_no_more(customer: Any, customer_client: Client):
    ticket = write_to_us(customer)
    tickets.resolve_as_customer(ticket=ticket, actor=customer, now=NOW)
    tickets.close_resolved(now=NOW + timedelta(days=8))

    page = customer_client.get(link_to(ticket), **ENGLISH)
    refused = customer_client.post(link_to(ticket), {"text": "Ancora."})

    assert ("This request is closed." in text_of(page), 'name="file"' in text_of(page)) == (True, False)
    assert (refused.status_code, ticket.messages.count()) == (409, 1)


@pytest.mark.parametrize("path", ["area", "link"])
def test_answering_needs_the_forms_token(path: str, customer: Any):
    ticket = write_to_us(customer if path == "area" else None)
    client = Client(enforce_csrf_checks=True)
    sign_in(client, customer)

    statuses = [
        client.post(link_to(ticket), {"text": "Io."}).status_code, client.post(f"{link_to(ticket)}risolta/").status_code
    ]  # fmt: skip

    assert (statuses, fresh(ticket).status, ticket.messages.count()) == ([403, 403], "new", 1)
