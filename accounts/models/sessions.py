"""Sessions, of browsers and over the API alike, and the refresh tokens that keep an API session open."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def active(self, now: datetime) -> "UserSessionQuerySet":
        """Neither ended, nor left alone too long, nor too old."""
        return self.filter(ended_at=None, idle_end_at__gt=now, absolute_end_at__gt=now)


class UserSession(models.Model):
    """One sign-in. Every page and every access token is checked against its row, so that ending it stops it at once."""

    class Kind(models.TextChoices):
        WEB = "web", _("browser")
        API = "api", _("app (API)")

    class SecondFactor(models.TextChoices):
        NONE = "", _("none")
        TOTP = "totp", _("code of an app")
        BACKUP_CODE = "backup_code", _("backup code")
        PASSKEY = "passkey", _("passkey")
        TRUSTED_DEVICE = "trusted_device", _("trusted device")

    class EndReason(models.TextChoices):
        LOGOUT = "logout", _("signed out")
        ELSEWHERE = "elsewhere", _("ended from another session")
        REPLACED = "replaced", _("signed in again")
        PASSWORD = "password", _("new password")
        EMAIL = "email", _("new e-mail address")
        SECOND_FACTOR = "second_factor", _("second factor changed")
        ROLE = "role", _("new role")
        REPLAY = "replay", _("a used token came again")
        STAFF = "staff", _("ended by our staff")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions", verbose_name=_("user"))
    kind = models.CharField(_("kind"), max_length=3, choices=Kind.choices)
    session_key = models.CharField(
        max_length=40,
        blank=True,
        editable=False,
        help_text="of what is stored for the browser, to delete it",
    )
    second_factor = models.CharField(
        _("second factor"), max_length=14, choices=SecondFactor.choices, default=SecondFactor.NONE, blank=True
    )
    created_at = models.DateTimeField(_("opened"))
    authenticated_at = models.DateTimeField(_("identity last proved"))
    last_used_at = models.DateTimeField(_("last used"))
    idle_end_at = models.DateTimeField(_("ends if not used"))
    absolute_end_at = models.DateTimeField(_("ends at the latest"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.CharField(_("why ended"), max_length=13, choices=EndReason.choices, blank=True)
    network = models.CharField(_("network"), max_length=43, blank=True, help_text=_("the address, shortened"))
    user_agent = models.CharField(_("program"), max_length=200, blank=True)

    objects = UserSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes: ClassVar = [models.Index(fields=["user", "ended_at"], name="accounts_usersession_open")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=["web", "api"]), name="accounts_usersession_kind"),
            models.CheckConstraint(
                condition=Q(ended_at=None, end_reason="") | (Q(ended_at__isnull=False) & ~Q(end_reason="")),
                name="accounts_usersession_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"

    def is_active(self, now: datetime) -> bool:
        return self.ended_at is None and self.idle_end_at > now and self.absolute_end_at > now


class PendingLogin(models.Model):
    """A sign-in between its first factor and its second: five minutes, one use, good only where it began."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="pending_logins")
    kind = models.CharField(max_length=3, choices=UserSession.Kind.choices)
    bound_to = models.CharField(max_length=64, help_text="the program that began it, as a hash")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class RefreshToken(models.Model):
    """One link of an API session's chain: good once. It ends with its session and has no end of its own."""

    session = models.ForeignKey(UserSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.CharField(max_length=64, blank=True, help_text="which client used it, as a hash")

    def __str__(self) -> str:
        return f"{self.session} {self.created_at:%Y-%m-%d %H:%M}"
