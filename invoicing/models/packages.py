"""Packages of the archive."""

from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.queue import QueuedRow, QueueQuerySet, seconds


class ArchivePackage(QueuedRow):
    """A package of a year or a month, built in the background and kept as a file under UPLOAD_DIR/archive."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being built")
        DONE = "done", _("ready")
        FAILED = "failed", _("failed")

    LEASE = timedelta(minutes=30)
    BACKOFF = seconds(60, 600, 3600)

    period = models.CharField(
        _("period"), max_length=7, unique=True, help_text=_("A year (2026) or a month (2026-11).")
    )
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.PENDING)
    done_count = models.PositiveIntegerField(_("documents done"), default=0)
    total_count = models.PositiveIntegerField(_("documents"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    requested_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = QueueQuerySet["ArchivePackage"].as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("archive package")
        verbose_name_plural = _("archive packages")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="invoicing_archivepackage_state"
            ),
        ]

    def __str__(self) -> str:
        return self.period

    @property
    def path(self) -> Path:
        return Path(settings.MEDIA_ROOT) / "archive" / f"fatture-{self.period}.zip"
