"""The outbox: every mail is a row, written with the event it tells of and sent by a worker afterwards."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# A worker that took a mail and was never heard of again: its lease ends, another one takes it.
LEASE = timedelta(minutes=10)
# Waits between tries; after the last one the mail is given to a person.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 300, 1800, 7200, 21600))


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self, now: datetime) -> "MailQuerySet":
        """Waiting for their turn, or taken by a worker that is gone."""
        return self.filter(
            Q(state=Mail.State.PENDING, next_try_at__lte=now) | Q(state=Mail.State.SENDING, claimed_at__lt=now - LEASE)
        )

    def claim(self, pk: int, now: datetime) -> bool:
        """Take the mail for this worker; False when somebody else has it or it is done."""
        taken = (
            self.due(now)
            .filter(pk=pk)
            .update(state=Mail.State.SENDING, claimed_at=now, attempts=models.F("attempts") + 1)
        )
        return taken == 1

    def revive(self, pk: int, now: datetime) -> bool:
        """Put a given-up mail back into the queue; False when it is anything else, by now perhaps sent."""
        given_up = self.filter(pk=pk, state=Mail.State.FAILED)
        return given_up.update(state=Mail.State.PENDING, attempts=0, next_try_at=now) == 1


class Mail(models.Model):
    """One message to one person, rendered once: what was written is what is sent, however often it is tried."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="mails"
    )
    to_email = models.EmailField(_("to"))
    to_name = models.CharField(max_length=130, blank=True)
    language = models.CharField(max_length=2)
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField()
    html = models.TextField()
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)
    next_try_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    last_error = models.TextField(blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "sending", "sent", "failed"]), name="notifications_mail_state"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], condition=Q(state__in=["pending", "sending"]), name="notifications_mail_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"

    def mark_sent(self, now: datetime) -> None:
        self.state, self.sent_at, self.last_error = self.State.SENT, now, ""
        self.save(update_fields=["state", "sent_at", "last_error"])

    def put_off(self, now: datetime, error: str, retry_after_s: float | None = None) -> None:
        """Back into the queue after the vendor's wait or our own, or to a person when it was tried often enough."""
        self.last_error = error
        if self.attempts > len(BACKOFF):
            self.give_up(error)
            return
        wait = max(BACKOFF[max(self.attempts, 1) - 1], timedelta(seconds=retry_after_s or 0))
        self.state, self.next_try_at = self.State.PENDING, now + wait
        self.save(update_fields=["state", "next_try_at", "last_error"])

    def give_up(self, error: str) -> None:
        self.state, self.last_error = self.State.FAILED, error
        self.save(update_fields=["state", "last_error"])


class MailAttachment(models.Model):
    """A file that travels with a mail, copied so that a later change of its source cannot change the mail."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=80)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.name
