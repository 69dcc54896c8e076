"""Documents as a person's own data: in the copy with their files, and gone with the account."""

import json
import zipfile
from io import BytesIO
from typing import Any

import pytest

from accounts.documents import services
from accounts.models import CustomerDocument, DocumentVersion, User
from accounts.privacy import exports
from core.privacy import Person
from tests.accounts.documents.papers import CONTENT, NOW, REPORT, files, replace, share, upload
from tests.accounts.life import erase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def archive_of(user: User) -> zipfile.ZipFile:
    file = BytesIO()
    exports.write_export(file, Person.of(user))
    return zipfile.ZipFile(file)


def test_copy_holds_rows_and_files_of_both_directions(customer: Any, staff: Any, stranger: Any):
    sent, delivered = upload(customer), share(customer, staff)
    replace(delivered, staff, b"Due.")
    upload(stranger, "cedro.txt", b"Il segreto del cedro.")

    archive = archive_of(customer)

    contents = {name: archive.read(name) for name in archive.namelist() if name.startswith("files/documents/")}
    assert contents == {
        f"files/documents/{sent.reference}/1-organigramma.txt": CONTENT,
        f"files/documents/{delivered.reference}/1-rapporto.txt": REPORT,
        f"files/documents/{delivered.reference}/2-rapporto.txt": b"Due.",
    }
    rows = json.loads(archive.read("data/accounts-customerdocument.json"))
    assert [(row["reference"], row["origin"]) for row in rows] == [
        (str(sent.reference), "upload"), (str(delivered.reference), "deliverable"),
    ]  # fmt: skip


def test_what_was_delivered_by_mistake_is_not_in_the_copy(customer: Any, staff: Any):
    document = share(customer, staff, "Rapporto di un altro")
    services.withdraw_document(document=document, actor=staff, now=NOW)

    archive = archive_of(customer)

    assert json.loads(archive.read("data/accounts-customerdocument.json")) == []
    assert [name for name in archive.namelist() if name.startswith("files/")] == []


def test_missing_file_does_not_keep_anybody_from_their_copy(customer: Any):
    upload(customer)
    files()[0].unlink()

    assert archive_of(customer).testzip() is None


def test_erasure_takes_rows_and_files_and_nobody_elses(
    customer: Any, staff: Any, stranger: Any, django_capture_on_commit_callbacks: Any
):
    upload(customer)
    share(customer, staff)
    withdrawn = share(customer, staff, "Registro")
    services.withdraw_document(document=withdrawn, actor=staff, now=NOW)
    kept = upload(stranger)

    with django_capture_on_commit_callbacks(execute=True):
        erase(customer)

    assert list(CustomerDocument.objects.all()) == [kept]
    assert (DocumentVersion.objects.count(), files()) == (1, [kept.newest().path])
