"""Rows of invoicing that wait for work: each is worked by itself, whatever becomes of the others."""

import base64
from pathlib import Path
from typing import Any

import pytest

from invoicing import packages, tasks
from invoicing.models import ArchivePackage, Mailbox, ReceivedMail
from tests.conftest import Control
from tests.database import refuse_rows
from tests.invoicing.flow import Post, issue, on_its_way, story
from tests.waiting import until

pytestmark = pytest.mark.django_db


def test_error_on_the_oldest_invoice_leaves_the_next_one_on_its_way(pec: Control):
    oldest, next_one = issue(), issue()
    refuse_rows("invoicing_pecmessage", f"NEW.file_id = {oldest.current_file().pk}")

    tasks.send_due_invoices()

    assert (story(oldest), story(next_one)) == (["issued"], ["issued", "sending", "sent"])


def test_mail_that_cannot_be_applied_keeps_no_other_from_being_read(pec: Control, post: Post):
    first, second = on_its_way(issue()), on_its_way(issue())
    refuse_rows("invoicing_invoiceevent", f"NEW.invoice_id = {first.file.invoice_id} AND NEW.state = 'rejected'")
    for message, kind in ((first, "NS"), (second, "RC")):
        put_into_mailbox(pec, post.sdi(message.file, kind))

    until(lambda: tasks.read_pec_mailbox() or ReceivedMail.objects.count() == 2)

    mails = {mail.subject.split()[-1][-13:-10]: mail for mail in ReceivedMail.objects.all()}
    assert (story(first.file.invoice), story(second.file.invoice)[-1]) == (["issued", "sending", "sent"], "delivered")
    assert len(mails) == 2
    assert Mailbox.objects.get().last_error == ""


def put_into_mailbox(pec: Control, raw: bytes) -> None:
    pec.post("/mail", raw=base64.b64encode(raw).decode(), certified=False)


def test_package_that_cannot_be_written_is_put_off_and_then_given_up(settings: Any, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    package = packages.request_package(period="2026")
    issue()
    refuse_rows("invoicing_archivepackage", "NEW.total_count > 0", on="UPDATE")

    tasks.build_packages()

    package.refresh_from_db()
    assert (package.state, package.last_error != "") == ("pending", True)


def test_package_that_cannot_be_written_keeps_no_other_waiting(settings: Any, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    issue()
    _oldest, next_one = packages.request_package(period="2026"), packages.request_package(period="2025")
    refuse_rows("invoicing_archivepackage", "NEW.total_count > 0", on="UPDATE")

    tasks.build_packages()

    assert ArchivePackage.objects.get(pk=next_one.pk).state == "done"
