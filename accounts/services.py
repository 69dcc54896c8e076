"""What happens to accounts: registration, verification, passwords, the billing profile.

Answers about an address never tell whether it is known (no enumeration): the owner learns it by mail.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth import authenticate, password_validation
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import links
from accounts.fiscal.checks import clean_identity
from accounts.login import devices, reauth, sessions, throttle
from accounts.login.origin import Origin
from accounts.login.throttle import Attempt, record_failure, take_attempt
from accounts.models import (
    BillingProfile,
    EmailToken,
    LinkRequest,
    LoginThrottle,
    PendingLogin,
    RefreshToken,
    User,
    UserSession,
)
from accounts.notices import tell
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


class WeakPasswordError(InvalidInputError):
    """A password the rules refuse; `messages` says why."""

    code = "weak_password"

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages), field="password")


def register(*, email: str, password: str, first_name: str, last_name: str, language: str, now: datetime) -> None:
    """Open an account that waits for its address to be confirmed; for a known address, only tell its owner."""
    candidate = User(email=User.normalise(email), first_name=first_name, last_name=last_name, language=language)
    _check_password(password, candidate)
    candidate.set_password(password)  # before looking: known and unknown addresses cost the same
    try:
        with transaction.atomic():
            candidate.save()
            links.mail_link(candidate, EmailToken.Purpose.VERIFY, now)
            audit.record(action="user.registered", target=candidate, actor=candidate)
    except IntegrityError:
        existing = User.objects.find(email)
        if existing is None:
            raise
        notify(to=Recipient.of(existing), kind="already_registered", context={})


@transaction.atomic
def verify_email(*, token: str, now: datetime) -> User:
    """Use up a verification link and return the user whose address is now confirmed."""
    user = links.use_link(token, EmailToken.Purpose.VERIFY, now)
    if user.email_verified_at is None:
        user.email_verified_at = now
        user.save(update_fields=["email_verified_at"])
        audit.record(action="user.email_verified", target=user, actor=user)
    return user


def check_login(*, email: str, password: str, origin: Origin, now: datetime) -> tuple[User, Attempt]:
    """The user, when address and password are right and the address is confirmed; else a `DomainError`.

    The try stays counted: `Attempt.succeed` when nothing more is to be proved, `give_back` when a code is asked for.
    """
    attempt = take_attempt(email=email, origin=origin, now=now)
    user = authenticate(None, username=email, password=password)
    if not isinstance(user, User):
        record_failure(attempt, now=now)
        raise BadCredentialsError
    if user.email_verified_at is None:
        attempt.succeed()
        links.request_link(email=email, purpose=EmailToken.Purpose.VERIFY, now=now)
        raise EmailNotVerifiedError
    return user, attempt


@transaction.atomic
def reset_password(*, token: str, password: str, now: datetime) -> User:
    """Set a new password by a mailed link and end every session; the link also proves the address."""
    user = links.use_link(token, EmailToken.Purpose.RESET, now)
    _check_password(password, user)
    user.set_password(password)
    user.email_verified_at = user.email_verified_at or now
    user.save(update_fields=["password", "email_verified_at"])
    end_everything(user=user, reason=UserSession.EndReason.PASSWORD, now=now)
    audit.record(action="user.password_reset", target=user, actor=user)
    tell(user, "password_changed")
    return user


def change_password(*, user: User, old_password: str, password: str, origin: Origin, now: datetime) -> None:
    """Set a new password for whoever knows the old one; every other session ends."""
    try:
        reauth.check_password(user=user, password=old_password, origin=origin, now=now)
    except reauth.WrongPasswordError as error:
        raise reauth.WrongPasswordError(field="old_password") from error
    _check_password(password, user)
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        end_everything(user=user, reason=UserSession.EndReason.PASSWORD, now=now, but=user.session)
        audit.record(action="user.password_changed", target=user, actor=user)
        tell(user, "password_changed")


def end_everything(*, user: User, reason: str, now: datetime, but: UserSession | None = None) -> None:
    """End every session at once, and every mailed link with them: whoever asked for one may not be the owner."""
    sessions.end_sessions(user=user, reason=reason, now=now, but=but)
    devices.distrust_all(user)
    EmailToken.objects.filter(user=user, used_at=None).update(used_at=now)


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
        LinkRequest.objects.filter(requested_at__lt=now - timedelta(days=1)),
        PendingLogin.objects.filter(expires_at__lt=now),
        LoginThrottle.objects.filter(last_failed_at__lt=now - throttle.MEMORY).exclude(locked_until__gt=now),
        # all but the last of a chain: a used one is only good for recognising that it comes again
        RefreshToken.objects.filter(used_at__lt=old),
        UserSession.objects.filter(Q(ended_at__lt=old) | Q(idle_end_at__lt=old)),
        Session.objects.filter(expire_date__lt=now),
        RateBucket.objects.filter(free_at__lt=now),
    )
    return sum(rows.delete()[0] for rows in ended)


def _check_password(password: str, user: User) -> None:
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise WeakPasswordError(error.messages) from error
