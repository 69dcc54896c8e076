"""What an account knows of its person, and how it is made a number without one."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.documents.services import forget_documents
from accounts.login.sessions import forget_stored_sessions
from accounts.models import (
    AccountErasure,
    BackupCode,
    BillingProfile,
    CustomerDocument,
    DataExport,
    DocumentVersion,
    EmailToken,
    KnownDevice,
    LinkRequest,
    PendingLogin,
    RefreshToken,
    User,
    UserSession,
)
from accounts.privacy.erasure import forget_files
from core.privacy import QUEUE_COLUMNS, Blocker, DataCategory, File, Outcome, Person, Table, same

_ACCOUNT = DataCategory(
    _("Name, e-mail address and password"),
    Outcome.ANONYMISED,
    _("A number stays, without name or address, for the orders that must be kept. You can register again at any time."),
)
_PROFILE = DataCategory(_("Billing details"), Outcome.ERASED, _("Those of issued invoices stay on the invoices."))
_ACCESS = DataCategory(
    _("Sessions, access keys and mailed links"), Outcome.ERASED, _("Every device is signed out at once.")
)
_EXPORTS = DataCategory(_("Copies of your data"), Outcome.ERASED, _("The files too, if they have not expired yet."))
_ERASURES = DataCategory(
    _("That you asked for the deletion"), Outcome.KEPT, _("Dates alone, to prove that we did it (GDPR, article 5(2)).")
)
_DOCUMENTS = DataCategory(
    _("Documents you sent us and we delivered"), Outcome.ERASED, _("With their files: download first what you need.")
)


def _rows_of(model: Any, path: str = "user") -> Any:
    return lambda person: model.objects.filter(**{path: person.user})


def _documents(person: Person) -> QuerySet[CustomerDocument]:
    """Without those taken back: one that was delivered by mistake may be about somebody else."""
    return CustomerDocument.objects.filter(customer=person.user, withdrawn_at=None)


def _versions(person: Person) -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.filter(document__in=_documents(person))


def _document_files(person: Person) -> Iterator[File]:
    for version in _versions(person).select_related("document").order_by("pk"):
        if version.path.exists():
            name = f"documents/{version.document.reference}/{version.number}-{version.name}"
            yield File(name, version.path.read_bytes)


TABLES = (
    Table(
        model="accounts.User",
        category=_ACCOUNT,
        rows=lambda person: User.objects.filter(pk=person.user.pk),
        columns=same(
            "email",
            "first_name",
            "last_name",
            "role",
            "language",
            "is_active",
            "email_verified_at",
            "date_joined",
            "last_login",
        ),
        left_out={"id": "a number of ours", "password": "a hash", "erased_at": "empty as long as there is a person"},
    ),
    Table(
        model="accounts.BillingProfile",
        category=_PROFILE,
        rows=_rows_of(BillingProfile),
        columns=same(*BillingProfile.FISCAL_FIELDS, "updated_at"),
        left_out={"id": "a number of ours", "user": "the person"},
    ),
    Table(
        model="accounts.UserSession",
        category=_ACCESS,
        rows=_rows_of(UserSession),
        columns=same(
            "kind",
            "created_at",
            "last_used_at",
            "authenticated_at",
            "second_factor",
            "idle_end_at",
            "absolute_end_at",
            "ended_at",
            "end_reason",
            "network",
            "user_agent",
        ),
        left_out={"id": "named by access keys", "user": "the person", "session_key": "a secret"},
    ),
    Table(
        model="accounts.RefreshToken",
        category=_ACCESS,
        rows=_rows_of(RefreshToken, "session__user"),
        columns=same("created_at", "used_at"),
        left_out={
            "id": "a number of ours",
            "session": "named by access keys",
            "token_hash": "a hash of a secret",
            "used_by": "a hash of network and program",
        },
    ),
    Table(
        model="accounts.KnownDevice",
        category=_ACCESS,
        rows=_rows_of(KnownDevice),
        columns=same("created_at", "last_seen_at", "trusted_until", "network", "user_agent"),
        left_out={"id": "a number of ours", "user": "the person", "secret_hash": "a hash of a secret"},
    ),
    Table(
        model="accounts.PendingLogin",
        category=_ACCESS,
        rows=_rows_of(PendingLogin),
        columns=same("kind", "created_at", "expires_at", "used_at"),
        left_out={
            "id": "a number of ours",
            "user": "the person",
            "token_hash": "a hash of a secret",
            "bound_to": "a hash of the program",
        },
    ),
    Table(
        model="accounts.BackupCode",
        category=_ACCESS,
        rows=_rows_of(BackupCode),
        columns=same("created_at", "used_at"),
        left_out={
            "id": "a number of ours",
            "user": "the person",
            "prefix": "a part of a secret",
            "code_hash": "a hash of a secret",
        },
    ),
    Table(
        model="otp_totp.TOTPDevice",
        category=_ACCESS,
        rows=_rows_of(TOTPDevice),
        columns=same("created_at", "last_used_at", "confirmed"),
        left_out={
            "id": "a number of ours",
            "user": "the person",
            "key": "a secret",
            **dict.fromkeys(("name", "step", "t0", "digits", "tolerance", "drift", "last_t"), "how codes are reckoned"),
            **dict.fromkeys(("throttling_failure_timestamp", "throttling_failure_count"), "not used"),
        },
    ),
    Table(
        model="accounts.EmailToken",
        category=_ACCESS,
        rows=_rows_of(EmailToken),
        columns=same("purpose", "created_at", "expires_at", "used_at"),
        left_out={"id": "a number of ours", "user": "the person", "token_hash": "a hash of a secret"},
    ),
    Table(
        model="accounts.DataExport",
        category=_EXPORTS,
        rows=_rows_of(DataExport),
        columns=same("requested_at"),
        left_out={
            "id": "a number of ours",
            "reference": "opens the file",
            "user": "the person",
            **QUEUE_COLUMNS,
            "state": "how the building went: it is going on",
            "ready_at": "how the building went: it is going on",
            "expires_at": "how the building went: it is going on",
            "size": "how the building went: it is going on",
        },
    ),
    Table(
        model="accounts.AccountErasure",
        category=_ERASURES,
        rows=_rows_of(AccountErasure),
        columns=same("state", "confirmed_at", "due_at", "ended_at"),
        left_out={
            **QUEUE_COLUMNS,
            "id": "a number of ours",
            "user": "the person",
            "blocked_told_at": "when a mail was sent",
        },
    ),
    Table(
        model="accounts.CustomerDocument",
        category=_DOCUMENTS,
        rows=_documents,
        columns=same("reference", "origin", "title", "note", "order_number", "created_at", "changed_at", "opened_at"),
        left_out={
            "id": "a number of ours",
            "customer": "the person",
            "withdrawn_at": "empty: those taken back are not the person’s",
        },
    ),
    Table(
        model="accounts.DocumentVersion",
        category=_DOCUMENTS,
        rows=_versions,
        columns={"document": "document__reference", "version": "number"}
        | same("name", "kind", "size", "sha256", "added_at"),
        left_out={
            "id": "a number of ours",
            "reference": "where the file lies; the file is in the export",
            "added_by": "the person, or somebody of ours",
            "missing_since": "how our storage went",
        },
        files=_document_files,
    ),
)
NOT_PERSONAL = {"admin.LogEntry": "Django’s own log, which stays empty: the back office writes the audit trail alone"}


def blockers(person: Person, _now: datetime) -> Iterable[Blocker]:
    """Nobody of the staff disappears by their own click."""
    if person.user.is_staff:
        yield Blocker(_("This account belongs to our staff: it is closed by an administrator."))


def erase(person: Person, now: datetime) -> None:
    """Take everything from the account but its number; a password that nobody knows and an address that is none."""
    user = person.user
    forget_stored_sessions(user)
    forget_files(list(DataExport.objects.filter(user=user)))
    forget_documents(user)
    LinkRequest.objects.filter(email=person.email).delete()
    for model in (
        EmailToken, BillingProfile, UserSession, KnownDevice, PendingLogin, BackupCode, TOTPDevice, DataExport,
    ):  # fmt: skip
        model.objects.filter(user=user).delete()
    waiting = AccountErasure.objects.open().filter(user=user).exclude(state=AccountErasure.State.RUNNING)
    waiting.update(state=AccountErasure.State.DONE, ended_at=now, next_try_at=None)  # a worker ends the one it has
    user.email = f"erased-{user.pk}@erased.invalid"
    user.first_name = user.last_name = ""
    user.password = make_password(None)
    user.is_active, user.email_verified_at, user.last_login, user.erased_at = False, None, None, now
    user.save()
