"""What happens to accounts: registration, verification, login over the API, passwords, the billing profile.

Answers about an address never tell whether it is known (no enumeration): the owner learns it by mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.checks import clean_identity
from accounts.login import tokens
from accounts.models import ApiSession, BillingProfile, EmailToken, RefreshToken, User
from core import audit, changes
from core.errors import DomainError, InvalidInputError
from core.models import RateBucket
from notifications.services import Recipient, notify


class BadCredentialsError(DomainError):
    """Wrong address or password; the same words for both."""

    code = "bad_credentials"
    status = 401
    message = _("E-mail address or password are not right.")


class EmailNotVerifiedError(DomainError):
    """The password is right, the address is not confirmed yet."""

    code = "email_not_verified"
    status = 403
    message = _("Please confirm your e-mail address first: the link is on its way to you again.")


class LinkExpiredError(InvalidInputError):
    """A mailed link that is unknown, used or too old."""

    code = "link_expired"
    message = _("This link is no longer valid. Please ask for a new one.")


class SessionRevokedError(DomainError):
    """A refresh token that is not good (any more)."""

    code = "session_revoked"
    status = 401
    message = _("This session has ended. Please sign in again.")


class WeakPasswordError(InvalidInputError):
    """A password the rules refuse; `messages` says why."""

    code = "weak_password"

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages), field="password")


@dataclass(frozen=True)
class Device:
    """Where a request comes from, for the list of sessions."""

    ip: str | None
    user_agent: str


def register(*, email: str, password: str, first_name: str, last_name: str, language: str, now: datetime) -> None:
    """Open an account that waits for its address to be confirmed; for a known address, only tell its owner."""
    candidate = User(email=User.normalise(email), first_name=first_name, last_name=last_name, language=language)
    _check_password(password, candidate)
    candidate.set_password(password)  # before looking: known and unknown addresses cost the same
    try:
        with transaction.atomic():
            candidate.save()
            mail_link(candidate, EmailToken.Purpose.VERIFY, now)
            audit.record(action="user.registered", target=candidate, actor=candidate)
    except IntegrityError:
        existing = User.objects.find(email)
        if existing is None:
            raise
        notify(to=Recipient.of(existing), kind="already_registered", context={})


def resend_verification(*, email: str, now: datetime) -> None:
    """Send the verification link again, if there is somebody who waits for it."""
    user = User.objects.find(email)
    if user and user.is_active and user.email_verified_at is None:
        with transaction.atomic():
            mail_link(user, EmailToken.Purpose.VERIFY, now)


@transaction.atomic
def verify_email(*, token: str, now: datetime) -> User:
    """Use up a verification link and return the user whose address is now confirmed."""
    user = use_link(token, EmailToken.Purpose.VERIFY, now)
    if user.email_verified_at is None:
        user.email_verified_at = now
        user.save(update_fields=["email_verified_at"])
        audit.record(action="user.email_verified", target=user, actor=user)
    return user


def check_login(*, request: HttpRequest | None, email: str, password: str, now: datetime) -> User:
    """The user, when address and password are right and the address is confirmed; else a `DomainError`."""
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        raise BadCredentialsError
    if user.email_verified_at is None:
        resend_verification(email=email, now=now)
        raise EmailNotVerifiedError
    return user


def request_password_reset(*, email: str, now: datetime) -> None:
    """Mail a reset link, if the address is known."""
    user = User.objects.find(email)
    if user and user.is_active:
        with transaction.atomic():
            mail_link(user, EmailToken.Purpose.RESET, now)


@transaction.atomic
def reset_password(*, token: str, password: str, now: datetime) -> User:
    """Set a new password by a mailed link and end every session; the link also proves the address."""
    user = use_link(token, EmailToken.Purpose.RESET, now)
    _check_password(password, user)
    user.set_password(password)
    user.email_verified_at = user.email_verified_at or now
    user.save(update_fields=["password", "email_verified_at"])
    end_all_sessions(user=user, reason="password", now=now)
    audit.record(action="user.password_reset", target=user, actor=user)
    notify(to=Recipient.of(user), kind="security_notice", context={"event": "password_changed"})
    return user


def end_all_sessions(*, user: User, reason: str, now: datetime) -> None:
    """End every API session at once. Browser sessions end by themselves: they carry a hash of the password."""
    ApiSession.objects.filter(user=user, revoked_at=None).update(revoked_at=now, revoked_reason=reason)
    EmailToken.objects.filter(user=user, used_at=None).update(used_at=now)


@transaction.atomic
def open_api_session(*, user: User, device: Device, now: datetime) -> tokens.TokenPair:
    """A new API session after a complete login, with its first pair of tokens."""
    expires = now + timedelta(days=settings.JWT_REFRESH_TOKEN_EXPIRE_DAYS)
    session = ApiSession.objects.create(
        user=user, expires_at=expires, last_used_at=now, ip=device.ip, user_agent=device.user_agent[:200]
    )
    audit.record(action="user.api_login", target=user, actor=user)
    return _new_pair(session, now)


def refresh_api_session(*, refresh: str, now: datetime) -> tokens.TokenPair:
    """A new pair for a refresh token never used before. A second use ends the session and warns its owner."""
    token = RefreshToken.objects.filter(token_hash=tokens.hash_secret(refresh)).first()
    if token is None:
        raise SessionRevokedError
    with transaction.atomic():
        # the lock on the session makes its refreshes queue; of two with one token the second finds it used
        session = ApiSession.objects.select_for_update(of=("self",)).select_related("user").get(pk=token.session_id)
        alive = session.revoked_at is None and session.user.is_active
        # no join in this update: PostgreSQL re-checks only the row itself after waiting for a lock
        fresh = alive and RefreshToken.objects.filter(pk=token.pk, used_at=None, expires_at__gt=now).update(used_at=now)
        if fresh:
            session.last_used_at = now
            session.expires_at = now + timedelta(days=settings.JWT_REFRESH_TOKEN_EXPIRE_DAYS)
            session.save(update_fields=["last_used_at", "expires_at"])
            return _new_pair(session, now)
        replayed = alive and RefreshToken.objects.filter(pk=token.pk).exclude(used_at=None).exists()
        if replayed:
            _end_replayed(session, now)
    raise SessionRevokedError


@transaction.atomic
def close_api_session(*, session: ApiSession, now: datetime) -> None:
    """Log out: the access token in hand stops working too."""
    ApiSession.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=now, revoked_reason="logout")
    audit.record(action="user.api_logout", target=session.user, actor=session.user)


def save_billing_profile(*, user: User, values: Mapping[str, str]) -> BillingProfile:
    """Keep a checked fiscal identity for the next order; raises the first `InvalidInputError` it finds."""
    identity, errors = clean_identity(values)
    if errors:
        raise next(iter(errors.values()))
    fields = {name: identity.get(name, "") for name in BillingProfile.FISCAL_FIELDS}
    with transaction.atomic():
        before = BillingProfile.objects.filter(user=user).first() or BillingProfile(user=user)
        values_before = changes.snapshot(before, fields)
        profile, _created = BillingProfile.objects.update_or_create(user=user, defaults=fields)
        difference = changes.between(profile, values_before)
        if difference:
            part = changes.part(profile, "created" if before.pk is None else "changed", difference)
            audit.record(action="user.billing_saved", target=user, actor=user, parts=[part])
    return profile


def clear_expired(*, now: datetime) -> int:
    """Forget links and tokens a month after their end, web sessions and limits (which name people) at once.

    Returns how many rows went.
    """
    old = now - timedelta(days=30)
    ended = (
        EmailToken.objects.filter(expires_at__lt=old),
        RefreshToken.objects.filter(expires_at__lt=old),
        ApiSession.objects.filter(expires_at__lt=old),
        Session.objects.filter(expire_date__lt=now),
        RateBucket.objects.filter(free_at__lt=now),
    )
    return sum(rows.delete()[0] for rows in ended)


def mail_link(user: User, purpose: EmailToken.Purpose, now: datetime) -> None:
    """Write a link into the outbox; older ones of the same purpose stop working."""
    path, kind, hours = {
        EmailToken.Purpose.VERIFY: ("account/verifica", "verify_email", settings.EMAIL_VERIFICATION_EXPIRE_HOURS),
        EmailToken.Purpose.RESET: ("account/nuova-password", "reset_password", settings.PASSWORD_RESET_EXPIRE_HOURS),
        EmailToken.Purpose.ERASE: ("area/dati/elimina", "erasure_link", settings.PASSWORD_RESET_EXPIRE_HOURS),
    }[purpose]
    EmailToken.objects.filter(user=user, purpose=purpose, used_at=None).update(used_at=now)
    token, token_hash = tokens.new_secret()
    EmailToken.objects.create(
        user=user, purpose=purpose, token_hash=token_hash, expires_at=now + timedelta(hours=hours)
    )
    context = {"link": f"{settings.SITE_URL}/{path}/{token}/", "hours": hours}
    notify(to=Recipient.of(user), kind=kind, context=context)


def use_link(token: str, purpose: EmailToken.Purpose, now: datetime, *, user: User | None = None) -> User:
    """Use up a mailed link and return whose it is; one that must be of `user` is no good to anybody else."""
    link = (
        EmailToken.objects.filter(token_hash=tokens.hash_secret(token), purpose=purpose).select_related("user").first()
    )
    if link is None or not link.user.is_active or (user and user.pk != link.user_id):
        raise LinkExpiredError
    if not EmailToken.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now):
        raise LinkExpiredError
    return link.user


def _check_password(password: str, user: User) -> None:
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise WeakPasswordError(error.messages) from error


def _new_pair(session: ApiSession, now: datetime) -> tokens.TokenPair:
    refresh, refresh_hash = tokens.new_secret()
    RefreshToken.objects.create(session=session, token_hash=refresh_hash, expires_at=session.expires_at)
    lifetime_s = settings.JWT_ACCESS_TOKEN_EXPIRE_MINUTES * 60
    return tokens.TokenPair(tokens.access_token(session.pk, now), refresh, lifetime_s)


def _end_replayed(session: ApiSession, now: datetime) -> None:
    session.revoked_at, session.revoked_reason = now, "replay"
    session.save(update_fields=["revoked_at", "revoked_reason"])
    audit.record(action="user.refresh_replayed", target=session.user, actor=session.user)
    notify(to=Recipient.of(session.user), kind="security_notice", context={"event": "session_replayed"})
