"""Devices that have signed in before, and how often somebody has tried in vain."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class KnownDevice(models.Model):
    """A browser that a person has signed in with; its cookie holds a secret, the row its hash.

    A stranger who guesses passwords locks no known device out; a trusted one is asked for no second factor.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices", verbose_name=_("user"))
    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    trusted_until = models.DateTimeField(_("trusted until"), null=True)
    network = models.CharField(_("network"), max_length=43, blank=True)
    user_agent = models.CharField(_("program"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("known device")
        verbose_name_plural = _("known devices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "secret_hash"], name="accounts_knowndevice_one")
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d}"

    def is_trusted(self, now: datetime) -> bool:
        return self.trusted_until is not None and self.trusted_until > now


class LoginThrottle(models.Model):
    """Attempts to sign in since the last one that succeeded; written only by `accounts.login.throttle`.

    The key is a hash of the address, whether anybody has it or not, or of the address and a known device.
    """

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    last_failed_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.failures}"
