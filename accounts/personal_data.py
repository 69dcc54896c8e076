"""What an account knows of its person, and how it is made a number without one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from accounts.models import AccountErasure, ApiSession, BillingProfile, DataExport, EmailToken, RefreshToken, User
from accounts.privacy.erasure import forget_files, forget_sessions
from core.privacy import QUEUE_COLUMNS, Blocker, DataCategory, Outcome, Person, Table, same

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


def _rows_of(model: Any, path: str = "user") -> Any:
    return lambda person: model.objects.filter(**{path: person.user})


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
        model="accounts.ApiSession",
        category=_ACCESS,
        rows=_rows_of(ApiSession),
        columns=same("created_at", "last_used_at", "expires_at", "revoked_at", "revoked_reason", "ip", "user_agent"),
        left_out={"id": "named by access keys", "user": "the person"},
    ),
    Table(
        model="accounts.RefreshToken",
        category=_ACCESS,
        rows=_rows_of(RefreshToken, "session__user"),
        columns=same("created_at", "expires_at", "used_at"),
        left_out={"id": "a number of ours", "session": "named by access keys", "token_hash": "a hash of a secret"},
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
)
NOT_PERSONAL = {"admin.LogEntry": "Django’s own log, which stays empty: the back office writes the audit trail alone"}


def blockers(person: Person, _now: datetime) -> Iterable[Blocker]:
    """Nobody of the staff disappears by their own click."""
    if person.user.is_staff:
        yield Blocker(_("This account belongs to our staff: it is closed by an administrator."))


def erase(person: Person, now: datetime) -> None:
    """Take everything from the account but its number; a password that nobody knows and an address that is none."""
    user = person.user
    forget_sessions(user)
    forget_files(list(DataExport.objects.filter(user=user)))
    for model in (EmailToken, BillingProfile, ApiSession, DataExport):
        model.objects.filter(user=user).delete()
    waiting = AccountErasure.objects.open().filter(user=user).exclude(state=AccountErasure.State.RUNNING)
    waiting.update(state=AccountErasure.State.DONE, ended_at=now, next_try_at=None)  # a worker ends the one it has
    user.email = f"erased-{user.pk}@erased.invalid"
    user.first_name = user.last_name = ""
    user.password = make_password(None)
    user.is_active, user.email_verified_at, user.last_login, user.erased_at = False, None, None, now
    user.save()
