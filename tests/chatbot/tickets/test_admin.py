"""What staff do with tickets: find, answer, note, give away, solve, and turn into an article."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chatbot.models import Document, Ticket
from chatbot.tickets import services as tickets
from core.models import AuditEntry
from notifications.models import Mail
from tests.chatbot.desk import (
    ANSWER,
    NOW,
    QUESTION,
    fresh,
    hand_over,
    make_conversation,
    picture,
    text_file,
    write_to_us,
)
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import ask, run_answer
from tests.conftest import Control
from tests.factories import make_customer, sign_in

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
LIST = "/admin/chatbot/ticket/"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def english(staff_client: Client) -> None:
    staff_client.defaults.update(ENGLISH)


def page_of(ticket: Any) -> str:
    return reverse(f"admin:chatbot_{ticket._meta.model_name}_change", args=[ticket.pk])


def press(client: Client, row: Any, button: str, **filled: Any) -> Any:
    """Ask for a button's question, then answer it."""
    path = reverse(f"admin:chatbot_{row._meta.model_name}_{button}", args=[row.pk])
    assert client.get(path).status_code == 200
    return client.post(path, {"post": "yes", **filled})


def list_tickets(client: Client, query: str) -> list[Ticket]:
    return list(client.get(f"{LIST}?{query}").context["cl"].result_list)


def audited(action: str) -> tuple[Any, str]:
    entry = AuditEntry.objects.get(action=action)
    return entry.actor, entry.target


def test_inbox_filters_what_waits(customer: Any, staff: Any, staff_client: Client):
    with time_machine.travel(NOW + 25 * HOUR, tick=False):
        sign_in(staff_client, staff)
        late = write_to_us(customer, "Uno.")
        assigned, solved = write_to_us(customer, "Due.", now=NOW + 24 * HOUR), write_to_us(customer, "Tre.")
        tickets.assign(ticket=assigned, assignee=staff, actor=staff, now=NOW)
        tickets.resolve_as_customer(ticket=solved, actor=customer, now=NOW)
        queries = {
            "overdue=yes": [late], "unfinished=yes": [assigned, late], "status__exact=resolved": [solved],
            "assignee=me": [assigned], "assignee=nobody": [solved, late], f"assignee={staff.pk}": [assigned],
            "q=Due": [assigned], f"q={customer.email}": [assigned, solved, late], "q=TKT-2026-00001": [late],
        }  # fmt: skip

        assert {query: list_tickets(staff_client, query) for query in queries} == queries


def test_timers_are_told_in_words_with_a_shape(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    badges_seen = []
    for hours in (1, 23.5, 26):
        with time_machine.travel(NOW + hours * HOUR, tick=False):
            sign_in(desk := Client(headers={"accept-language": "en"}), staff)
            page = desk.get(page_of(ticket)).content.decode().replace("\N{NO-BREAK SPACE}", " ")
            badges_seen.append([part for part in ("by 25 Nov, 10:00", "overdue since 25 Nov, 10:00") if part in page])
            badges = ["badge--now", "badge--warn", "badge--stop"]
            badges_seen.append([badge for badge in badges if f'{badge}">{badges_seen[-1][0]}' in page])

    assert badges_seen == [
        ["by 25 Nov, 10:00"], ["badge--now"], ["by 25 Nov, 10:00"], ["badge--warn"], ["overdue since 25 Nov, 10:00"],
        ["badge--stop"],
    ]  # fmt: skip


def test_page_shows_everything_and_obeys_no_markup_of_the_customer(customer: Any, staff: Any, staff_client: Client):
    ticket = hand_over(make_conversation(customer), text="<script>alert(1)</script>")
    tickets.add_note(ticket=ticket, text="Paga tardi.", actor=staff, now=NOW, files=[text_file()])

    page = staff_client.get(page_of(ticket)).content.decode()

    assert [part for part in (QUESTION, ANSWER, "Paga tardi.", "nota.txt", customer.email) if part not in page] == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_answer_goes_to_the_customer(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)

    answer = press(staff_client, ticket, "answer", text="Volentieri.", file=[picture()])

    message = ticket.messages.get(kind="staff")
    assert (answer.status_code, answer["Location"]) == (302, page_of(ticket))
    assert (message.text, message.author, message.attachments.get().name) == ("Volentieri.", staff, "schermata.png")
    assert fresh(ticket).status == "waiting_customer"
    assert audited("ticket.answered") == (staff, f"chatbot.ticket:{ticket.number}")


def test_note_stays_in_the_house(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)
    Mail.objects.all().delete()

    press(staff_client, ticket, "add_note", text="Paga tardi.")

    assert (ticket.messages.get(kind="note").author, Mail.objects.count()) == (staff, 0)
    assert audited("ticket.noted")[0] == staff


def test_audit_trail_holds_no_text(customer: Any, staff_client: Client):
    ticket = write_to_us(customer)

    press(staff_client, ticket, "answer", text="Parole riservate.")
    press(staff_client, ticket, "add_note", text="Parole riservate.")
    press(staff_client, ticket, "resolve", text="Parole riservate.")

    assert [entry for entry in AuditEntry.objects.all() if "riservate" in str(entry.detail)] == []


def test_ticket_is_given_to_a_colleague_and_not_to_a_customer(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)
    colleague = make_customer("luca@aish.example", first_name="Luca", role="super_admin")

    refused = press(staff_client, ticket, "assign", assignee=customer.pk)
    untouched = fresh(ticket).assignee
    press(staff_client, ticket, "assign", assignee=colleague.pk)

    assert (list(refused.context["form"].errors), untouched) == (["assignee"], None)
    assert fresh(ticket).assignee == colleague
    assert Mail.objects.filter(to_email=colleague.email).count() == 1


def test_priority_moves_the_deadlines(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)

    press(staff_client, ticket, "set_priority", priority="urgent")

    assert (fresh(ticket).priority, fresh(ticket).first_response_due_at) == ("urgent", NOW + HOUR)
    assert AuditEntry.objects.get(action="ticket.priority_set").detail == {
        "priority": "urgent",
        "changes": {"priority": ["medium", "urgent"]},
    }


def test_solved_with_last_words(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)

    press(staff_client, ticket, "resolve", text="Fatto.")

    assert (fresh(ticket).status, ticket.messages.get(kind="staff").text) == ("resolved", "Fatto.")
    assert audited("ticket.resolved")[0] == staff


def test_buttons_are_those_that_can_do_good(customer: Any, staff_client: Client):
    ticket = write_to_us(customer)
    names = ("answer", "add_note", "take", "assign", "set_priority", "resolve", "reopen", "make_article")

    def offered() -> set[str]:
        page = staff_client.get(page_of(ticket)).content.decode()
        return {name for name in names if f"{ticket.pk}/{name.replace('_', '-')}" in page or f"/{name}/" in page}

    open_, _done = offered(), tickets.resolve_as_customer(ticket=ticket, actor=customer, now=NOW)
    resolved, _closed = offered(), tickets.close_resolved(now=NOW + timedelta(days=8))

    assert open_ == {"answer", "add_note", "take", "assign", "set_priority", "resolve"}
    assert resolved == {"add_note", "reopen", "make_article"}
    assert offered() == {"add_note", "make_article"}


def test_button_pressed_too_late_says_why_and_keeps_what_was_written(customer: Any, staff_client: Client):
    ticket = write_to_us(customer)
    tickets.resolve_as_customer(ticket=ticket, actor=customer, now=NOW)

    page = press(staff_client, ticket, "answer", text="Volentieri.")

    assert page.context["form"].non_field_errors() == ["The request is resolved: this is not possible now."]
    assert "Volentieri." in page.content.decode()
    assert not ticket.messages.filter(kind="staff").exists()


def test_conversation_is_taken_over(customer: Any, staff: Any, staff_client: Client):
    conversation = make_conversation(customer)

    press(staff_client, conversation, "take_over")

    ticket = Ticket.objects.get()
    assert (ticket.reason, ticket.assignee, ticket.status, ticket.customer) == ("staff", staff, "in_progress", customer)
    assert audited("ticket.taken_over") == (staff, f"chatbot.ticket:{ticket.number}")
    assert "take_over" not in staff_client.get(page_of(conversation)).content.decode()


def test_guests_conversation_is_taken_over_with_an_address(staff_client: Client):
    conversation = make_conversation()

    refused = press(staff_client, conversation, "take_over")
    none = Ticket.objects.count()
    press(staff_client, conversation, "take_over", name="Mario Rossi", email="mario@posta.example")

    assert (refused.context["form"].errors, none) == ({"email": ["We need an e-mail address to answer to."]}, 0)
    assert Ticket.objects.get().guest_email == "mario@posta.example"


def test_file_is_a_download_and_its_opening_is_recorded(customer: Any, staff: Any, staff_client: Client):
    ticket = write_to_us(customer)
    message = tickets.answer_as_customer(ticket=ticket, text="Ecco.", author=customer, now=NOW, files=[text_file()])
    path = reverse("admin:chatbot_ticket_file", args=[message.attachments.get().reference])

    answer, of_guest = staff_client.get(path), Client().get(path)

    assert (answer.content, answer["Content-Disposition"]) == (b"Una nota.", 'attachment; filename="nota.txt"')
    assert of_guest.status_code == 302
    assert audited("ticket.file_opened") == (staff, f"chatbot.ticket:{ticket.number}")


def resolved_ticket(staff: Any, customer: Any) -> Ticket:
    ticket = hand_over(make_conversation(customer), text="Chi deve nominare il DPO in azienda?")
    tickets.answer_as_staff(ticket=ticket, text="Lo nomina il titolare del trattamento.", actor=staff, now=NOW)
    tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)
    return fresh(ticket)


def test_article_begins_with_question_answer_topic_and_language(customer: Any, staff: Any, staff_client: Client):
    ticket = resolved_ticket(staff, customer)

    page = staff_client.get(reverse("admin:chatbot_ticket_make_article", args=[ticket.pk]))

    assert page.context["form"].initial == {
        "question": "Chi deve nominare il DPO in azienda?", "answer": "Lo nomina il titolare del trattamento.",
        "topic": "GENERAL", "language": "it",
    }  # fmt: skip
    assert "anything else of the customer must not stay in it" in page.content.decode()


def test_article_is_what_staff_made_of_it_and_the_ticket_remembers(customer: Any, staff: Any, staff_client: Client):
    ticket = resolved_ticket(staff, customer)
    filled = {"question": "Chi nomina il DPO?", "answer": "Il titolare.", "topic": "GDPR", "language": "it"}

    press(staff_client, ticket, "make_article", **filled)

    document = Document.objects.get()
    assert fresh(ticket).article == document
    assert (document.title, document.topic, document.language, document.state) == (
        "Chi nomina il DPO?", "GDPR", "it", "pending",
    )  # fmt: skip
    assert bytes(document.content).decode() == "# Chi nomina il DPO?\n\nIl titolare.\n"
    assert audited("ticket.made_article")[0] == staff


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Scrivete a giulia@brandolini.example.", "giulia@brandolini.example"),
        ("Lo ha chiesto GIULIA FERRANTE.", "Giulia Ferrante"),
    ],
)
def test_article_with_personal_data_is_refused(answer: str, word: str, customer: Any, staff: Any, staff_client: Client):
    ticket = resolved_ticket(staff, customer)
    filled = {"question": "Chi nomina il DPO?", "answer": answer, "topic": "GDPR", "language": "it"}

    page = press(staff_client, ticket, "make_article", **filled)

    assert page.context["form"].errors == {"answer": [f"This must not be in an article: {word}."]}
    assert (Document.objects.count(), fresh(ticket).article) == (0, None)


def test_our_own_address_may_stand_in_an_article(customer: Any, staff: Any, settings: Any):
    document = tickets.make_article(
        ticket=resolved_ticket(staff, customer), question="A chi scrivo?", answer=f"A {settings.SUPPORT_EMAIL}.",
        topic="GENERAL", language="it", now=NOW,
    )  # fmt: skip

    assert settings.SUPPORT_EMAIL in bytes(document.content).decode()


@pytest.mark.django_db(transaction=True)
def test_question_the_documents_did_not_answer_is_answered_from_the_article(
    customer: Any, staff: Any, embedder: Embedder, claude: Control
):
    from chatbot.knowledge import ingest  # noqa: PLC0415 -- beside the one test that reads a document

    _events, before = run_answer(ask("Chi deve nominare il DPO in azienda?"))
    document = tickets.make_article(
        ticket=resolved_ticket(staff, customer), question="Chi deve nominare il DPO in azienda?",
        answer="Il DPO in azienda lo nomina il titolare del trattamento.", topic="GDPR", language="it", now=NOW,
    )  # fmt: skip
    assert ingest.ingest(document=document)

    _events, after = run_answer(ask("Chi deve nominare il DPO in azienda?"))

    assert (before.outcome, after.outcome) == ("refused", "answered")
    assert after.citations.get().title == "Chi deve nominare il DPO in azienda?"


def test_overview_counts_open_and_overdue_tickets(customer: Any, staff_client: Client):
    write_to_us(customer, now=timezone.now() - timedelta(days=30))
    write_to_us(customer, "Altro.", now=timezone.now())

    page = staff_client.get("/admin/")

    tiles = {str(tile["label"]): tile for tile in page.context["tiles"] + page.context["alarms"]}
    expected = {"Open tickets": 2, "Tickets overdue": 1}
    assert {label: tiles[label]["figure"] for label in expected} == expected
    for label, figure in expected.items():
        assert len(staff_client.get(tiles[label]["url"]).context["cl"].result_list) == figure
