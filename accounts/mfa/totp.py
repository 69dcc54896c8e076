"""Authenticator apps: set up with a QR code, proved by a first code, asked for at every sign-in.

The table is django-otp's. A code is good for its 30 seconds and once (ASVS 5.0, 6.5.1 and 6.5.5): the row is locked
while it is checked, so that of many posts at once one passes.
"""

import io
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta

import segno
from django.db import transaction
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from core.errors import DomainError, InvalidInputError

# How long a secret that was shown and never proved can still be used; then the page shows another.
SETUP_TIME = timedelta(minutes=15)


class SetupExpiredError(DomainError):
    """There is no secret to prove: none was asked for, or too long ago."""

    code = "setup_expired"
    message = _("This QR code is no longer valid. Please begin again: you will get a new one.")


class AlreadyEnabledError(DomainError):
    """A second app would leave the first unclear."""

    code = "already_enabled"
    message = _("An authenticator app is set up already. Turn it off first if you want to use another one.")


class WrongCodeError(InvalidInputError):
    """Not the code of this moment."""

    code = "mfa_code"
    field = "code"
    message = _("This code is not right. Type the one that your app shows now.")


@dataclass(frozen=True)
class Setup:
    """What the app needs to know: the secret (base32), the same as an `otpauth://` address, and that as an SVG."""

    secret: str
    otpauth_uri: str
    qr_svg: str

    @property
    def groups(self) -> list[str]:
        """The secret in groups of four, for typing it."""
        return [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]


@transaction.atomic
def begin_setup(*, user: User, now: datetime) -> Setup:
    """A new secret that waits to be proved; one that was shown before is worth nothing any more."""
    User.objects.select_for_update().get(pk=user.pk)  # two tabs leave one secret
    if is_enabled(user):
        raise AlreadyEnabledError
    _unproved(user).delete()
    device = TOTPDevice.objects.create(user=user, name="app", confirmed=False, tolerance=0)
    TOTPDevice.objects.filter(pk=device.pk).update(created_at=now)
    return _describe(device)


def pending_setup(user: User, now: datetime) -> Setup | None:
    """The secret that waits to be proved, so that a page that is loaded again shows the same."""
    device = _unproved(user).filter(created_at__gt=now - SETUP_TIME).first()
    return _describe(device) if device else None


@transaction.atomic
def confirm_setup(*, user: User, code: str, now: datetime) -> None:
    """Turn the app on, with a first code of it."""
    device = _unproved(user).select_for_update().filter(created_at__gt=now - SETUP_TIME).first()
    if device is None:
        raise SetupExpiredError
    if not _matches(device, code, now):
        raise WrongCodeError
    device.confirmed = True
    device.save(update_fields=["confirmed", "last_t"])


@transaction.atomic
def verify(*, user: User, code: str, now: datetime) -> bool:
    """Whether this is the app's code of this moment, never used before; it is used up by asking."""
    device = _proved(user).select_for_update().first()
    if device is None or not _matches(device, code, now):
        return False
    device.save(update_fields=["last_t", "last_used_at"])
    return True


def has_just_expired(*, user: User, code: str, now: datetime) -> bool:
    """Whether the code was the app's half a minute ago: worth saying, and worth nothing to anybody who guesses."""
    device = _proved(user).first()
    if device is None or not (code.isascii() and code.isdigit()):
        return False
    before = _step(device, now - timedelta(seconds=device.step))
    return bool(before.t() > device.last_t and before.token() == int(code))


def is_enabled(user: User) -> bool:
    """Whether an app is set up and proved."""
    return bool(_proved(user).exists())


def remove(*, user: User) -> None:
    """Take the app away, proved or not."""
    TOTPDevice.objects.filter(user=user).delete()


def _matches(device: TOTPDevice, code: str, now: datetime) -> bool:
    if len(code) != device.digits or not code.isascii() or not code.isdigit():
        return False
    step = _step(device, now)
    if not step.verify(int(code), tolerance=0, min_t=device.last_t + 1):
        return False
    device.last_t, device.last_used_at = step.t(), now
    return True


def _step(device: TOTPDevice, now: datetime) -> TOTP:
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = now.timestamp()
    return totp


def _proved(user: User):  # type: ignore[no-untyped-def]
    return TOTPDevice.objects.filter(user=user, confirmed=True)


def _unproved(user: User):  # type: ignore[no-untyped-def]
    return TOTPDevice.objects.filter(user=user, confirmed=False)


def _describe(device: TOTPDevice) -> Setup:
    svg = io.BytesIO()
    # black on white whatever the theme: phones read nothing else
    segno.make(device.config_url, error="m").save(
        svg,
        kind="svg",
        scale=4,
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        nl=False,
    )
    secret = b32encode(device.bin_key).decode().rstrip("=")
    # safe to stand in a page: lines and numbers of the library's, the address is in the dots
    return Setup(secret, device.config_url, mark_safe(svg.getvalue().decode()))  # noqa: S308
