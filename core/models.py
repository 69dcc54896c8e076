"""Tables without a business word: counters, the audit chain, rate buckets."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Counter(models.Model):
    """The last number given for a kind in a year; written only by `core.numbering`."""

    pk = models.CompositePrimaryKey("kind", "year")
    kind = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    value = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.year}: {self.value}"


class AuditEntry(models.Model):
    """Who did what to which object. Append-only by trigger; `hash` chains each sealed row to the one before."""

    at = models.DateTimeField(_("when"), auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        related_name="+",
    )
    actor_label = models.CharField(_("who"), max_length=254, blank=True)
    action = models.CharField(_("did what"), max_length=80)
    target = models.CharField(
        _("to what"), max_length=120, blank=True, help_text="model and public number of the object"
    )
    detail = models.JSONField(_("detail"), default=dict)
    position = models.PositiveBigIntegerField(
        _("position"), null=True, unique=True, help_text="place in the chain, once sealed"
    )
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes: ClassVar = [models.Index(fields=["target", "-at"], name="core_audit_target")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.target}"


class RateBucket(models.Model):
    """Where a strict rate limit is counted while Redis is away (`core.ratelimit`)."""

    key = models.CharField(primary_key=True, max_length=120)
    free_at = models.DateTimeField(help_text="theoretical arrival time of the next request")

    def __str__(self) -> str:
        return self.key


class Heartbeat(models.Model):
    """When a periodic task last came through broker and worker; one row."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.at.isoformat()
