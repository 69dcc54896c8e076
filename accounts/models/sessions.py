"""Sessions over the API and the tokens that keep them open."""

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User


class ApiSessionQuerySet(models.QuerySet["ApiSession"]):
    def active(self, now: datetime) -> "ApiSessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=now)


class ApiSession(models.Model):
    """One login over the API. Every access token names it, so revoking it stops the token at once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_sessions", verbose_name=_("user"))
    created_at = models.DateTimeField(_("opened"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    expires_at = models.DateTimeField(_("ends"), help_text="end of the newest refresh token")
    revoked_at = models.DateTimeField(_("closed"), null=True)
    revoked_reason = models.CharField(_("why closed"), max_length=20, blank=True)
    ip = models.GenericIPAddressField("IP", null=True)
    user_agent = models.CharField(_("program"), max_length=200, blank=True)

    objects = ApiSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("API session")
        verbose_name_plural = _("API sessions")

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class RefreshToken(models.Model):
    """One link of a session's chain of refresh tokens: good once, and a second use ends the session."""

    session = models.ForeignKey(ApiSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.session} {self.created_at:%Y-%m-%d %H:%M}"
