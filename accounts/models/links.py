"""One-time links sent by mail, and the wishes for them."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User
from core.queue import QueuedRow, QueueQuerySet, seconds


class EmailToken(models.Model):
    """A one-time link sent by mail; only its hash is kept."""

    class Purpose(models.TextChoices):
        VERIFY = "verify", _("verify the address")
        RESET = "reset", _("reset the password")
        UNLOCK = "unlock", _("open the account again")
        ERASE = "erase", _("delete the account")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_tokens")
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(purpose__in=["verify", "reset", "unlock", "erase"]), name="accounts_emailtoken_purpose"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.user}"


class LinkRequest(QueuedRow):
    """Somebody's wish for a link to an address, which nobody may have; kept for a day."""

    LEASE = timedelta(minutes=2)
    BACKOFF = seconds(15, 60, 300, 1800)

    email = models.EmailField()
    purpose = models.CharField(max_length=6, choices=EmailToken.Purpose.choices)
    requested_at = models.DateTimeField()

    objects = QueueQuerySet["LinkRequest"].as_manager()

    class Meta(QueuedRow.Meta):
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="accounts_linkrequest_state"
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["verify", "reset", "unlock", "erase"]), name="accounts_linkrequest_purpose"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.requested_at:%Y-%m-%d %H:%M}"
