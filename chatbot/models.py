"""Documents and their chunks, conversations and their messages."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

# The column is as wide as OpenAI's small model; a narrower model is padded with zeros, which leaves cosine alone.
EMBEDDING_DIMENSIONS = 1536
# A worker that took a document and was not heard of for so long is gone: longer than reading or one batch may take.
LEASE = timedelta(minutes=3)


class Topic(models.TextChoices):
    AI = "AI", "AI Act"
    GDPR = "GDPR", "GDPR"
    NIS2 = "NIS2", "NIS2"
    CYBERSECURITY = "CYBERSECURITY", "Cybersecurity"
    GENERAL = "GENERAL", _("General")


class DocumentQuerySet(models.QuerySet["Document"]):
    def waiting(self) -> "DocumentQuerySet":
        """On their way into the assistant's answers."""
        return self.filter(is_active=True, status__in=(Document.Status.PENDING, Document.Status.PROCESSING))

    def due(self, now: datetime) -> "DocumentQuerySet":
        """To be read by a worker: waiting, or left behind by one that is gone."""
        return self.filter(
            Q(status=Document.Status.PENDING, next_try_at__lte=now)
            | Q(status=Document.Status.PROCESSING, claimed_at__lt=now - LEASE)
        )


class Document(models.Model):
    """One source of the assistant, with its original bytes and how far its reading has come."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        PROCESSING = "processing", _("being read")
        COMPLETED = "completed", _("ready")
        FAILED = "failed", _("failed")

    MAX_ATTEMPTS: ClassVar[int] = 5

    name = models.CharField(_("file name"), max_length=160)
    kind = models.CharField(_("kind"), max_length=4)
    title = models.CharField(_("title"), max_length=200, blank=True)
    topic = models.CharField(_("topic"), max_length=13, choices=Topic.choices, default=Topic.GENERAL)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="it")
    version = models.CharField(_("version"), max_length=40, blank=True)
    is_active = models.BooleanField(_("used in answers"), default=True)
    content = models.BinaryField()
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("bytes"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(_("passages"), default=0)
    embedded_count = models.PositiveIntegerField(_("embedded"), default=0)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    next_try_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(_("ready since"), null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "processing", "completed", "failed"]), name="chatbot_document_status"
            )
        ]

    def __str__(self) -> str:
        return self.title or self.name

    def claim(self, now: datetime) -> bool:
        """Take the document for this worker; False when another has it or it is done."""
        taken = Document.objects.due(now).filter(pk=self.pk)
        return taken.update(status=self.Status.PROCESSING, claimed_at=now, attempts=models.F("attempts") + 1) == 1

    def fail(self, error: str) -> None:
        self.status, self.error = self.Status.FAILED, error
        self.save(update_fields=["status", "error"])


class Chunk(models.Model):
    """A passage: what is searched, shown to the model, and cited."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks", verbose_name=_("document"))
    position = models.PositiveIntegerField(_("position"))
    heading = models.CharField(_("heading"), max_length=300, blank=True)
    page = models.PositiveIntegerField(_("page"), null=True)
    text = models.TextField(_("text"))
    language = models.CharField(_("language"), max_length=2)
    sha256 = models.CharField("SHA-256", max_length=64)
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSIONS, null=True)
    embedding_model = models.CharField(_("embedded by"), max_length=60, blank=True)
    search = SearchVectorField(null=True)

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        constraints: ClassVar = [models.UniqueConstraint(fields=["document", "position"], name="chatbot_chunk_once")]
        indexes: ClassVar = [
            GinIndex(fields=["search"], name="chatbot_chunk_search"),
            models.Index(fields=["sha256", "embedding_model"], name="chatbot_chunk_same_text"),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.position}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, *, user: Any, token: str | None) -> "ConversationQuerySet":
        """A customer's own, or the guest's whose signed cookie has the token."""
        if user.is_authenticated:
            return self.filter(user=user)
        return self.filter(user=None, token=token) if token else self.none()


class Conversation(models.Model):
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


class Message(models.Model):
    """A question or an answer; an answer keeps what it cost and how it ended."""

    class Role(models.TextChoices):
        QUESTION = "question", _("question")
        ANSWER = "answer", _("answer")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("answered")
        REFUSED = "refused", _("no support in the documents")
        INCOMPLETE = "incomplete", _("cut off")
        FAILED = "failed", _("service not available")

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", verbose_name=_("conversation")
    )
    role = models.CharField(_("role"), max_length=8, choices=Role.choices)
    text = models.TextField(_("text"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)
    error = models.CharField(_("error"), max_length=200, blank=True)
    model = models.CharField(_("model"), max_length=60, blank=True)
    input_tokens = models.PositiveIntegerField(_("tokens in"), default=0)
    output_tokens = models.PositiveIntegerField(_("tokens out"), default=0)
    cache_read_tokens = models.PositiveIntegerField(_("tokens read from cache"), default=0)
    cache_write_tokens = models.PositiveIntegerField(_("tokens written to cache"), default=0)
    created_at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes: ClassVar = [models.Index(fields=["conversation", "created_at"], name="chatbot_message_order")]

    def __str__(self) -> str:
        return f"{self.role} {self.reference}"


class Citation(models.Model):
    """A source of an answer, copied so that it can be read when the document is gone."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    title = models.CharField(max_length=200)
    heading = models.CharField(max_length=300, blank=True)
    page = models.PositiveIntegerField(null=True)
    passage = models.TextField()
    quote = models.TextField(help_text="the words the answer rests on, as they stand in the passage")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "number"], name="chatbot_citation_once")]

    def __str__(self) -> str:
        return f"[{self.number}] {self.title}"
