"""Mails about tickets: who is told what, once; and what never leaves the house."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from chatbot.tickets import links
from chatbot.tickets import services as tickets
from notifications.models import Mail
from tests.chatbot.desk import MARIO, NOW, fresh, hand_over, make_conversation, write_to_us
from tests.factories import make_customer

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DESK = "desk@aish.example"
SECRET = "il-cliente-paga-sempre-tardi"


@pytest.fixture(autouse=True)
def staff_mailbox(settings: Any) -> None:
    settings.STAFF_EMAIL = DESK


def sent_mails() -> list[tuple[str, str]]:
    """Kind and recipient of every mail, oldest first."""
    return list(Mail.objects.order_by("pk").values_list("kind", "to_email"))


def test_opened_ticket_is_told_to_the_customer_and_to_staff(customer: Any):
    ticket = hand_over(make_conversation(customer))

    to_customer = Mail.objects.get(kind="ticket_opened")
    assert sent_mails() == [("ticket_opened", customer.email), ("ticket_attention", DESK)]
    assert to_customer.language == "it"
    for part in (to_customer.text, unescape(to_customer.html)):
        assert ticket.number in part
        assert f"http://testserver/area/richieste/{ticket.number}/" in part


def test_staff_are_not_told_of_what_they_took_over(customer: Any):
    hand_over(make_conversation(customer), reason="staff", text="")

    assert sent_mails() == [("ticket_opened", customer.email)]


def test_guest_gets_the_signed_link_in_their_language():
    ticket = write_to_us(language="en")

    mail = Mail.objects.get(kind="ticket_opened")
    [link] = [line for line in mail.text.splitlines() if "/richieste/" in line]
    assert (mail.to_email, mail.to_name, mail.language) == (MARIO.email, MARIO.name, "en")
    assert mail.subject == f"Your request {ticket.number} is with us"
    assert links.find_ticket(link.split("/")[-2]) == ticket


def test_mail_to_an_address_anybody_may_type_carries_no_words_of_theirs():
    write_to_us(text="Comprate subito su esempio.example")

    mail = Mail.objects.get(kind="ticket_opened")
    assert [part for part in (mail.subject, mail.text, mail.html) if "esempio.example" in part] == []


def test_answer_is_mailed_with_its_words(customer: Any, staff: Any):
    ticket = write_to_us(customer)

    tickets.answer_as_staff(ticket=ticket, text="Sì.\nEntro <venerdì>.", actor=staff, now=NOW)

    mail = Mail.objects.get(kind="ticket_answered")
    assert mail.to_email == customer.email
    assert "Sì.\nEntro <venerdì>." in mail.text
    assert "Sì.<br>Entro &lt;venerdì&gt;." in mail.html


def test_resolved_ticket_is_told_with_or_without_words(customer: Any, staff: Any):
    make = {"language": "en", "customer": make_customer("mary@posta.example", language="en")}
    silent_ticket, other_ticket = write_to_us(**make), write_to_us(**make, text="Other.")

    tickets.resolve(ticket=silent_ticket, text="", actor=staff, now=NOW)
    tickets.resolve(ticket=other_ticket, text="All done.", actor=staff, now=NOW)

    without, with_words = Mail.objects.filter(kind="ticket_answered").order_by("pk")
    assert (without.subject, with_words.subject) == (
        f"Your request {silent_ticket.number} is solved", f"Your request {other_ticket.number} is solved",
    )  # fmt: skip
    assert ("All done." in without.text, "All done." in with_words.text) == (False, True)


def test_news_go_to_whoever_has_the_ticket_else_to_the_mailbox(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.answer_as_customer(ticket=ticket, text="Anzi.", author=customer, now=NOW)
    tickets.assign(ticket=ticket, assignee=staff, actor=staff, now=NOW)
    tickets.answer_as_customer(ticket=ticket, text="E poi?", author=customer, now=NOW)

    staff.is_active = False
    staff.save()
    tickets.answer_as_customer(ticket=ticket, text="Ehi?", author=customer, now=NOW)

    to = [email for kind, email in sent_mails() if kind == "ticket_attention"]
    assert to == [DESK, DESK, staff.email, DESK]


def test_colleague_is_told_that_a_ticket_is_theirs(customer: Any, staff: Any):
    colleague = make_customer("luca@aish.example", role="super_admin", language="en")
    ticket = write_to_us(customer)

    tickets.assign(ticket=ticket, assignee=colleague, actor=staff, now=NOW)

    mail = Mail.objects.get(to_email=colleague.email)
    assert mail.subject == f"Ticket {ticket.number}: It is assigned to you."
    assert f"http://testserver/admin/chatbot/ticket/{ticket.pk}/change/" in mail.text


def test_without_a_mailbox_nobody_is_mailed_and_the_ticket_is_there(customer: Any, settings: Any):
    settings.STAFF_EMAIL = ""

    ticket = write_to_us(customer)

    assert sent_mails() == [("ticket_opened", customer.email)]
    assert tickets.alert_staff_of_due(now=NOW + 24 * HOUR) == 1
    assert fresh(ticket).alerted_at == NOW + 24 * HOUR


@pytest.mark.parametrize(("hours", "news"), [(6.7, ""), (6.75, "nearly due"), (23.9, "nearly due"), (24, "overdue")])
def test_staff_are_alerted_when_a_quarter_of_the_time_is_left(hours: float, news: str, customer: Any, staff: Any):
    staff.language = "en"
    staff.save()
    ticket = write_to_us(customer)
    tickets.assign(ticket=ticket, assignee=staff, actor=staff, now=NOW)

    tickets.alert_staff_of_due(now=NOW + hours * HOUR)

    alerts = list(Mail.objects.filter(to_email=staff.email).values_list("subject", flat=True))
    assert alerts == ([f"Ticket {ticket.number}: The first answer is {news}."] if news else [])


def test_alert_comes_once(customer: Any):
    write_to_us(customer)

    counts = [tickets.alert_staff_of_due(now=NOW + hours * HOUR) for hours in (7, 8, 24, 100)]

    assert counts == [1, 0, 0, 0]


def test_answered_or_solved_tickets_alarm_nobody(customer: Any, staff: Any):
    tickets.answer_as_staff(ticket=write_to_us(customer), text="Sì.", actor=staff, now=NOW)
    tickets.resolve_as_customer(ticket=write_to_us(customer, "Altro."), actor=customer, now=NOW)

    assert tickets.alert_staff_of_due(now=NOW + 100 * HOUR) == 0


def test_alert_comes_again_when_the_deadline_has_moved_away(customer: Any):
    ticket = write_to_us(customer)
    tickets.set_priority(ticket=ticket, priority="high", now=NOW)
    tickets.alert_staff_of_due(now=NOW + 3 * HOUR)

    tickets.set_priority(ticket=ticket, priority="low", now=NOW + 3 * HOUR)

    assert [tickets.alert_staff_of_due(now=NOW + hours * HOUR) for hours in (6.7, 6.75)] == [0, 1]


def test_internal_note_is_in_no_mail(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    tickets.add_note(ticket=ticket, text=SECRET, actor=staff, now=NOW)

    tickets.answer_as_staff(ticket=ticket, text="Sì.", actor=staff, now=NOW)
    tickets.answer_as_customer(ticket=ticket, text="Grazie.", author=customer, now=NOW)
    tickets.resolve(ticket=ticket, text="", actor=staff, now=NOW)

    assert Mail.objects.count() == 5
    assert [mail.pk for mail in Mail.objects.all() if SECRET in mail.subject + mail.text + mail.html] == []


def test_customer_who_is_gone_gets_no_mail(customer: Any, staff: Any):
    ticket = write_to_us(customer)
    customer.delete()
    Mail.objects.all().delete()

    tickets.answer_as_staff(ticket=fresh(ticket), text="Sì.", actor=staff, now=NOW)

    assert sent_mails() == []
