"""Rows of invoicing that wait for work: each is worked by itself, whatever becomes of the others."""

import base64
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from core.models import ChannelPause
from invoicing import tasks
from invoicing.archive import packages
from invoicing.models import ArchivePackage, Mailbox, ReceivedMail
from tests.conftest import Control
from tests.database import refused_rows
from tests.invoicing.flow import Post, issue, on_its_way, story
from tests.waiting import until

pytestmark = pytest.mark.django_db


def put_into_mailbox(pec: Control, *mails: bytes) -> None:
    for raw in mails:
        pec.post("/mail", raw=base64.b64encode(raw).decode(), certified=False)
    until(lambda: len(pec.get("/mailbox")) >= len(mails))


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def test_error_on_the_oldest_invoice_leaves_the_next_one_on_its_way(pec: Control):
    oldest, next_one = issue(), issue()

    with refused_rows("invoicing_pecmessage", f"NEW.file_id = {oldest.current_file().pk}"):
        tasks.send_due_invoices()

    assert (story(oldest), story(next_one)) == (["issued"], ["issued", "sending", "sent"])
    assert "nobody foresaw" in oldest.submission().last_error


def test_mail_that_cannot_be_applied_keeps_no_other_from_being_read(pec: Control, post: Post):
    first, second = on_its_way(issue()), on_its_way(issue())
    put_into_mailbox(pec, post.sdi(first.file, "NS"), post.sdi(second.file, "RC"))

    with refused_rows("invoicing_invoiceevent", f"NEW.invoice_id = {first.file.invoice_id}"):
        tasks.read_pec_mailbox()

    broken, fine = ReceivedMail.objects.order_by("pk")
    assert (story(first.file.invoice), story(second.file.invoice)[-1]) == (["issued", "sending", "sent"], "delivered")
    assert (broken.state, broken.outcome, "nobody foresaw" in broken.last_error) == ("pending", "open", True)
    assert (fine.state, fine.outcome, Mailbox.objects.get().last_error) == ("done", "applied", "")


def test_mail_that_could_not_be_applied_is_applied_later(pec: Control, post: Post):
    message = on_its_way(issue())
    put_into_mailbox(pec, post.sdi(message.file, "RC"))
    with refused_rows("invoicing_invoiceevent", "NEW.state = 'delivered'"):
        tasks.read_pec_mailbox()

    with time_machine.travel(timezone.now() + ReceivedMail.BACKOFF[0]):
        tasks.read_pec_mailbox()

    assert (story(message.file.invoice)[-1], ReceivedMail.objects.get().outcome) == ("delivered", "applied")


@pytest.mark.django_db(transaction=True)
def test_package_that_cannot_be_written_keeps_no_other_waiting(folder: None):
    issue()
    oldest, next_one = packages.request_package(period="2026"), packages.request_package(period="2025")

    with refused_rows("invoicing_archivepackage", "NEW.total_count > 0", on="UPDATE"):
        tasks.build_packages()

    oldest.refresh_from_db()
    next_one.refresh_from_db()
    assert (oldest.state, "nobody foresaw" in oldest.last_error, next_one.state) == ("pending", True, "done")


@pytest.mark.django_db(transaction=True)
def test_package_that_can_never_be_written_is_a_persons_in_the_end(folder: None):
    issue()
    package = packages.request_package(period="2026")

    with refused_rows("invoicing_archivepackage", "NEW.total_count > 0", on="UPDATE"):
        for hours in range(len(ArchivePackage.BACKOFF) + 3):
            with time_machine.travel(timezone.now().replace(microsecond=0) + hours * 2 * ArchivePackage.BACKOFF[-1]):
                tasks.build_packages()

    package.refresh_from_db()
    assert (package.state, package.attempts) == ("failed", len(ArchivePackage.BACKOFF) + 1)
    assert not package.path.exists()


def test_refused_login_at_the_provider_is_no_fault_of_the_invoices(pec: Control):
    invoices = [issue(), issue(), issue()]
    pec.post("/next", smtp={"at": "AUTH", "code": 535, "text": "5.7.8 credenziali errate"})

    tasks.send_due_invoices()
    paused = [(invoice.submission().state, invoice.submission().attempts) for invoice in invoices]
    with time_machine.travel(ChannelPause.objects.get(name="pec").until):
        tasks.send_due_invoices()

    assert (paused, ChannelPause.objects.count()) == ([("pending", 0)] * 3, 0)
    assert [story(invoice)[-1] for invoice in invoices] == ["sent"] * 3
