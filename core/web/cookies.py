"""Cookies of ours. Under https each has the prefix `__Host-`.

A browser takes such a one from this very host alone, over https and for all paths: neither a sibling domain nor a page
without TLS can put another in its place (draft-ietf-httpbis-rfc6265bis §4.1.3.2, ASVS 5.0 3.3.1).
"""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


def cookie_name(name: str) -> str:
    """What the cookie `name` is called on this site."""
    return f"{settings.COOKIE_PREFIX}{name}"


def cookie_attributes() -> dict[str, Any]:
    """What each is set with: only over https where there is, out of scripts' reach, and with no foreign form."""
    return {"secure": settings.HTTPS, "httponly": True, "samesite": "Lax"}


class _MessagesInCookie(CookieStorage):
    @property
    def cookie_name(self) -> str:  # type: ignore[override]  # it depends on the settings
        return cookie_name("messages")


class MessageStorage(FallbackStorage):
    """Django's own, whose cookie has a fixed name."""

    storage_classes = (_MessagesInCookie, SessionStorage)
