"""Which devices a person has signed in with before, which of them they trust, and the mail about a new one."""

from datetime import datetime, timedelta

from django.http import HttpResponseBase
from ua_parser import parse

from accounts.login import tokens
from accounts.login.origin import DEVICE_COOKIE, Origin
from accounts.models import KnownDevice, User, UserSession
from accounts.notices import tell
from core.web.cookies import cookie_attributes, cookie_name

TRUST = timedelta(days=30)
COOKIE_AGE = timedelta(days=365)


def find_device(email: str, origin: Origin) -> KnownDevice | None:
    """The device of a request, if whoever has this address has signed in with it before."""
    if not origin.device_secret:
        return None
    secret_hash = tokens.hash_secret(origin.device_secret)
    return KnownDevice.objects.filter(user__email=email, secret_hash=secret_hash).first()


def is_trusted(user: User, origin: Origin, now: datetime) -> bool:
    """Whether the second factor need not be asked for here."""
    device = find_device(user.email, origin)
    return device is not None and device.is_trusted(now)


def remember(*, user: User, kind: str, origin: Origin, now: datetime, trust: bool = False) -> str:
    """Know the device of a complete sign-in from now on, and tell its owner when it is new.

    Returns the secret for its cookie; "" for an app that sends no cookies back: it is known by program and network,
    which is enough to recognise it and not enough to trust it.
    """
    is_app = kind == UserSession.Kind.API and not origin.device_secret and not trust
    secret = "" if is_app else origin.device_secret or tokens.new_secret()[0]
    has_others = KnownDevice.objects.filter(user=user).exists()
    device, is_new = KnownDevice.objects.get_or_create(
        user=user,
        secret_hash=tokens.hash_secret(secret or f"app:{origin.client}"),
        defaults={"created_at": now, "last_seen_at": now},
    )
    device.last_seen_at, device.network, device.user_agent = now, origin.network, origin.user_agent
    if trust:
        device.trusted_until = now + TRUST
    device.save()
    if is_new and has_others:
        tell(user, "new_device", device=describe(origin.user_agent), place=origin.network)
    return secret


def keep_cookie(response: HttpResponseBase, secret: str) -> None:
    """Have the browser send the device's secret from now on."""
    if secret:
        response.set_cookie(cookie_name(DEVICE_COOKIE), secret, max_age=COOKIE_AGE, **cookie_attributes())


def distrust_all(user: User) -> None:
    """Ask for the second factor everywhere again."""
    KnownDevice.objects.filter(user=user).update(trusted_until=None)


def describe(user_agent: str) -> str:
    """A program as a person names it ("Firefox, Windows"); an app by the first word of what it says of itself."""
    result = parse(user_agent)
    names = [part.family for part in (result.user_agent, result.os) if part and part.family != "Other"]
    return ", ".join(names) or user_agent.split("/", maxsplit=1)[0][:40]
