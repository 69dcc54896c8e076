"""An authenticator app for tests: the code of a user's secret at a moment, and an app that is set up."""

from datetime import datetime, timedelta

from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.mfa import services, totp
from accounts.models import User

_STEP = timedelta(seconds=30)


def code_of(user: User, now: datetime | None = None) -> str:
    """The six digits that the user's app shows."""
    device = TOTPDevice.objects.filter(user=user).latest("pk")
    clock = TOTP(device.bin_key)
    clock.time = (now or timezone.now()).timestamp()
    return f"{clock.token():06d}"


def next_code_of(user: User) -> str:
    """The code of a secret whose code of this moment has been used: that of now, after it is forgotten."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1)
    return code_of(user)


def set_up_app(user: User, now: datetime | None = None) -> list[str]:
    """Turn an authenticator app on, a minute ago, so that its code of now has not been used; the backup codes."""
    before = (now or timezone.now()) - 2 * _STEP
    totp.begin_setup(user=user, now=before)
    return services.enable_totp(user=user, code=code_of(user, before), now=before)
