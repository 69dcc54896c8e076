"""Sending, delivering, replacing, withdrawing and opening documents."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, TypeAlias, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy as _

from accounts.documents import mails, storage
from accounts.documents.orders import clean_order_number
from accounts.models import CustomerDocument, DocumentVersion, User
from core import audit
from core.errors import DomainError, InvalidInputError
from core.text import storable
from core.uploads import UploadRefusedError, clean_name, detect_kind

File: TypeAlias = "UploadedFile[Any]"
_MB = 1024 * 1024


class DocumentOpenedError(DomainError):
    """Staff have opened the upload: they may have begun to work with it."""

    code = "document_opened"
    message = _("We have opened this file already, so it stays. If it must go, write to us and we delete it.")


class DocumentGoneError(DomainError):
    """The document was deleted or withdrawn meanwhile."""

    code = "document_gone"
    message = _("The document is no longer there: it was deleted or withdrawn meanwhile.")


class FileMissingError(DomainError):
    """The row is there and its file is not: our fault, and somebody has to look for it."""

    code = "file_missing"
    status = 404
    message = _("The file is missing on our side. We know of it; write to us if it is urgent.")


@dataclass(frozen=True)
class Addition:
    """A document, and whether it was added just now or was there already: a click twice adds it once."""

    document: CustomerDocument
    is_new: bool


@dataclass(frozen=True)
class Usage:
    """What a customer's uploads come to, and the most they may."""

    file_count: int
    size: int

    @property
    def max_files(self) -> int:
        return settings.DOCUMENTS_MAX_FILES

    @property
    def max_size(self) -> int:
        return settings.DOCUMENTS_MAX_MB * _MB


def usage_of(customer: User) -> Usage:
    """How many files the customer has with us, and how many bytes."""
    uploads = DocumentVersion.objects.uploads_of(customer)
    sums = uploads.aggregate(count=Count("pk"), size=Sum("size", default=0))
    return Usage(sums["count"], sums["size"])


def upload_document(*, customer: User, file: File, note: str, now: datetime) -> Addition:
    """Keep a file that the customer sends, and tell staff. The same file under the same name is kept once.

    Raises `UploadRefusedError` for a file that is not taken or finds no room (`usage_of`), always with its field.
    """
    clean_note = _clean(note, field="note", limit=CustomerDocument.MAX_NOTE)
    version = _version_of(file, customer, now)

    def keep() -> Addition:
        _lock_customer(customer)
        twin = DocumentVersion.objects.uploads_of(customer).filter(name=version.name, sha256=version.sha256).first()
        if twin:
            return Addition(twin.document, is_new=False)
        _check_room(usage_of(customer), version.size)
        document = CustomerDocument(customer=customer, origin=CustomerDocument.Origin.UPLOAD, title=version.name)
        document.note = clean_note
        _add(document, version, "uploaded", customer)
        mails.tell_staff(document, now)
        return Addition(document, is_new=True)

    return _keep_with_file(version, file, keep)


def share_document(
    *, customer: User, title: str, note: str, order_number: str, file: File, actor: User, now: datetime
) -> Addition:
    """Deliver a document to a customer, who gets a mail with the way to it. The same one again is delivered once.

    `order_number` is that of an order of theirs, or "". Raises `InvalidInputError` or `UploadRefusedError`, each with
    the field to correct.
    """
    document = CustomerDocument(customer=customer, origin=CustomerDocument.Origin.DELIVERABLE)
    document.title = _clean(title, field="title", limit=CustomerDocument.MAX_TITLE, required=True)
    document.note = _clean(note, field="note", limit=CustomerDocument.MAX_NOTE)
    if customer.is_staff or customer.erased_at:
        raise InvalidInputError(_("Documents go to customers with an account."), code="no_customer", field="customer")
    document.order_number = clean_order_number(customer, order_number)
    version = _version_of(file, actor, now)

    def keep() -> Addition:
        _lock_customer(customer)
        twins = CustomerDocument.objects.visible_to(customer).filter(origin=document.origin, title=document.title)
        twin = twins.filter(order_number=document.order_number, versions__sha256=version.sha256).first()
        if twin:
            return Addition(twin, is_new=False)
        _add(document, version, "shared", actor)
        mails.tell_customer(document, version)
        return Addition(document, is_new=True)

    return _keep_with_file(version, file, keep)


def replace_document(*, document: CustomerDocument, file: File, actor: User, now: datetime) -> DocumentVersion:
    """Deliver a new version; the customer has it as new and gets a mail, the old ones stay downloadable.

    Raises `UploadRefusedError`, also when the file is the one that is there, and `DocumentGoneError`.
    """
    version = _version_of(file, actor, now)

    def keep() -> Addition:
        locked = _lock(document)
        newest = locked.newest()
        if version.sha256 == newest.sha256:
            message = _("This very file is version %(number)d already. Choose the new one.")
            raise UploadRefusedError(message % {"number": newest.number}, code="document_same")
        version.document, version.number = locked, newest.number + 1
        version.save()
        locked.changed_at, locked.opened_at = now, None
        locked.save(update_fields=["changed_at", "opened_at"])
        audit.record(action="customerdocument.replaced", target=locked, actor=actor, version=version.number)
        mails.tell_customer(locked, version)
        return Addition(locked, is_new=True)

    _keep_with_file(version, file, keep)
    return version


@transaction.atomic
def withdraw_document(*, document: CustomerDocument, actor: User, now: datetime) -> None:
    """Take a deliverable back for good: its files are deleted, the rows say what it was and who had opened it."""
    locked = _lock(document)
    if locked.is_upload:
        raise DocumentGoneError
    locked.withdrawn_at = now
    locked.save(update_fields=["withdrawn_at"])
    audit.record(action="customerdocument.withdrawn", target=locked, actor=actor)
    storage.delete(version.path for version in locked.versions.all())


@transaction.atomic
def delete_upload(*, document: CustomerDocument, actor: User) -> None:
    """Delete what a customer has sent, with its file: they themselves as long as staff have not opened it."""
    locked = _lock(document)
    if not locked.is_upload:
        raise DocumentGoneError
    if actor.pk == locked.customer_id and not locked.may_be_deleted:
        raise DocumentOpenedError
    audit.record(action="customerdocument.deleted", target=locked, actor=actor)
    storage.delete(version.path for version in locked.versions.all())
    locked.delete()


def open_file(*, document: CustomerDocument, number: int, actor: User, now: datetime) -> DocumentVersion | None:
    """The version to download, None where there is none of this number; each download is in the audit trail.

    For the other side it is opened with that. Raises `FileMissingError` and `DocumentGoneError`.
    """
    version = document.versions.filter(number=number).first()
    if version is None:
        return None
    with transaction.atomic():
        locked = _lock(document)  # so that nobody deletes in this moment what somebody opens
        is_there = version.path.exists()
        if is_there:
            _mark_opened(locked, actor, now)
            audit.record(action="customerdocument.downloaded", target=locked, actor=actor, version=number)
    if not is_there:
        storage.note_missing(version, now)
        raise FileMissingError
    return version


def mark_opened(*, document: CustomerDocument, actor: User, now: datetime) -> None:
    """The other side has seen it: the customer a deliverable, staff an upload. Once, and nothing else changes."""
    if document.opened_at is None:
        _mark_opened(document, actor, now)


def forget_documents(customer: User) -> None:
    """Delete everything of a customer's, rows and files, in the caller's transaction."""
    versions = list(DocumentVersion.objects.filter(document__customer=customer))
    storage.delete(version.path for version in versions)
    CustomerDocument.objects.filter(customer=customer).delete()


def _mark_opened(document: CustomerDocument, actor: User, now: datetime) -> None:
    is_other_side = (actor.pk == document.customer_id) != document.is_upload
    # not the row as a whole: a newer version of this moment stays unread
    unopened = CustomerDocument.objects.filter(pk=document.pk, opened_at=None, changed_at=document.changed_at)
    if is_other_side and unopened.update(opened_at=now):
        document.opened_at = now


def _version_of(file: File, actor: User, now: datetime) -> DocumentVersion:
    """What is known of a file before it is kept, after the rule for all uploads (core/uploads.py)."""
    name, size = file.name or "", file.size or 0
    kind = detect_kind(cast("BinaryIO", file), name=name, size=size, allowed=settings.ALLOWED_EXTENSIONS)
    return DocumentVersion(name=clean_name(name), kind=kind, size=size, added_by=actor, added_at=now)


def _keep_with_file(version: DocumentVersion, file: File, keep: Callable[[], Addition]) -> Addition:
    """The file first, then its rows by `keep` in one transaction; refused, or there already, the file goes again."""
    version.sha256 = storage.write(cast("BinaryIO", file), version.path)
    try:
        with transaction.atomic():
            addition = keep()
    except DomainError:
        # for no other error: whether a commit that failed was kept, nobody knows. The sweep does
        version.path.unlink(missing_ok=True)
        raise
    if not addition.is_new:
        version.path.unlink(missing_ok=True)
    return addition


def _add(document: CustomerDocument, version: DocumentVersion, verb: str, actor: User) -> None:
    document.created_at = document.changed_at = version.added_at
    document.save()
    version.document = document
    version.save()
    audit.record(action=f"customerdocument.{verb}", target=document, actor=actor, version=version.number)


def _lock_customer(customer: User) -> None:
    """Two at once: the second one waits, and sees what the first has added."""
    locked = User.objects.select_for_update().get(pk=customer.pk)
    if locked.erased_at:
        raise DomainError(_("The account is erased: nothing can be added to it."), code="erased")


def _lock(document: CustomerDocument) -> CustomerDocument:
    locked = CustomerDocument.objects.select_for_update().filter(pk=document.pk, withdrawn_at=None).first()
    if locked is None:
        raise DocumentGoneError
    return locked


def _check_room(usage: Usage, size: int) -> None:
    if usage.file_count >= usage.max_files:
        message = _(
            "You have sent %(count)d files, the most there is room for. Delete some that we have not opened yet, or "
            "write to us."
        )
        raise UploadRefusedError(message % {"count": usage.file_count}, code="documents_full")
    if usage.size + size > usage.max_size:
        message = _(
            "Your files would come to more than %(limit)d MB. Delete some that we have not opened yet, or write to us."
        )
        raise UploadRefusedError(message % {"limit": usage.max_size // _MB}, code="documents_full")


def _clean(text: str, *, field: str, limit: int, required: bool = False) -> str:
    content = storable(text).replace("\r\n", "\n").strip()
    if required and not content:
        raise InvalidInputError(_("Please fill this in."), code="empty", field=field)
    if len(content) > limit:
        message = _("Up to %(max)d characters, please; yours has %(count)d.") % {"max": limit, "count": len(content)}
        raise InvalidInputError(message, code="text_too_long", field=field)
    return content
