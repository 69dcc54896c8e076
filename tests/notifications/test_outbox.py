"""The outbox: a mail is written with the event it tells of, taken by one worker, and never lost or forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import time_machine
from django.core import mail as django_mail
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone, translation

from chatbot.models import Ticket
from notifications import services, tasks
from notifications.models import Mail
from notifications.services import Attachment, Recipient, notify
from tests.broker import queued

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
GIULIA = Recipient("giulia@brandolini.example", "Giulia Ferrante", "it")


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def write(to: Recipient = GIULIA, **fields: Any) -> Mail:
    """A mail in the outbox, in the state that is asked for."""
    mail = notify(to=to, kind="already_registered", context={})
    waits = fields.get("state", "pending") in ("pending", "running")
    Mail.objects.filter(pk=mail.pk).update(**{"next_try_at": NOW if waits else None, **fields})
    mail.refresh_from_db()
    return mail


def sent_addresses() -> list[str]:
    return [message.to[0] for message in django_mail.outbox]


def parse_sent() -> Any:
    """The one mail that left, as another program reads it."""
    [message] = django_mail.outbox
    return message_from_bytes(message.message().as_bytes(), policy=policy.default)


def test_mail_is_written_whole_and_due_at_once(customer: Any):
    notify(to=Recipient.of(customer), kind="already_registered", context={})

    mail = Mail.objects.get()
    assert (mail.kind, mail.user, mail.language) == ("already_registered", customer, "it")
    assert (mail.to_email, mail.to_name) == ("giulia@brandolini.example", "Giulia Ferrante")
    assert (mail.state, mail.attempts, mail.next_try_at <= timezone.now()) == ("pending", 0, True)
    assert mail.text.startswith("Gentile Giulia Ferrante,\n")
    assert mail.html.startswith("<!doctype html>")


def test_rolled_back_event_leaves_no_mail_and_wakes_nobody(django_capture_on_commit_callbacks: Any):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        write()
        transaction.set_rollback(True)

    assert (Mail.objects.count(), queued()) == (0, [])


def test_committed_event_wakes_a_worker_for_its_mail(django_capture_on_commit_callbacks: Any):
    with django_capture_on_commit_callbacks(execute=True):
        mail = write()
        early = queued()

    assert (early, queued()) == ([], [("notifications.send_mail", {"mail_id": mail.pk})])


@pytest.mark.django_db(transaction=True)
def test_broker_that_is_away_costs_a_delay_and_no_mail(broker_away: None):
    mail = write()

    services.send_due()

    mail.refresh_from_db()
    assert (mail.state, len(sent_addresses())) == ("done", 1)


def test_mail_that_cannot_be_written_fails_with_its_event():
    with pytest.raises(DatabaseError), transaction.atomic():
        notify(to=Recipient("x" * 300, "", "it"), kind="already_registered", context={})

    assert Mail.objects.count() == 0


@pytest.mark.parametrize(("language", "subject"), [("it", "Hai già un account"), ("en", "You already have an account")])
def test_mail_speaks_the_recipients_language_whoever_asks(language: str, subject: str):
    asking = "en" if language == "it" else "it"

    with translation.override(asking):
        mail = write(Recipient("anne@esempio.example", "Anne", language))
        after = translation.get_language()

    assert (mail.subject, after) == (subject, asking)


@pytest.mark.parametrize("news", ["1\r\nBcc: altri@x.example", "1\nBcc: altri@x.example", "1\x0b\x85\u2028Bcc: x"])
def test_line_break_in_a_subject_cannot_start_a_header(news: str):
    ticket = Ticket(pk=1, number="TKT-2026-00001")
    mail = notify(to=GIULIA, kind="ticket_attention", context={"ticket": ticket, "news": news})

    services.send(mail_id=mail.pk)

    message = parse_sent()
    assert (message["Bcc"], message["To"]) == (None, "Giulia Ferrante <giulia@brandolini.example>")
    assert message["Subject"].strip() == f"Richiesta TKT-2026-00001: {' '.join(news.split())}"


NAMES = [
    "Giulia Ferrante", "Ferrante, Giulia", 'Giulia "Giù" <x@evil.example>', "Giulia\r\nBcc: altri@x.example",
    "Giulia\\", '"', "Nicolò D’Anna", "altri@x.example, x", "=?utf-8?q?Giulia?=", "Г" * 121, "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_mail_goes_to_its_address_alone_whatever_the_name(name: str):
    mail = notify(to=Recipient("giulia@brandolini.example", name, "it"), kind="already_registered", context={})

    left = services.send(mail_id=mail.pk)

    message = parse_sent()
    [address] = message["To"].addresses
    assert (left, address.addr_spec) == (True, "giulia@brandolini.example")
    assert address.display_name == ("Giulia" if name.startswith("=?") else " ".join(name.split()))
    assert (message["Bcc"], message["Cc"]) == (None, None)


def test_domain_with_accents_is_written_as_dns_has_it():
    mail = write(Recipient("anna@società.example", "Anna", "it"))

    services.send(mail_id=mail.pk)

    assert parse_sent()["To"] == "Anna <anna@xn--societ-nta.example>"


def test_every_try_carries_the_same_message_id():
    mail = write()
    services.send(mail_id=mail.pk)
    Mail.objects.update(state="pending", next_try_at=NOW)

    services.send(mail_id=mail.pk)

    ids = {message.message()["Message-ID"] for message in django_mail.outbox}
    assert (len(django_mail.outbox), ids) == (2, {f"<{mail.reference}@aish.example>"})


def test_files_are_copied_into_the_mail():
    content = bytearray(b"%PDF-1.7 then")
    mail = notify(
        to=GIULIA, kind="already_registered", context={},
        attachments=[Attachment("copia.pdf", "application/pdf", bytes(content))],
    )  # fmt: skip

    content[:] = b"something else"

    [file] = mail.attachments.all()
    assert (file.name, file.content_type, bytes(file.content)) == ("copia.pdf", "application/pdf", b"%PDF-1.7 then")


@pytest.mark.parametrize(
    ("fields", "is_due"),
    [
        ({"state": "pending", "next_try_at": NOW}, True),
        ({"state": "pending", "next_try_at": NOW + timedelta(seconds=1)}, False),
        ({"state": "running", "next_try_at": NOW + timedelta(seconds=1)}, False),
        ({"state": "running", "next_try_at": NOW}, True),
        ({"state": "done", "sent_at": NOW}, False),
        ({"state": "failed"}, False),
    ],
)
def test_worker_takes_what_is_due_and_what_a_dead_one_left(fields: dict[str, Any], is_due: bool):
    mail = write(**fields)

    is_sent = services.send(mail_id=mail.pk)

    mail.refresh_from_db()
    assert (is_sent, len(sent_addresses()), mail.attempts) == ((True, 1, 1) if is_due else (False, 0, 0))


def test_worker_asked_for_a_mail_that_is_gone_stays_calm():
    tasks.send_mail(mail_id=0)

    assert sent_addresses() == []


def test_sweep_sends_the_longest_waiting_first():
    for minutes, name in ((1, "b"), (3, "a"), (-1, "later")):
        write(Recipient(f"{name}@esempio.example", "", "it"), next_try_at=NOW - timedelta(minutes=minutes))

    count = services.send_due()

    assert (count, sent_addresses()) == (2, ["a@esempio.example", "b@esempio.example"])


@pytest.mark.parametrize(
    ("attempts", "retry_after_s", "wait"),
    [
        (1, None, timedelta(seconds=15)),
        (2, None, timedelta(minutes=1)),
        (3, None, timedelta(minutes=5)),
        (4, None, timedelta(minutes=30)),
        (5, None, timedelta(hours=2)),
        (6, None, timedelta(hours=6)),
        (1, 1, timedelta(seconds=15)),
        (1, 120, timedelta(minutes=2)),
        (6, 120, timedelta(hours=6)),
    ],
)
def test_wait_grows_and_is_never_shorter_than_asked_for(attempts: int, retry_after_s: int | None, wait: timedelta):
    mail = write(attempts=attempts - 1)
    claimed_mail = Mail.objects.claim(mail.pk)

    claimed_mail.put_off("busy", retry_after_s=retry_after_s)

    mail.refresh_from_db()
    assert (mail.state, mail.next_try_at, mail.last_error) == ("pending", NOW + wait, "busy")


def test_mail_tried_seven_times_is_given_to_a_person():
    mail = write(attempts=len(Mail.BACKOFF))
    claimed_mail = Mail.objects.claim(mail.pk)

    claimed_mail.put_off("busy", retry_after_s=5)

    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.last_error) == ("failed", 7, "busy")


def test_bug_in_one_mail_puts_it_off_and_keeps_no_other_from_leaving():
    broken = write(subject="one line\nanother", next_try_at=NOW - timedelta(hours=1))
    fine = write()

    services.send_due()

    for mail in (broken, fine):
        mail.refresh_from_db()
    assert (broken.state, broken.next_try_at) == ("pending", NOW + timedelta(seconds=15))
    assert broken.last_error.startswith("BadHeaderError: ")
    assert (fine.state, len(sent_addresses())) == ("done", 1)


def test_bug_in_a_mail_does_not_last_for_ever():
    mail = write(subject="one line\nanother", attempts=6)

    services.send(mail_id=mail.pk)

    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == ("failed", 7)


def test_given_up_mail_is_tried_again_from_the_start(django_capture_on_commit_callbacks: Any):
    mail = write(state="failed", attempts=7, last_error="busy")

    with django_capture_on_commit_callbacks(execute=True):
        is_revived = services.send_again(mail=mail)

    mail.refresh_from_db()
    assert (is_revived, mail.state, mail.attempts, mail.next_try_at) == (True, "pending", 0, NOW)
    assert queued() == [("notifications.send_mail", {"mail_id": mail.pk})]


@pytest.mark.parametrize("state", ["pending", "running", "done"])
def test_only_a_given_up_mail_is_tried_again(state: str, django_capture_on_commit_callbacks: Any):
    mail = write(state=state, attempts=1, claimed_at=NOW)

    with django_capture_on_commit_callbacks(execute=True):
        is_revived = services.send_again(mail=mail)

    mail.refresh_from_db()
    assert (is_revived, mail.state, mail.attempts, queued()) == (False, state, 1, [])


def test_table_knows_no_other_state():
    mail = write()

    with pytest.raises(IntegrityError, match="notifications_mail_state"), transaction.atomic():
        Mail.objects.filter(pk=mail.pk).update(state="lost")


def test_mail_outlives_its_reader(customer: Any):
    mail = write(Recipient.of(customer))

    customer.delete()

    mail.refresh_from_db()
    assert (mail.user, mail.to_email) == (None, "giulia@brandolini.example")
