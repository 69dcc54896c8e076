"""Deleting an account: shown first, confirmed by password and mailed link, carried out a week later.

The link keeps whoever has only an open session, or only the password, from erasing anything; the week gives the owner
time to notice. What is done to the rows is what each app declares (`core.privacy`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts import links
from accounts.login import reauth
from accounts.login.origin import Origin
from accounts.models import AccountErasure, DataExport, EmailToken, User
from accounts.notices import tell
from core import audit, privacy
from core.errors import DomainError, InvalidInputError
from core.privacy import Blocker, Line, Outcome, Person
from core.queue import work_due
from notifications.services import Recipient, notify

# The person is told of a blocker again after this time.
_TELL_AGAIN = timedelta(days=30)
_LOOK_AGAIN = timedelta(hours=1)


class ErasureBlockedError(DomainError):
    """Something has to be settled first; `blockers` tells what."""

    code = "erasure_blocked"

    def __init__(self, blockers: list[Blocker]) -> None:
        super().__init__(" ".join(str(blocker.text) for blocker in blockers))
        self.blockers = blockers


class NothingToCancelError(DomainError):
    """No deletion is waiting."""

    code = "no_erasure"
    message = _("No deletion is waiting: your account stays as it is.")


@dataclass(frozen=True)
class Plan:
    """What erasing would do, and what is in its way."""

    lines: list[Line]
    blockers: list[Blocker]

    @property
    def erased(self) -> list[Line]:
        return [line for line in self.lines if line.category.outcome != Outcome.KEPT]

    @property
    def kept(self) -> list[Line]:
        return [line for line in self.lines if line.category.outcome == Outcome.KEPT]


def plan_for(*, user: User, now: datetime) -> Plan:
    """What erasing the account would do at this moment. Changes nothing."""
    person = Person.of(user)
    return Plan(privacy.lines_about(person), privacy.blockers_for(person, now))


def waiting_erasure(user: User) -> AccountErasure | None:
    """The deletion that is confirmed and not carried out yet."""
    return AccountErasure.objects.open().filter(user=user).first()


def request_erasure(*, user: User, password: str, origin: Origin, now: datetime) -> None:
    """Mail the link that confirms, to whoever knows the password; nothing else happens yet."""
    reauth.check_password(user=user, password=password, origin=origin, now=now)
    _check_blockers(user, now)
    with transaction.atomic():
        links.mail_link(user, EmailToken.Purpose.ERASE, now)
        audit.record(action="user.erasure_requested", target=user, actor=user)


@transaction.atomic
def confirm_erasure(*, user: User, token: str, now: datetime) -> AccountErasure:
    """Begin the week of waiting, with the mailed link of the very account that is signed in."""
    links.use_link(token, EmailToken.Purpose.ERASE, now, user=user)
    locked = User.objects.select_for_update().get(pk=user.pk)
    _check_blockers(locked, now)
    waiting = waiting_erasure(locked)
    if waiting:
        return waiting
    due_at = now + AccountErasure.WAIT
    erasure = AccountErasure.objects.create(user=locked, confirmed_at=now, due_at=due_at, next_try_at=due_at)
    audit.record(action="user.erasure_confirmed", target=locked, actor=locked)
    notify(to=Recipient.of(locked), kind="erasure_scheduled", context={"erasure": erasure})
    return erasure


@transaction.atomic
def cancel_erasure(*, user: User, now: datetime) -> None:
    """Keep the account: a waiting deletion is off, and so is a link that was mailed for one."""
    User.objects.select_for_update().get(pk=user.pk)  # one that is being carried out just now comes first
    EmailToken.objects.filter(user=user, purpose=EmailToken.Purpose.ERASE, used_at=None).update(used_at=now)
    cancelled = {"state": AccountErasure.State.CANCELLED, "ended_at": now, "next_try_at": None, "claim": None}
    if not AccountErasure.objects.open().filter(user=user).update(**cancelled):
        raise NothingToCancelError
    audit.record(action="user.erasure_cancelled", target=user, actor=user)
    tell(user, "erasure_cancelled")


def carry_out_due() -> int:
    """Erase the accounts whose week is over; returns how many were tried."""
    return work_due(AccountErasure.objects.all(), _carry_out)


def _carry_out(erasure: AccountErasure) -> None:
    """What is blocked by now waits, and its owner is told; whoever takes it back in this moment keeps the account."""
    now = timezone.now()
    try:
        with transaction.atomic():
            erase_account(user=erasure.user, now=now)
            erasure.finish(ended_at=now)
    except ErasureBlockedError:
        _tell_blocked(erasure, now)


@transaction.atomic
def erase_account(*, user: User, now: datetime, actor: User | None = None) -> bool:
    """Erase now and for good, all of it or nothing. False when it is erased already.

    Raises `ErasureBlockedError` when something has to be settled first.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.erased_at:
        return False
    plan = plan_for(user=locked, now=now)
    if plan.blockers:
        raise ErasureBlockedError(plan.blockers)
    person, to = Person.of(locked), Recipient(locked.email, locked.get_full_name(), locked.language)
    privacy.erase_rows(person, now)
    audit.record(action="user.erased", target=locked, actor=actor)
    # after the outbox was emptied: this one is purged once it has left (notifications.services.forget_sent)
    notify(to=to, kind="account_erased", context={"kept": plan.kept})
    return True


def erase_as_staff(*, user: User, email: str, actor: User, now: datetime) -> None:
    """Erase at once, for a request that came another way; the address is typed again lest the wrong account goes."""
    if User.normalise(email) != user.email:
        message = _("This is not the address of the account.")
        raise InvalidInputError(message, code="email_differs", field="email")
    if not erase_account(user=user, now=now, actor=actor):
        raise DomainError(_("The account is erased already."), code="erased")


def forget_files(exports: list[DataExport]) -> None:
    """Delete the files of exports once their rows are gone for good; what a crash leaves, the sweep finds."""

    def unlink() -> None:
        for export in exports:
            export.path.unlink(missing_ok=True)

    transaction.on_commit(unlink, robust=True)


def _check_blockers(user: User, now: datetime) -> None:
    blockers = privacy.blockers_for(Person.of(user), now)
    if blockers:
        raise ErasureBlockedError(blockers)


@transaction.atomic
def _tell_blocked(erasure: AccountErasure, now: datetime) -> None:
    if erasure.blocked_told_at and erasure.blocked_told_at > now - _TELL_AGAIN:
        erasure.give_back(now + _LOOK_AGAIN)
        return
    erasure.give_back(now + _LOOK_AGAIN, blocked_told_at=now)
    with translation.override(erasure.user.language):  # their texts are in the language of whoever asks for them
        blockers = privacy.blockers_for(Person.of(erasure.user), now)
    notify(to=Recipient.of(erasure.user), kind="erasure_blocked", context={"blockers": blockers})
