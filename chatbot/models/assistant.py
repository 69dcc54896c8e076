"""How the assistant is set, version by version, and what its models cost, call by call."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.models.conversations import Message

_FRACTION = (MinValueValidator(0.0), MaxValueValidator(1.0))


class AssistantVersion(models.Model):
    """One setting of the assistant. A change is a new version; the newest is in use, and an old one can be taken again.

    Empty fields mean what the settings of the installation say.
    """

    model = models.CharField(_("model"), max_length=60, blank=True, help_text=_("Empty: CLAUDE_MODEL of the settings."))
    rewrite_model = models.CharField(
        _("model that rewrites questions"), max_length=60, blank=True,
        help_text=_("Small and quick. Empty: CLAUDE_REWRITE_MODEL of the settings."),
    )  # fmt: skip
    max_tokens = models.PositiveIntegerField(
        _("longest answer, in tokens"), default=1024, validators=[MinValueValidator(64), MaxValueValidator(8192)]
    )
    temperature = models.FloatField(
        _("temperature"), null=True, blank=True, validators=_FRACTION,
        help_text=_("Between 0 and 1. Empty sends none, as newer models refuse it."),
    )  # fmt: skip
    prompt = models.TextField(
        _("instructions to the model"), blank=True, help_text=_("Empty: those the product comes with.")
    )
    top_k = models.PositiveSmallIntegerField(
        _("passages given to the model"), default=5, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    off_topic_similarity = models.FloatField(
        _("off topic below this similarity"), default=0.8, validators=_FRACTION,
        help_text=_("Of the best passage, when hardly a word of the question is found; depends on the embeddings."),
    )  # fmt: skip
    rewrites_questions = models.BooleanField(
        _("rewrites questions"), default=True,
        help_text=_("Into the terms and the language of the documents, when the first search is not sure."),
    )  # fmt: skip
    reranks = models.BooleanField(
        _("puts passages in order"), default=False,
        help_text=_("The model that rewrites questions reads the best twenty passages and orders them: one more call."),
    )  # fmt: skip
    daily_budget = models.DecimalField(
        _("budget a day, in euros"), max_digits=8, decimal_places=2, default=Decimal("20.00"),
        validators=[MinValueValidator(Decimal(0))],
    )  # fmt: skip
    caller_budget = models.DecimalField(
        _("budget a person and day, in euros"), max_digits=8, decimal_places=2, default=Decimal("1.00"),
        validators=[MinValueValidator(Decimal(0))],
    )  # fmt: skip
    is_answering = models.BooleanField(
        _("answers"), default=True, help_text=_("Off: no model is asked, and people are referred to a person.")
    )
    note = models.CharField(_("what changed"), max_length=200)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("setting of the assistant")
        verbose_name_plural = _("settings of the assistant")

    def __str__(self) -> str:
        return f"{self.pk} {self.note}"


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    def at(self, model: str, moment: datetime) -> "ModelPrice | None":
        """The price of a model at a moment; of a dated model name the price of its undated one will do."""
        names = [model, model.rpartition("-")[0]] if model[-8:].isdigit() else [model]
        valid = self.filter(model__in=names, valid_from__lte=moment.date())
        return valid.order_by("-valid_from", "-pk").first()


def _price(label: Any) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(label, max_digits=9, decimal_places=4, default=0, validators=[MinValueValidator(0)])


class ModelPrice(models.Model):
    """What a model costs from a day on, per million tokens, in US dollars, with the euro's rate it is booked at."""

    model = models.CharField(_("model"), max_length=60)
    valid_from = models.DateField(_("valid from"))
    input_price = _price(_("tokens in, $ a million"))
    output_price = _price(_("tokens out, $ a million"))
    cache_write_price = _price(_("written to cache, $ a million"))
    cache_read_price = _price(_("read from cache, $ a million"))
    euros_per_dollar = models.DecimalField(_("euros a dollar"), max_digits=7, decimal_places=4, default=Decimal("0.9"))
    source = models.CharField(_("source"), max_length=200, blank=True)

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price of a model")
        verbose_name_plural = _("prices of models")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "valid_from"], name="chatbot_modelprice_once"),
            models.CheckConstraint(
                condition=Q(input_price__gte=0, output_price__gte=0, cache_write_price__gte=0, cache_read_price__gte=0),
                name="chatbot_modelprice_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.valid_from:%Y-%m-%d}"


class ModelCall(models.Model):
    """One call of a model: its cost is put aside before, and settled by the provider's own count after.

    A call that never came back keeps what was put aside, for the provider may have counted it.
    """

    class Purpose(models.TextChoices):
        ANSWER = "answer", _("answer")
        REWRITE = "rewrite", _("rewriting")
        RERANK = "rerank", _("ordering of passages")
        TRIAL = "trial", _("trial by staff")

    purpose = models.CharField(_("purpose"), max_length=7, choices=Purpose.choices)
    model = models.CharField(_("model"), max_length=60)
    question = models.ForeignKey(
        Message, null=True, on_delete=models.SET_NULL, related_name="model_calls", verbose_name=_("question")
    )
    caller = models.CharField(max_length=64)
    topic = models.CharField(_("topic"), max_length=13, blank=True)
    input_tokens = models.PositiveIntegerField(_("tokens in"), default=0)
    output_tokens = models.PositiveIntegerField(_("tokens out"), default=0)
    cache_read_tokens = models.PositiveIntegerField(_("tokens read from cache"), default=0)
    cache_write_tokens = models.PositiveIntegerField(_("tokens written to cache"), default=0)
    cost = models.DecimalField(_("cost, in euros"), max_digits=12, decimal_places=6)
    passages = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="ids of the passages the model was given: no other can be cited",
    )
    is_settled = models.BooleanField(_("settled"), default=False)
    day = models.DateField(_("day"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("call of a model")
        verbose_name_plural = _("calls of models")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(purpose__in=["answer", "rewrite", "rerank", "trial"]), name="chatbot_modelcall_purpose"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["day", "caller"], name="chatbot_modelcall_day")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.model} {self.day}"
