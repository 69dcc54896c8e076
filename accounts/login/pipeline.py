"""The one way from a first factor to a session, for pages and API alike.

`begin` stands after the right password: it says that all is proved, or hands out a pending login, which `verify_code`
turns into a proof. Nothing else may open a session.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.login import devices, throttle, tokens
from accounts.login.origin import Origin
from accounts.login.sessions import Proof
from accounts.mfa import backup_codes, totp
from accounts.models import PendingLogin, User, UserSession
from accounts.notices import tell
from core import audit
from core.errors import DomainError

LIFETIME = timedelta(minutes=5)
Factor = UserSession.SecondFactor


class PendingLoginError(DomainError):
    """A pending login that is unknown, used, too old, or of another program."""

    code = "mfa_token"
    status = 401
    message = _("This sign-in has taken too long. Please begin again with your password.")


class WrongSecondFactorError(DomainError):
    """A code that is wrong or was used before."""

    code = "mfa_code"
    status = 401
    field = "code"
    message = _("This code is not right, or it has been used before.")


class ExpiredCodeError(WrongSecondFactorError):
    """A code that was right half a minute ago."""

    message = _("This code has just expired. Type the one that your app shows now.")


@dataclass(frozen=True)
class Challenge:
    """What has to be proved yet: the token of the pending login, and by what it can be done."""

    token: str
    methods: tuple[str, ...]
    expires_in_s: int = int(LIFETIME.total_seconds())


def second_factors_of(user: User) -> tuple[str, ...]:
    """The second factors that the user has set up; () for none."""
    if not totp.is_enabled(user):
        return ()
    return (Factor.TOTP, Factor.BACKUP_CODE) if backup_codes.count_left(user) else (Factor.TOTP,)


def begin(*, user: User, kind: str, origin: Origin, now: datetime) -> Proof | Challenge:
    """After the first factor: the proof when nothing more is asked for, else the challenge."""
    methods = second_factors_of(user)
    if not methods:
        return Proof()
    if devices.is_trusted(user, origin, now):
        return Proof(second_factor=Factor.TRUSTED_DEVICE)
    token, token_hash = tokens.new_secret()
    PendingLogin.objects.create(
        token_hash=token_hash,
        user=user,
        kind=kind,
        bound_to=_binding(origin),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    return Challenge(token, methods)


def find_pending(*, token: str, kind: str, origin: Origin, now: datetime) -> PendingLogin:
    """The pending login of a token, or `PendingLoginError`."""
    pending = PendingLogin.objects.filter(token_hash=tokens.hash_secret(token)).select_related("user").first()
    if (
        pending is None
        or pending.used_at
        or pending.expires_at <= now
        or (pending.kind, pending.bound_to) != (kind, _binding(origin))
        or not pending.user.is_active
    ):
        raise PendingLoginError
    return pending


def verify_code(*, token: str, kind: str, code: str, origin: Origin, now: datetime) -> tuple[User, Proof]:
    """Use up a pending login with a code of the app or a backup code; the user and what was proved.

    Wrong codes are counted with wrong passwords: five close the account to devices that are not known.
    """
    pending = find_pending(token=token, kind=kind, origin=origin, now=now)
    user = pending.user
    attempt = throttle.take_attempt(email=user.email, origin=origin, now=now)
    method = prove(user=user, code=code, now=now)
    if not method:
        throttle.record_failure(attempt, now=now)
        raise refusal_of(user=user, code=code, now=now)
    if not PendingLogin.objects.filter(pk=pending.pk, used_at=None).update(used_at=now):
        raise PendingLoginError
    attempt.succeed()
    return user, Proof(second_factor=method)


def prove(*, user: User, code: str, now: datetime) -> str:
    """By which factor a code proves the user, "" if by none; the code is used up."""
    code = "".join(code.split())
    if code.isdigit():
        return Factor.TOTP if totp.verify(user=user, code=code, now=now) else ""
    if not backup_codes.verify(user=user, code=code, now=now):
        return ""
    with transaction.atomic():
        audit.record(action="user.backup_code_used", target=user, actor=user)
        tell(user, "backup_code_used", left=backup_codes.count_left(user))
    return Factor.BACKUP_CODE


def refusal_of(*, user: User, code: str, now: datetime) -> WrongSecondFactorError:
    """What to say of a code that proves nothing."""
    if totp.has_just_expired(user=user, code=code.strip(), now=now):
        return ExpiredCodeError()
    return WrongSecondFactorError()


def _binding(origin: Origin) -> str:
    # the program alone: a phone changes its network within five minutes, and the token is a secret anyway
    return tokens.hash_secret(origin.user_agent)
