"""Proving once more who you are, before what could take an account away: with the password or a code.

Good for a quarter of an hour in the session that it was done in (ASVS 5.0, 7.5.1).
"""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.login import pipeline, throttle
from accounts.login.origin import Origin
from accounts.models import User, UserSession
from core.errors import DomainError, InvalidInputError

LIFETIME = timedelta(minutes=15)


class ReauthenticationRequiredError(DomainError):
    """The session was opened, or its owner last proved, too long ago."""

    code = "reauthentication_required"
    status = 403
    message = _("Please confirm first that it is you, with your password or a code.")


class WrongPasswordError(InvalidInputError):
    """Not the account's password."""

    code = "password_wrong"
    message = _("The password is not right.")
    field = "password"


def is_recent(user: User, now: datetime) -> bool:
    """Whether the session in hand has been proved lately."""
    return user.session is not None and now - user.session.authenticated_at < LIFETIME


def require_recent(user: User, now: datetime) -> None:
    """Raise `ReauthenticationRequiredError` unless the session in hand has been proved lately."""
    if not is_recent(user, now):
        raise ReauthenticationRequiredError


def check_password(*, user: User, password: str, origin: Origin, now: datetime) -> None:
    """Raise `WrongPasswordError` unless it is right; counted with the tries to sign in.

    Wrong codes before it still count: whoever knows the password alone must not guess on by sending it in between.
    """
    attempt = throttle.take_attempt(email=user.email, origin=origin, now=now)
    if not user.check_password(password):
        throttle.record_failure(attempt, now=now)
        raise WrongPasswordError
    attempt.give_back()


def check_code(*, user: User, code: str, origin: Origin, now: datetime) -> str:
    """By which second factor a code proves the user; `WrongSecondFactorError` if by none. Counted likewise."""
    attempt = throttle.take_attempt(email=user.email, origin=origin, now=now)
    method = pipeline.prove(user=user, code=code, now=now)
    if not method:
        throttle.record_failure(attempt, now=now)
        raise pipeline.refusal_of(user=user, code=code, now=now)
    attempt.succeed()
    return method


def reauthenticate(*, user: User, origin: Origin, now: datetime, password: str = "", code: str = "") -> None:
    """Prove the session in hand again, by password or by code."""
    if password:
        check_password(user=user, password=password, origin=origin, now=now)
    else:
        check_code(user=user, code=code, origin=origin, now=now)
    if user.session is not None:
        UserSession.objects.filter(pk=user.session.pk).update(authenticated_at=now)
        user.session.authenticated_at = now
