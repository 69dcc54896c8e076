"""Turning the second factor on and off, and its backup codes; each act ends the sessions that knew less."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.login import devices, sessions
from accounts.mfa import backup_codes, totp
from accounts.models import User, UserSession
from accounts.notices import tell
from core import audit
from core.errors import DomainError

Factor = UserSession.SecondFactor


class SecondFactorRequiredError(DomainError):
    """Staff cannot do without."""

    code = "second_factor_required"
    status = 403
    message = _("For our staff a second factor is obligatory: it cannot be turned off, only set up anew.")


class NotEnabledError(DomainError):
    """There is no second factor to do this with."""

    code = "not_enabled"
    message = _("No authenticator app is set up for this account.")


@dataclass(frozen=True)
class Status:
    """What a person has set up."""

    totp: bool
    backup_codes_left: int


def status_of(user: User) -> Status:
    """What the user has set up."""
    return Status(totp.is_enabled(user), backup_codes.count_left(user))


@transaction.atomic
def enable_totp(*, user: User, code: str, now: datetime) -> list[str]:
    """Turn the authenticator app on with its first code; returns the backup codes, which are shown once.

    The session in hand counts as proved by it; all others end, as they were opened without.
    """
    totp.confirm_setup(user=user, code=code, now=now)
    codes = backup_codes.renew(user=user, now=now)
    _raise_session(user, now)
    sessions.end_sessions(user=user, reason=UserSession.EndReason.SECOND_FACTOR, now=now, but=user.session)
    audit.record(action="user.second_factor_on", target=user, actor=user)
    tell(user, "second_factor_on")
    return codes


@transaction.atomic
def disable_totp(*, user: User, now: datetime) -> None:
    """Turn the app off, with its codes and every trusted device; whoever calls has checked password and code."""
    if user.is_staff:
        raise SecondFactorRequiredError
    if not totp.is_enabled(user):
        raise NotEnabledError
    remove_second_factor(user=user, now=now)
    audit.record(action="user.second_factor_off", target=user, actor=user)
    tell(user, "second_factor_off")


@transaction.atomic
def remove_second_factor(*, user: User, now: datetime) -> None:
    """Take away app, codes and trust, and end every session but the one in hand."""
    totp.remove(user=user)
    backup_codes.remove(user=user)
    devices.distrust_all(user)
    sessions.end_sessions(user=user, reason=UserSession.EndReason.SECOND_FACTOR, now=now, but=user.session)


@transaction.atomic
def renew_backup_codes(*, user: User, now: datetime) -> list[str]:
    """New codes; whoever calls has checked a code of the app."""
    if not totp.is_enabled(user):
        raise NotEnabledError
    codes = backup_codes.renew(user=user, now=now)
    audit.record(action="user.backup_codes_renewed", target=user, actor=user)
    tell(user, "backup_codes_new")
    return codes


def _raise_session(user: User, now: datetime) -> None:
    session = user.session
    if session is None:
        return
    session.second_factor, session.authenticated_at = Factor.TOTP, now
    session.save(update_fields=["second_factor", "authenticated_at"])
