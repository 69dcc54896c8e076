"""Tickets as the services keep them: one for a conversation, moves that are allowed, deadlines, closing by itself."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from chatbot import tasks
from chatbot.models import Conversation, IllegalTicketMoveError, Ticket, TicketMessage
from chatbot.tickets import services as tickets
from chatbot.tickets.services import Guest, TicketClosedError
from core.errors import InvalidInputError
from core.models import AuditEntry
from core.uploads import UploadRefusedError
from notifications.models import Mail
from tests.chatbot.desk import (
    ANSWER,
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

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def said_in(ticket: Ticket) -> list[tuple[str, str]]:
    return list(ticket.messages.order_by("pk").values_list("kind", "text"))


def test_conversation_becomes_a_ticket_with_number_reason_and_transcript(customer: Any):
    conversation = make_conversation(customer)

    ticket = fresh(hand_over(conversation, reason="missing_knowledge"))

    assert ticket.number == "TKT-2026-00001"
    assert (ticket.status, ticket.priority, ticket.reason) == ("new", "medium", "missing_knowledge")
    assert (ticket.customer, ticket.guest_email, ticket.conversation) == (customer, "", conversation)
    assert (ticket.subject, ticket.topic, ticket.language) == ("Siamo in sessanta.", "GENERAL", "it")
    assert [part.split("\n")[1] for part in ticket.transcript.split("\n\n")] == [QUESTION, ANSWER]
    assert said_in(ticket) == [("customer", "Siamo in sessanta.")]


def test_handed_over_without_a_word_the_ticket_is_about_the_last_question(customer: Any):
    ticket = hand_over(make_conversation(customer), text="")

    assert (ticket.subject, said_in(ticket)) == (QUESTION, [])


def test_transcript_outlives_the_conversation(customer: Any):
    ticket = hand_over(make_conversation(customer))

    Conversation.objects.all().delete()

    assert fresh(ticket).conversation is None
    assert QUESTION in fresh(ticket).transcript


def test_second_request_gives_the_same_ticket_and_loses_no_word(customer: Any):
    conversation = make_conversation(customer)
    first = hand_over(conversation)

    again = hand_over(conversation)
    more = hand_over(conversation, text="E quanto costa?")

    assert {again.pk, more.pk} == {first.pk}
    assert said_in(first) == [("customer", "Siamo in sessanta."), ("customer", "E quanto costa?")]


def test_closed_ticket_makes_room_for_another(customer: Any):
    conversation = make_conversation(customer)
    first = hand_over(conversation)
    tickets.resolve_as_customer(ticket=first, now=NOW, actor=customer)
    tickets.close_resolved(now=NOW + tickets.CLOSE_AFTER)

    second = hand_over(conversation)

    assert (first.number, second.number) == ("TKT-2026-00001", "TKT-2026-00002")


def test_table_itself_refuses_a_second_open_ticket(customer: Any):
    ticket = hand_over(make_conversation(customer))

    ticket.pk, ticket.number = None, "TKT-2026-99999"
    with pytest.raises(IntegrityError, match="chatbot_ticket_one_open"), transaction.atomic():
        ticket.save(force_insert=True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_give_one_ticket(customer: Any):
    conversation = make_conversation(customer)
    numbers: list[str] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        numbers.append(hand_over(conversation).number)
        connection.close()

    threads = [threading.Thread(target=ask) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == ["TKT-2026-00001"] * 4
    assert Ticket.objects.get().messages.count() == 1
    assert Mail.objects.filter(kind="ticket_opened").count() == 1


def test_number_follows_the_year_in_rome(customer: Any):
    ticket = write_to_us(customer, now=NOW.replace(month=12, day=31, hour=23, minute=30))

    assert ticket.number == "TKT-2027-00001"


@pytest.mark.parametrize(
    ("guest", "code"),
    [
        (None, "email_invalid"),
        (Guest("Mario", ""), "email_invalid"),
        (Guest("Mario", "mario"), "email_invalid"),
        (Guest("", "mario@posta.example"), "name_invalid"),
        (Guest("m" * 81, "mario@posta.example"), "name_invalid"),
        (Guest("Vinci subito https://esempio.example", "mario@posta.example"), "name_invalid"),
        (Guest("www.esempio.example", "mario@posta.example"), "name_invalid"),
        (Guest("Mario\0", "mario@posta.example"), "name_invalid"),
    ],
)
def test_guest_must_say_who_they_are_and_nothing_else(guest: Guest | None, code: str):
    with pytest.raises(InvalidInputError) as refused:
        write_to_us(guest=guest)

    assert (refused.value.code, Ticket.objects.count(), Mail.objects.count()) == (code, 0, 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        (" \n", "text_empty"),
        (None, "text_empty"),
        (["a"], "text_empty"),
        ("a" * 5_001, "text_too_long"),
    ],
)
def test_request_needs_words(text: Any, code: str, customer: Any):
    with pytest.raises(InvalidInputError) as refused:
        write_to_us(customer, text)

    assert (refused.value.code, Ticket.objects.count()) == (code, 0)


def test_every_move_that_is_not_in_the_table_is_refused(customer: Any):
    ticket = write_to_us(customer)
    refused = set()
    for before in Ticket.Status:
        for after in Ticket.Status:
            Ticket.objects.update(status=before)
            try:
                fresh(ticket).move_to(after, now=NOW)
            except IllegalTicketMoveError:
                refused.add((before.value, after.value))

    allowed = {(before.value, after) for before in Ticket.Status for after in Ticket.ALLOWED[before]}
    every = {(before.value, after.value) for before in Ticket.Status for after in Ticket.Status}
    assert refused == every - allowed
    assert allowed == {
        ("new", "in_progress"), ("new", "waiting_customer"), ("new", "resolved"), ("in_progress", "waiting_customer"),
        ("in_progress", "resolved"), ("waiting_customer", "in_progress"), ("waiting_customer", "resolved"),
        ("resolved", "in_progress"), ("resolved", "closed"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("priority", "answer", "solution"), [("urgent", 1, 24), ("high", 4, 48), ("medium", 24, 168), ("low", 24, 360)]
)
def test_deadlines_follow_the_priority(priority: str, answer: int, solution: int, customer: Any):
    """A Tuesday, 10 o'clock: a working day is over on Wednesday, ten of them after a weekend, another and a holiday."""
    ticket = write_to_us(customer)

    tickets.set_priority(ticket=ticket, priority=priority, now=NOW + HOUR / 2)

    assert fresh(ticket).first_response_due_at == NOW + answer * HOUR
    assert fresh(ticket).resolution_due_at == NOW + solution * HOUR


def test_deadlines_are_the_settings(customer: Any, settings: Any):
    settings.TICKET_FIRST_RESPONSE_HOURS, settings.TICKET_RESOLUTION_HOURS = [1, 2, 3, 4], [5, 6, 7, 8]

    ticket = write_to_us(customer)

    assert (ticket.first_response_due_at, ticket.resolution_due_at) == (NOW + 3 * HOUR, NOW + 7 * HOUR)


def test_first_answer_stops_its_clock_and_the_customers_turn_begins(customer: Any, staff: Any):
    ticket = write_to_us(customer)

    tickets.answer_as_staff(ticket=ticket, text="Volentieri.", actor=staff, now=NOW + HOUR)
    tickets.answer_as_staff(ticket=ticket, text="Ancora una cosa.", actor=staff, now=NOW + 2 * HOUR)

    answered = fresh(ticket)
    assert (answered.status, answered.first_responded_at, answered.assignee) == (
        "waiting_customer", NOW + HOUR, staff,
    )  # fmt: skip


def test_note_is_no_answer(customer: Any, staff: Any):
    ticket = write_to_us(customer)

    tickets.add_note(ticket=ticket, text="Cliente importante.", actor=staff, now=NOW + HOUR)

    assert (fresh(ticket).status, fresh(ticket).first_responded_at) == ("new", None)


def test_time_the_customer_takes_is_not_counted_for_the_solution(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.answer_as_staff(ticket=ticket, text="Quanti siete?", actor=staff, now=NOW + HOUR)
    while_waiting = fresh(ticket).is_overdue(NOW + 100 * HOUR)

    tickets.answer_as_customer(ticket=ticket, text="Sessanta.", author=customer, now=NOW + 101 * HOUR)

    ticket = fresh(ticket)
    assert (while_waiting, ticket.status, ticket.paused_at) == (False, "in_progress", None)
    # 44 of 45 working hours were left on Saturday: four days, and Friday until 17
    assert ticket.resolution_due_at == datetime(2026, 12, 4, 16, tzinfo=UTC)
    assert [ticket.is_overdue(NOW + hours * HOUR) for hours in (246, 247)] == [False, True]


def test_new_priority_keeps_the_pauses(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.answer_as_staff(ticket=ticket, text="Quanti siete?", actor=staff, now=NOW)
    tickets.answer_as_customer(ticket=ticket, text="Sessanta.", author=customer, now=NOW + 10 * HOUR)

    tickets.set_priority(ticket=ticket, priority="urgent", now=NOW + 10 * HOUR)

    assert fresh(ticket).resolution_due_at == NOW + 32 * HOUR  # nine hours from the next morning


@pytest.mark.parametrize("hours", [0, 23, 24, 25, 167, 168, 169])
@pytest.mark.parametrize("state", ["new", "answered", "in_progress", "resolved"])
def test_list_of_the_overdue_is_what_each_ticket_says(state: str, hours: int, customer: Any, staff: Any):
    ticket = write_to_us(customer)
    if state in ("answered", "in_progress"):
        tickets.answer_as_staff(ticket=ticket, text="Sì.", actor=staff, now=NOW)
    if state == "in_progress":
        tickets.answer_as_customer(ticket=ticket, text="Ma?", author=customer, now=NOW)
    if state == "resolved":
        tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)
    now = NOW + hours * HOUR

    expected = {"new": hours >= 24, "answered": False, "in_progress": hours >= 168, "resolved": False}[state]
    assert (fresh(ticket).is_overdue(now), Ticket.objects.overdue(now).exists()) == (expected, expected)


def test_customer_who_answers_a_resolved_ticket_opens_it_again(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.resolve(ticket=ticket, text="Fatto.", actor=staff, now=NOW + HOUR)
    resolved = fresh(ticket)

    tickets.answer_as_customer(ticket=ticket, text="Non ancora.", author=customer, now=NOW + 5 * HOUR)

    again = fresh(ticket)
    assert (resolved.status, resolved.resolved_at) == ("resolved", NOW + HOUR)
    assert (again.status, again.resolved_at, again.resolution_due_at) == ("in_progress", None, NOW + 172 * HOUR)


def test_staff_open_a_resolved_ticket_again(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)

    tickets.reopen(ticket=ticket, now=NOW + HOUR)

    assert (fresh(ticket).status, fresh(ticket).resolved_at) == ("in_progress", None)


def test_customer_says_solved_once_or_twice(customer: Any):
    ticket = write_to_us(customer)

    for hours in (1, 2):
        tickets.resolve_as_customer(ticket=ticket, now=NOW + hours * HOUR, actor=customer)

    assert (fresh(ticket).status, fresh(ticket).resolved_at) == ("resolved", NOW + HOUR)
    assert AuditEntry.objects.get(action="ticket.resolved_by_customer").actor == customer


def test_week_after_it_was_resolved_a_ticket_closes_by_itself(customer: Any, staff: Any):
    quiet, answered = write_to_us(customer), write_to_us(customer, "Altro.")
    for ticket in (quiet, answered):
        tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)
    early = tickets.close_resolved(now=NOW + timedelta(days=7, seconds=-1))
    tickets.answer_as_customer(ticket=answered, text="Ma…", author=customer, now=NOW + HOUR)

    closed = tickets.close_resolved(now=NOW + timedelta(days=7))

    assert (early, closed) == (0, 1)
    assert (fresh(quiet).status, fresh(quiet).closed_at) == ("closed", NOW + timedelta(days=7))
    assert fresh(answered).status == "in_progress"
    assert AuditEntry.objects.get(action="ticket.closed").target == f"chatbot.ticket:{quiet.number}"


def test_nothing_more_is_said_in_a_closed_ticket(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)
    tickets.close_resolved(now=NOW + timedelta(days=8))

    with pytest.raises(TicketClosedError):
        tickets.answer_as_customer(ticket=ticket, text="Ancora.", author=customer, now=NOW)
    with pytest.raises(IllegalTicketMoveError):
        tickets.answer_as_staff(ticket=ticket, text="Ancora.", actor=staff, now=NOW)
    for change in (
        lambda: tickets.reopen(ticket=ticket, now=NOW),
        lambda: tickets.set_priority(ticket=ticket, priority="low", now=NOW),
        lambda: tickets.assign(ticket=ticket, assignee=staff, actor=staff, now=NOW),
    ):
        with pytest.raises(IllegalTicketMoveError):
            change()

    assert said_in(ticket) == [("customer", "Vorrei un preventivo.")]


def test_whoever_takes_a_new_ticket_has_begun(customer: Any, staff: Any):
    ticket = write_to_us(customer)

    tickets.assign(ticket=ticket, assignee=staff, actor=staff, now=NOW)

    assert (fresh(ticket).status, fresh(ticket).assignee, fresh(ticket).first_responded_at) == (
        "in_progress", staff, None,
    )  # fmt: skip


def test_files_are_kept_with_what_they_came_with(customer: Any):
    ticket = write_to_us(customer)

    message = tickets.answer_as_customer(
        ticket=ticket, text="Ecco.", author=customer, now=NOW, files=[text_file(), picture()]
    )

    attachments = message.attachments.order_by("pk").values_list("name", "kind", "size")
    assert list(attachments) == [("nota.txt", "txt", 9), ("schermata.png", "png", picture().size)]
    assert bytes(message.attachments.get(name="nota.txt").content) == b"Una nota."


@pytest.mark.parametrize(
    ("name", "stored_name"),
    [
        ("perché no (2).txt", "perché no (2).txt"),
        ("a\u202etxt.exe.txt", "a_txt.exe.txt"),
        ('x"; filename=y.TXT', "x__ filename_y.txt"),
        ("n" * 300 + ".txt", "n" * 100 + ".txt"),
    ],
)
def test_name_of_a_file_cannot_mislead(name: str, stored_name: str, customer: Any):
    file = text_file()
    file.__dict__["_name"] = name  # past what Django's own upload handling takes away

    message = tickets.answer_as_customer(
        ticket=write_to_us(customer), text="Ecco.", author=customer, now=NOW, files=[file]
    )

    assert message.attachments.get().name == stored_name


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([text_file("a.exe")], "file_kind"),
        ([text_file("a.svg", b"<svg/>")], "file_kind"),
        ([text_file("a.pdf")], "file_content"),
        ([text_file("a.txt", b"")], "file_empty"),
        ([text_file(f"{number}.txt") for number in range(6)], "file_count"),
    ],
)
def test_file_we_do_not_take_takes_its_message_back(files: list[Any], code: str, customer: Any):
    ticket = write_to_us(customer)

    with pytest.raises(UploadRefusedError) as refused:
        tickets.answer_as_customer(ticket=ticket, text="Ecco.", author=customer, now=NOW, files=files)

    assert (refused.value.code, TicketMessage.objects.filter(text="Ecco.").count()) == (code, 0)


def test_file_beyond_the_limit_is_refused(customer: Any, settings: Any):
    settings.MAX_UPLOAD_SIZE_MB = 0

    with pytest.raises(UploadRefusedError) as refused:
        tickets.answer_as_customer(
            ticket=write_to_us(customer), text="Ecco.", author=customer, now=NOW, files=[text_file()]
        )

    assert refused.value.code == "file_size"


def test_beat_alerts_and_closes(customer: Any, staff: Any, settings: Any):
    settings.STAFF_EMAIL = "desk@aish.example"
    late, solved = write_to_us(customer), write_to_us(customer, "Altro.")
    tickets.resolve(ticket=solved, text="", actor=staff, now=NOW - timedelta(days=400))

    Ticket.objects.filter(pk=late.pk).update(warn_at=NOW - timedelta(days=400))
    tasks.watch_tickets()

    assert (fresh(late).alerted_at is not None, fresh(solved).status) == (True, "closed")


def test_sweep_is_in_the_timetable():
    from config.celery import app  # noqa: PLC0415 -- one of two tests that need it

    assert app.conf.beat_schedule["chatbot.watch_tickets"]["schedule"] == 60.0
    assert "chatbot.watch_tickets" in app.tasks


def test_guest_is_kept_in_order():
    ticket = write_to_us(guest=Guest("  Mario   Rossi ", " Mario@Posta.example "))

    assert (ticket.guest_name, ticket.guest_email) == (MARIO.name, MARIO.email)
