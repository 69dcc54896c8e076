"""Documents, the passages they are cut into, and the web pages some of them come from."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField, HnswIndex

from core.queue import QueuedRow, QueueQuerySet, seconds

# The column is as wide as OpenAI's small model; a narrower model is padded with zeros, which leaves cosine alone.
EMBEDDING_DIMENSIONS = 1536


class Topic(models.TextChoices):
    AI = "AI", "AI Act"
    GDPR = "GDPR", "GDPR"
    NIS2 = "NIS2", "NIS2"
    CYBERSECURITY = "CYBERSECURITY", "Cybersecurity"
    GENERAL = "GENERAL", _("General")


class DocumentQuerySet(QueueQuerySet["Document"]):
    def waiting(self) -> "DocumentQuerySet":
        """On their way into the assistant's answers."""
        return super().waiting().filter(is_active=True)


class Document(QueuedRow):
    """One source of the assistant, with its original bytes and how far its reading has come."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being read")
        DONE = "done", _("ready")
        FAILED = "failed", _("failed")

    LEASE = timedelta(minutes=3)  # longer than reading a file or embedding one batch may take
    BACKOFF = seconds(60, 120, 240, 480, 960)

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
    state = models.CharField(_("status"), max_length=7, choices=State.choices, default=State.PENDING)
    chunk_count = models.PositiveIntegerField(_("passages"), default=0)
    embedded_count = models.PositiveIntegerField(_("embedded"), default=0)
    omissions = models.JSONField(default=dict, help_text="what the file holds and nobody can read: {'pictures': 3}")
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    completed_at = models.DateTimeField(_("ready since"), null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="chatbot_document_state"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.name


class WebPageQuerySet(QueueQuerySet["WebPage"]):
    def due(self, now: datetime) -> "WebPageQuerySet":
        return super().due(now).filter(is_active=True)


class WebPage(QueuedRow):
    """A page of the web that is looked at turn by turn; each change of it becomes a document."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", _("being read")
        FAILED = "failed", _("failed")

    class Result(models.TextChoices):
        """What the last look found."""

        NEW = "new", _("waiting")
        READ = "read", _("ready")
        FAILED = "failed", _("failed")

    LEASE = timedelta(minutes=10)
    BACKOFF = seconds(3600, 3600, 3600, 3600)

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
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.PENDING)
    checked_at = models.DateTimeField(_("looked at last"), null=True)
    changed_at = models.DateTimeField(_("changed last"), null=True)

    objects = WebPageQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("web page")
        verbose_name_plural = _("web pages")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "failed"]), name="chatbot_webpage_state"
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def result(self) -> "WebPage.Result":
        return self.Result.FAILED if self.last_error else self.Result.READ if self.checked_at else self.Result.NEW

    def get_result_display(self) -> str:
        return str(self.result.label)


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
