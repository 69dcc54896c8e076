"""Copies of a person's data, and the wish to be forgotten."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.users import User
from core.queue import QueuedRow, QueueQuerySet, seconds


class DataExport(QueuedRow):
    """A ZIP of all that is known of a person, built in the background and kept for a week under UPLOAD_DIR/exports."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being built")
        DONE = "done", _("ready")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    LEASE = timedelta(minutes=30)
    BACKOFF = seconds(60, 600)
    RETENTION: ClassVar[timedelta] = timedelta(days=7)

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="data_exports", verbose_name=_("user"))
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    requested_at = models.DateTimeField(_("asked for"))
    ready_at = models.DateTimeField(_("ready since"), null=True)
    expires_at = models.DateTimeField(_("ends"), null=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)

    objects = QueueQuerySet["DataExport"].as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("copy of data")
        verbose_name_plural = _("copies of data")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed", "expired"]),
                name="accounts_dataexport_state",
            ),
        ]

    def __str__(self) -> str:
        return str(self.reference)

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / "exports" / f"{self.reference}.zip"

    @property
    def file_name(self) -> str:
        return f"ai-strategy-hub-{self.requested_at:%Y-%m-%d}.zip"

    def is_there(self, now: datetime) -> bool:
        """Whether it can be downloaded."""
        return self.state == self.State.DONE and self.expires_at is not None and self.expires_at > now


class AccountErasureQuerySet(QueueQuerySet["AccountErasure"]):
    def open(self) -> "AccountErasureQuerySet":
        """Confirmed, and neither carried out nor taken back."""
        return self.exclude(state__in=[AccountErasure.State.DONE, AccountErasure.State.CANCELLED])


class AccountErasure(QueuedRow):
    """A confirmed wish to be forgotten: it waits for a week, in which it can be taken back, and is then carried out."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("in progress")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    # however long it takes to mend what is in the way: nobody's wish to be forgotten is given up after a few tries
    BACKOFF = seconds(*[3600] * 24, *[86400] * 60)
    WAIT: ClassVar[timedelta] = timedelta(days=7)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="erasures", verbose_name=_("user"))
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    confirmed_at = models.DateTimeField(_("confirmed"))
    due_at = models.DateTimeField(_("due"))
    blocked_told_at = models.DateTimeField(
        _("told what is in its way"), null=True, help_text=_("when the person was told what is still in its way")
    )
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = AccountErasureQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("deletion of an account")
        verbose_name_plural = _("deletions of accounts")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed", "cancelled"]),
                name="accounts_accounterasure_state",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state__in=["pending", "running", "failed"]),
                name="accounts_accounterasure_one",
            ),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} {self.due_at:%Y-%m-%d}"
