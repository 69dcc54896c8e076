"""What was measured of the assistant, run by run: the figures, and of what they are."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from chatbot.models.assistant import AssistantVersion


class EvaluationRun(models.Model):
    """One run of `rag_eval`. Runs with the same questions can be compared; what differs else is written beside them."""

    at = models.DateTimeField(_("at"))
    name = models.CharField(_("questions"), max_length=160)
    questions_sha256 = models.CharField(_("SHA-256 of the questions"), max_length=64)
    question_count = models.PositiveIntegerField(_("number of questions"))
    document_count = models.PositiveIntegerField(_("documents"))
    passage_count = models.PositiveIntegerField(_("passages"))
    waiting_count = models.PositiveIntegerField(
        _("documents still being read"), default=0, help_text=_("More than none: measured on a part of them.")
    )
    corpus_sha256 = models.CharField(
        _("SHA-256 of the documents"),
        max_length=64,
        help_text=_("Where it is the same, the documents are the same."),
    )
    embedding_model = models.CharField(_("embedding model"), max_length=60)
    version = models.ForeignKey(
        AssistantVersion,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("setting of the assistant"),
        help_text=_("None: before there was any."),
    )
    answer_model = models.CharField(_("model"), max_length=60)
    rewrite_model = models.CharField(
        _("model that rewrites questions"), max_length=60, blank=True, help_text=_("Empty: none were rewritten.")
    )
    figures = models.JSONField(_("figures"))  # as the command prints them
    remarks = models.JSONField(_("questions to look at"), default=list)

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        indexes: ClassVar = [models.Index(fields=["questions_sha256", "at"], name="chatbot_evaluationrun_trend")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.name}"

    def figure(self, path: str) -> float | None:
        """A figure by its path, as "methods.hybrid.all.recall_at_5"; None where it was not measured."""
        return figure_at(self.figures, path)


def figure_at(figures: Any, path: str) -> float | None:
    """The number at a path of names joined by dots; None where there is none."""
    value = figures
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
