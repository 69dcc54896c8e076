"""The outbox: every mail is a row, written with the event it tells of and sent by a worker afterwards."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.queue import QueuedRow, QueueQuerySet, seconds


class Mail(QueuedRow):
    """One message to one person, rendered once: what was written is what is sent, however often it is tried."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being sent")
        DONE = "done", _("sent")
        FAILED = "failed", _("given up")

    LEASE = timedelta(minutes=10)
    BACKOFF = seconds(15, 60, 300, 1800, 7200, 21600)

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="mails"
    )
    to_email = models.EmailField(_("to"))
    to_name = models.CharField(max_length=130, blank=True)
    language = models.CharField(max_length=2)
    subject = models.CharField(pgettext_lazy("of a mail", "subject"), max_length=200)
    text = models.TextField()
    html = models.TextField()
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.PENDING)
    created_at = models.DateTimeField(_("written"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True)

    objects = QueueQuerySet["Mail"].as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="notifications_mail_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class MailAttachment(models.Model):
    """A file that travels with a mail, copied so that a later change of its source cannot change the mail."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=80)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.name
