"""Conversations, their messages, and the sources that answers rest on."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatbot.models.knowledge import Chunk


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, *, user: User | AnonymousUser, token: str | None) -> "ConversationQuerySet":
        """A customer's own, or the guest's whose signed cookie has the token."""
        if user.is_authenticated:
            return self.filter(user=user)
        return self.filter(user=None, token=token) if token else self.none()


class Conversation(models.Model):
    # Stands where the keyed hash of an address would: no caller has it, so no person's limit or budget is touched.
    EVALUATION: ClassVar[str] = "evaluation"

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="conversations",
        verbose_name=_("user"),
    )
    language = models.CharField(_("language"), max_length=2, default="it")
    caller = models.CharField(max_length=64, help_text="keyed hash of the address, for the hourly limit")
    created_at = models.DateTimeField(_("started"), auto_now_add=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")

    def __str__(self) -> str:
        return str(self.token)


def text_with_about_expression(prefix: str = "") -> Case:
    """`Message.text_with_about` in a query, where `prefix` leads to the message; NULL where there is none."""
    about, text = F(f"{prefix}about"), F(f"{prefix}text")
    return Case(
        When(**{f"{prefix}about": ""}, then=text),
        default=Concat(about, Value(": "), text, output_field=models.TextField()),
    )


class Message(models.Model):
    """A question or an answer; an answer keeps what it cost and how it ended."""

    class Role(models.TextChoices):
        QUESTION = "question", _("question")
        ANSWER = "answer", _("answer")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        REFUSED = "refused", _("no support in the documents")
        PERSON = "person", _("asked for a person")
        SMALL_TALK = "small_talk", _("no question")
        INCOMPLETE = "incomplete", _("cut off")
        LIMITED = "limited", _("the day’s budget is spent")
        FAILED = "failed", _("service not available")

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", verbose_name=_("conversation")
    )
    client_id = models.UUIDField(
        null=True, editable=False, help_text="the asker's own id of a question; its finished answer has the same"
    )
    role = models.CharField(_("role"), max_length=8, choices=Role.choices)
    text = models.TextField(_("text"))
    about = models.CharField(
        _("about"), max_length=80, blank=True, help_text=_("the service beside whose page the question was asked")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    error = models.CharField(_("error"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes: ClassVar = [models.Index(fields=["conversation", "created_at"], name="chatbot_message_order")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client_id", "role"], name="chatbot_message_once"),
        ]

    def __str__(self) -> str:
        return str(self.reference)

    # The day's limit is one, too: tomorrow is another day.
    UNFINISHED: ClassVar[tuple[str, ...]] = (Outcome.INCOMPLETE, Outcome.FAILED, Outcome.LIMITED)
    INTERNAL_ERROR: ClassVar[str] = "internal"
    # Asked again the same way, the answer would end the same way.
    LASTING_ERRORS: ClassVar[tuple[str, ...]] = (
        INTERNAL_ERROR, "max_tokens", "model_context_window_exceeded", "invalid_request_error", "request_too_large",
        "tool_use", "spend_limit",
    )  # fmt: skip

    @property
    def may_retry(self) -> bool:
        """Whether asking the same again may bring a better end than this answer's."""
        is_unfinished = self.outcome in (self.Outcome.INCOMPLETE, self.Outcome.FAILED)
        return is_unfinished and self.error not in self.LASTING_ERRORS

    @property
    def text_with_about(self) -> str:
        """The text as it reads beside its page: "how much is it?" names what it is about."""
        return f"{self.about}: {self.text}" if self.about else self.text


class Citation(models.Model):
    """A source of an answer, copied so that it can be read when the document is gone."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    title = models.CharField(max_length=200)
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    url = models.CharField(max_length=300, blank=True, help_text="of the customer's own order or invoice")
    passage = models.TextField()
    quote = models.TextField(help_text="the words the answer rests on, as they stand in the passage")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "number"], name="chatbot_citation_once")]

    def __str__(self) -> str:
        return f"[{self.number}] {self.title}"
