"""Documents, the passages they are cut into, and the web pages some of them come from."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField, HnswIndex

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
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, blank=True)
    version = models.CharField(_("version"), max_length=40, blank=True)
    is_active = models.BooleanField(_("used in answers"), default=True)
    is_article = models.BooleanField(_("article"), default=False, help_text=_("written from what somebody asked"))
    page = models.ForeignKey(
        "WebPage", null=True, on_delete=models.SET_NULL, related_name="documents", verbose_name=_("web page")
    )
    replaces = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="replaced_by",
        verbose_name=_("replaces"),
        help_text=_("The version before: it leaves the answers when this one is ready."),
    )
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


class WebPage(models.Model):
    """A page of the web that is looked at on a schedule; each change of it becomes a document."""

    url = models.URLField(_("address"), max_length=500, unique=True)
    topic = models.CharField(_("topic"), max_length=13, choices=Topic.choices, default=Topic.GENERAL)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, blank=True)
    is_active = models.BooleanField(_("looked at"), default=True)
    every_days = models.PositiveSmallIntegerField(
        _("every so many days"), default=7, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    text_sha256 = models.CharField(max_length=64, blank=True)
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=60, blank=True)
    error = models.TextField(_("error"), blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)
    checked_at = models.DateTimeField(_("looked at last"), null=True)
    changed_at = models.DateTimeField(_("changed last"), null=True)
    next_check_at = models.DateTimeField(_("next look"), default=timezone.now)

    class State(models.TextChoices):
        NEW = "new", _("waiting")
        READ = "read", _("ready")
        FAILED = "failed", _("failed")

    class Meta:
        verbose_name = _("web page")
        verbose_name_plural = _("web pages")

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> "WebPage.State":
        return self.State.FAILED if self.error else self.State.READ if self.checked_at else self.State.NEW

    def get_state_display(self) -> str:
        return str(self.state.label)


class Chunk(models.Model):
    """A passage: what is searched, shown to the model, and cited."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks", verbose_name=_("document"))
    position = models.PositiveIntegerField(_("position"))
    section = models.PositiveIntegerField(_("section"), default=0)
    heading = models.CharField(_("heading"), max_length=300, blank=True)
    path = models.CharField(_("part of"), max_length=500, blank=True)
    page = models.PositiveIntegerField(_("page"), null=True)
    is_background = models.BooleanField(
        _("explains"), default=False, help_text=_("a recital or preamble: found after what it explains")
    )
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
            HnswIndex(
                fields=["embedding"],
                name="chatbot_chunk_near",
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
            ),
            models.Index(fields=["sha256", "embedding_model"], name="chatbot_chunk_same_text"),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.position}"


class WordCount(models.Model):
    """In how many passages of a language a stem stands; the empty stem counts the passages themselves."""

    language = models.CharField(max_length=2)
    stem = models.TextField()
    passages = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["language", "stem"], name="chatbot_wordcount_once")]

    def __str__(self) -> str:
        return f"{self.language} {self.stem} {self.passages}"
