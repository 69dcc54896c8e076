"""What people thought of an answer, and what the house made of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.models.conversations import Message


class MessageFeedback(models.Model):
    """One person's word on one answer; a reason only where it did not help."""

    class Reason(models.TextChoices):
        WRONG = "wrong", _("wrong")
        INCOMPLETE = "incomplete", _("incomplete")
        UNCLEAR = "unclear", _("not understandable")
        OTHER = "other", _("something else")

    MAX_TEXT: ClassVar[int] = 1_000

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, related_name="feedback", verbose_name=_("message")
    )
    is_helpful = models.BooleanField(_("helpful"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, blank=True)
    text = models.CharField(_("comment"), max_length=MAX_TEXT, blank=True)
    given_at = models.DateTimeField(_("given"))
    reviewed_at = models.DateTimeField(_("reviewed"), null=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("reviewed by")
    )
    note = models.CharField(_("note of the review"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        indexes: ClassVar = [models.Index(fields=["-given_at"], name="chatbot_feedback_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reason__in=["", "wrong", "incomplete", "unclear", "other"]), name="chatbot_feedback_reason"
            ),
            models.CheckConstraint(
                condition=Q(is_helpful=False) | Q(reason="", text=""), name="chatbot_feedback_reason_of_the_unhelpful"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id}"
