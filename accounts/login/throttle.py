"""Five tries in vain close an account to unknown devices for half an hour, then an hour, and so on up to a day.

A try is counted before it is made and given back when it succeeds, so that many at once are no more than five. An
address that nobody has is counted like any other: nothing tells them apart. A device that its owner has signed in with
before has tries of its own, so that a stranger who guesses locks nobody out of it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import links
from accounts.login import devices
from accounts.login.origin import Origin
from accounts.models import EmailToken, LoginThrottle, User
from core.errors import DomainError

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=30)
LONGEST_LOCK = timedelta(days=1)
# After a day without a try everything is as new.
MEMORY = timedelta(days=1)


class AccountLockedError(DomainError):
    """Too many tries in vain; the same words whether the account exists or not."""

    code = "account_locked"
    status = 429
    message = _(
        "Too many wrong tries: signing in from here is closed for a while. If the account is yours, we have sent you a "
        "link that opens it again."
    )

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Attempt:
    """One try that has been counted."""

    key: str
    email: str
    locks: bool  # whether the account is closed unless this one succeeds

    def succeed(self) -> None:
        """Everything was proved: the count begins anew."""
        LoginThrottle.objects.filter(key=self.key).delete()

    @transaction.atomic
    def give_back(self) -> None:
        """The first factor was right, and a second is asked for: what was wrong before still counts."""
        row = LoginThrottle.objects.select_for_update().filter(key=self.key).first()
        if row:
            row.failures = max(0, row.failures - 1)
            row.locked_until = None if row.failures < FREE_TRIES else row.locked_until
            row.save(update_fields=["failures", "locked_until"])


@transaction.atomic
def take_attempt(*, email: str, origin: Origin, now: datetime) -> Attempt:
    """Count one try to sign in as `email`, or raise `AccountLockedError`."""
    email = User.normalise(email)
    device = devices.find_device(email, origin)
    key = _key(email, device.secret_hash if device else "")
    # made or locked in one statement: a success may delete the row at any moment
    LoginThrottle.objects.bulk_create(
        [LoginThrottle(key=key, last_failed_at=now)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["key"],
    )
    row = LoginThrottle.objects.select_for_update().get(key=key)
    if row.locked_until and row.locked_until > now:
        raise AccountLockedError(int((row.locked_until - now).total_seconds()) + 1)
    if now - row.last_failed_at > MEMORY:
        row.failures = 0
    row.failures += 1
    row.last_failed_at = now
    row.locked_until = now + _lock(row.failures) if row.failures >= FREE_TRIES else None
    row.save()
    return Attempt(key, email, row.locked_until is not None)


def record_failure(attempt: Attempt, *, now: datetime) -> None:
    """A try in vain; the one that closes the account has a link mailed that opens it again, if anybody has it."""
    if attempt.locks:
        links.request_link(email=attempt.email, purpose=EmailToken.Purpose.UNLOCK, now=now)


def unlock(*, email: str) -> None:
    """Open an account to unknown devices again."""
    LoginThrottle.objects.filter(key=_key(User.normalise(email), "")).delete()


def _lock(failures: int) -> timedelta:
    doublings = min(failures - FREE_TRIES, 10)
    return min(FIRST_LOCK * (1 << doublings), LONGEST_LOCK)


def _key(email: str, device: str) -> str:
    # keyed: the table must not tell which addresses were tried
    return hmac.new(settings.SECRET_KEY.encode(), f"{email}\n{device}".encode(), hashlib.sha256).hexdigest()
