"""What we deliver: told to its customer, unread until it is opened, in versions, and taken back for good."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.documents import services
from accounts.documents.services import DocumentGoneError, FileMissingError
from accounts.models import CustomerDocument, DocumentVersion, User
from core.errors import DomainError
from core.models import AuditEntry
from core.uploads import UploadRefusedError
from notifications.models import Mail
from tests.accounts.documents.papers import NOW, REPORT, files, fresh, paper, replace, share, upload
from tests.factories import make_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
LATER = NOW + timedelta(days=1)


def acts(document: CustomerDocument) -> list[tuple[str, Any, dict[str, Any]]]:
    target = f"accounts.customerdocument:{document.pk}"
    entries = AuditEntry.objects.filter(target=target).order_by("pk")
    return [(entry.action.partition(".")[2], entry.actor, entry.detail) for entry in entries]


def test_delivery_is_kept_recorded_and_mailed_without_its_file(customer: Any, staff: Any, settings: Any):
    settings.SITE_URL = "https://hub.example"
    order = make_order(customer)
    Mail.objects.all().delete()

    document = share(customer, staff, order_number=f" {order.number.lower()} ", note="A voce domani.")

    mail = Mail.objects.get()
    assert (document.order_number, document.origin, document.is_new) == (order.number, "deliverable", True)
    assert document.newest().path.read_bytes() == REPORT
    assert acts(document) == [("shared", staff, {"version": 1})]
    assert (mail.kind, mail.user, mail.attachments.count()) == ("document_shared", customer, 0)
    assert f"https://hub.example/area/documenti/{document.reference}/\n" in mail.text
    assert document.newest().reference.hex not in mail.text + mail.html


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "a" * 121}, "title"),
        ({"note": "a" * 501}, "note"),
        ({"file": paper("a.exe")}, "file"),
        ({"order_number": "ORD-2026-99999"}, "order_number"),
    ],
)
def test_what_is_wrong_is_named_by_its_field_and_leaves_nothing(
    customer: Any, staff: Any, change: dict[str, Any], field: str
):
    with pytest.raises(DomainError) as refused:
        share(customer, staff, **change)

    assert (refused.value.field, CustomerDocument.objects.count(), files()) == (field, 0, [])
    assert Mail.objects.count() == 0


def test_order_must_be_the_customers_and_theirs_are_named(customer: Any, stranger: Any, staff: Any):
    own, others = make_order(customer), make_order(stranger)

    with pytest.raises(DomainError) as refused:
        share(customer, staff, order_number=others.number)

    assert str(refused.value.message) == f"Questo non è un ordine del cliente. I suoi sono: {own.number}."


def test_only_customers_with_an_account_get_documents(customer: Any, staff: Any):
    User.objects.filter(pk=customer.pk).update(erased_at=NOW)
    customer.refresh_from_db()

    for somebody in (customer, staff):
        with pytest.raises(DomainError) as refused:
            share(somebody, staff)
        assert (refused.value.code, refused.value.field) == ("no_customer", "customer")
    assert files() == []


def test_click_twice_delivers_once_and_mails_once(customer: Any, staff: Any):
    first, second = share(customer, staff), share(customer, staff)

    assert (first, len(files()), Mail.objects.count()) == (second, 1, 1)


def test_new_version_is_new_again_and_the_old_one_stays(customer: Any, staff: Any):
    document = share(customer, staff)
    services.open_file(document=document, number=1, actor=customer, now=NOW)

    replace(document, staff, b"Rapporto, seconda stesura.", now=LATER)

    document = fresh(document)
    assert (document.is_new, document.changed_at, document.created_at) == (True, LATER, NOW)
    assert [version.number for version in document.versions.order_by("number")] == [1, 2]
    first = services.open_file(document=document, number=1, actor=customer, now=LATER)
    assert first.path.read_bytes() == REPORT
    subjects = Mail.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == ["Un documento per te: Rapporto NIS2", "Una nuova versione di “Rapporto NIS2”"]


def test_version_that_is_there_already_is_refused(customer: Any, staff: Any):
    document = share(customer, staff)

    with pytest.raises(UploadRefusedError) as refused:
        replace(document, staff, REPORT)

    assert (refused.value.code, refused.value.field) == ("document_same", "file")
    assert (DocumentVersion.objects.count(), len(files()), Mail.objects.count()) == (1, 1, 1)


def test_opening_marks_it_read_once(customer: Any, staff: Any):
    document = share(customer, staff)

    services.mark_opened(document=document, actor=staff, now=NOW)
    by_staff = fresh(document).opened_at
    for now in (NOW, LATER):
        services.mark_opened(document=fresh(document), actor=customer, now=now)

    assert (by_staff, fresh(document).opened_at) == (None, NOW)
    assert CustomerDocument.objects.unread().count() == 0


def test_page_read_before_a_new_version_came_leaves_that_unread(customer: Any, staff: Any):
    document = share(customer, staff)
    replace(document, staff, b"Due.", now=LATER)

    services.mark_opened(document=document, actor=customer, now=LATER)  # as it was before the second version

    assert fresh(document).is_new


def test_each_download_is_recorded_with_who_and_which(customer: Any, staff: Any):
    document = share(customer, staff)
    replace(document, staff, b"Due.")

    services.open_file(document=document, number=2, actor=customer, now=NOW)
    services.open_file(document=document, number=1, actor=staff, now=NOW)

    assert acts(document)[2:] == [("downloaded", customer, {"version": 2}), ("downloaded", staff, {"version": 1})]
    assert services.open_file(document=document, number=3, actor=customer, now=NOW) is None
    assert len(acts(document)) == 4


def test_what_is_taken_back_is_gone_with_every_file(customer: Any, staff: Any, django_capture_on_commit_callbacks: Any):
    document = share(customer, staff)
    replace(document, staff, b"Due.")

    with django_capture_on_commit_callbacks(execute=True):
        services.withdraw_document(document=document, actor=staff, now=LATER)

    assert (fresh(document).withdrawn_at, document.versions.count(), files()) == (LATER, 2, [])
    assert acts(document)[-1] == ("withdrawn", staff, {})
    assert list(CustomerDocument.objects.visible_to(customer)) == list(CustomerDocument.objects.unread()) == []
    for act in (
        lambda: services.withdraw_document(document=document, actor=staff, now=LATER),
        lambda: replace(document, staff, b"Tre."),
        lambda: services.open_file(document=document, number=1, actor=customer, now=LATER),
    ):
        with pytest.raises(DocumentGoneError):
            act()
    assert files() == []


def test_what_was_taken_back_can_be_delivered_anew(customer: Any, staff: Any):
    document = share(customer, staff)
    services.withdraw_document(document=document, actor=staff, now=NOW)

    assert share(customer, staff) != document


def test_upload_is_not_taken_back_and_a_delivery_not_deleted(customer: Any, staff: Any):
    with pytest.raises(DocumentGoneError):
        services.withdraw_document(document=upload(customer), actor=staff, now=NOW)
    with pytest.raises(DocumentGoneError):
        services.delete_upload(document=share(customer, staff), actor=customer)

    assert len(files()) == 2


def test_file_that_is_missing_is_noted_and_neither_read_nor_downloaded(customer: Any, staff: Any):
    document = share(customer, staff)
    document.newest().path.unlink()

    with pytest.raises(FileMissingError):
        services.open_file(document=document, number=1, actor=customer, now=LATER)

    assert (fresh(document).is_new, document.versions.get().missing_since) == (True, LATER)
    assert [act for act, _actor, _detail in acts(document)] == ["shared"]
