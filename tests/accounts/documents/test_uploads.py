"""What a customer sends: kept once, within limits, whole, and told to staff."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.documents import services, storage
from accounts.documents.services import Addition, DocumentOpenedError, upload_document
from accounts.models import CustomerDocument, DocumentVersion, User
from core.errors import DomainError
from core.models import AuditEntry
from core.uploads import UploadRefusedError
from notifications.models import Mail
from tests.accounts.documents.papers import CONTENT, NOW, files, fresh, paper, share, upload
from tests.core.test_uploads import make_png, make_zip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
STAFF = "ufficio@aish.example"


def test_upload_is_kept_with_what_is_known_of_it(customer: Any):
    addition = upload_document(
        customer=customer, file=paper("C:\\dati\\Perché \u202e.TXT"), note=" Il nostro organigramma. ", now=NOW
    )

    document = CustomerDocument.objects.get()
    version = document.versions.get()
    assert addition == Addition(document, is_new=True)
    assert (document.customer, document.origin, document.title) == (customer, "upload", "Perché _.txt")
    assert (document.note, document.created_at, document.opened_at) == ("Il nostro organigramma.", NOW, None)
    assert (version.number, version.kind, version.size, version.added_by) == (1, "txt", len(CONTENT), customer)
    assert (version.path.read_bytes(), files()) == (CONTENT, [version.path])


def test_file_lies_under_a_name_that_nobody_chose_and_for_us_alone(customer: Any):
    document = upload(customer)

    path = document.newest().path
    assert path.parts[-3:] == ("documents", path.name[:2], document.newest().reference.hex)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_upload_is_recorded_by_numbers_alone(customer: Any):
    document = upload(customer, "Ferrante.txt")

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.detail) == ("customerdocument.uploaded", customer, {"version": 1})
    assert entry.target == f"accounts.customerdocument:{document.pk}"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.exe", b"MZ", "file_kind"),
        ("a.pdf", b"MZ", "file_content"),
        ("a.txt", b"", "file_empty"),
        ("a.txt", b"a" * (1024 * 1024 + 1), "file_size"),
        ("a.png", make_png(65_535, 65_535), "file_pixels"),
        ("a.docx", make_zip("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "file_macros"),
        ("a.docx", make_zip("[Content_Types].xml", "word/document.xml", content=bytes(51 * 1024**2)), "file_bomb"),
        ("a.png", make_png(1, 1) + make_zip("Evil.class"), "file_polyglot"),
    ],
)
def test_file_that_is_not_taken_leaves_nothing(customer: Any, settings: Any, name: str, content: bytes, code: str):
    settings.MAX_UPLOAD_SIZE_MB = 1

    with pytest.raises(UploadRefusedError) as refused:
        upload(customer, name, content)

    assert (refused.value.code, refused.value.field) == (code, "file")
    assert (CustomerDocument.objects.count(), AuditEntry.objects.count(), files()) == (0, 0, [])


def test_note_without_end_is_refused_by_its_field(customer: Any):
    with pytest.raises(DomainError) as refused:
        upload(customer, note="a" * 501)

    assert (refused.value.code, refused.value.field, files()) == ("text_too_long", "note", [])


def test_same_file_again_is_kept_once_and_its_copy_goes(customer: Any):
    first = upload(customer)

    addition = upload_document(customer=customer, file=paper(), note="", now=NOW + timedelta(days=1))

    assert addition == Addition(first, is_new=False)
    assert (DocumentVersion.objects.count(), files()) == (1, [first.newest().path])


def test_same_content_under_another_name_or_from_somebody_else_is_another_file(customer: Any, stranger: Any):
    upload(customer)
    upload(customer, "copia.txt")
    upload(stranger)

    assert (DocumentVersion.objects.count(), len(files())) == (3, 3)


def test_file_beyond_the_number_is_refused_with_the_way_out(customer: Any, stranger: Any, settings: Any):
    settings.DOCUMENTS_MAX_FILES = 2
    upload(customer, "a.txt")
    upload(customer, "b.txt")

    with pytest.raises(UploadRefusedError) as refused:
        upload(customer, "c.txt")

    assert (refused.value.code, refused.value.field, len(files())) == ("documents_full", "file", 2)
    assert str(refused.value.message) == (
        "Avete inviato 2 file, il massimo per cui c’è posto. Eliminatene qualcuno che non abbiamo ancora aperto, "
        "oppure scriveteci."
    )
    upload(stranger, "c.txt")  # somebody else's limit is their own


def test_bytes_are_counted_to_the_last_one(customer: Any, settings: Any):
    settings.DOCUMENTS_MAX_MB = 1
    upload(customer, "a.txt", b"a" * 1_000_000)
    upload(customer, "b.txt", b"b" * (1024 * 1024 - 1_000_000))

    with pytest.raises(UploadRefusedError) as refused:
        upload(customer, "c.txt", b"c")

    assert (refused.value.code, DocumentVersion.objects.count(), len(files())) == ("documents_full", 2, 2)


def test_what_we_deliver_takes_no_room_of_the_customers(customer: Any, staff: Any, settings: Any):
    settings.DOCUMENTS_MAX_FILES = 1
    share(customer, staff)

    upload(customer)

    assert services.usage_of(customer) == services.Usage(1, len(CONTENT))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_same", [True, False], ids=["a double click", "two at the limit"])
def test_two_at_once_are_as_one_after_the_other(customer: Any, settings: Any, is_same: bool):
    settings.DOCUMENTS_MAX_FILES = 1

    def send(number: int) -> str:
        try:
            return str(upload(customer, f"{0 if is_same else number}.txt").pk)
        except DomainError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(send, range(6)))

    document = CustomerDocument.objects.get()
    assert results == ([str(document.pk)] * 6 if is_same else [str(document.pk), *["documents_full"] * 5])
    assert files() == [document.newest().path]


def test_staff_are_told_once_an_hour_and_by_a_list(customer: Any, stranger: Any, settings: Any):
    settings.STAFF_EMAIL, settings.SITE_URL = STAFF, "https://hub.example"
    for name, minutes in (("a.txt", 0), ("b.txt", 59), ("c.txt", 120)):
        upload(customer, name, now=NOW + timedelta(minutes=minutes))
    upload(stranger)

    mails = Mail.objects.filter(kind="document_uploaded").order_by("pk")

    page = "https://hub.example/admin/accounts/customerdocument/?customer__id__exact="
    assert [mail.to_email for mail in mails] == [STAFF] * 3
    senders = (customer, customer, stranger)
    assert [f"{page}{who.pk}\n" in mail.text for mail, who in zip(mails, senders, strict=True)] == [True] * 3
    assert [word for mail in mails for word in ("Ferrante", "Altro", "a.txt") if word in mail.text + mail.html] == []


def test_without_an_address_of_the_staff_nobody_is_told(customer: Any):
    upload(customer)

    assert Mail.objects.count() == 0


def test_customer_deletes_what_nobody_has_opened(customer: Any, django_capture_on_commit_callbacks: Any):
    document = upload(customer)

    with django_capture_on_commit_callbacks(execute=True):
        services.delete_upload(document=document, actor=customer)

    assert (CustomerDocument.objects.count(), files()) == (0, [])
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.actor) == ("customerdocument.deleted", customer)


def test_what_staff_have_opened_only_staff_delete(customer: Any, staff: Any, django_capture_on_commit_callbacks: Any):
    document = upload(customer)
    services.open_file(document=document, number=1, actor=staff, now=NOW)

    with pytest.raises(DocumentOpenedError):
        services.delete_upload(document=document, actor=customer)
    still_there = (fresh(document).opened_at, len(files()))
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_upload(document=document, actor=staff)

    assert still_there == (NOW, 1)
    assert (CustomerDocument.objects.count(), files()) == (0, [])


def test_customers_own_look_does_not_count_as_ours(customer: Any):
    document = upload(customer)

    services.open_file(document=document, number=1, actor=customer, now=NOW)

    assert fresh(document).may_be_deleted


def test_erased_account_takes_nothing_more(customer: Any):
    User.objects.filter(pk=customer.pk).update(erased_at=NOW)

    with pytest.raises(DomainError) as refused:
        upload(customer)

    assert (refused.value.code, files()) == ("erased", [])


def test_full_disk_says_so_and_keeps_nothing(customer: Any, folder: Path):
    (folder.parent / "documents").write_text("no folder")  # as a disk that takes no file

    with pytest.raises(storage.StorageFailedError) as refused:
        upload(customer)

    assert (refused.value.status, refused.value.field, CustomerDocument.objects.count()) == (503, "file", 0)
