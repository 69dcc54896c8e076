"""What a question found when it was asked, and groups of questions that were not answered, by meaning."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Subquery, Value, When
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from chatbot.models.conversations import Message
from chatbot.models.feedback import MessageFeedback
from chatbot.models.knowledge import EMBEDDING_DIMENSIONS, Chunk, Document
from chatbot.models.tickets import Ticket


class QuestionGroupQuerySet(models.QuerySet["QuestionGroup"]):
    def to_answer(self) -> "QuestionGroupQuerySet":
        """With a question that came since somebody was done with the group, if anybody ever was."""
        questions = QuestionTrace.objects.filter(group=OuterRef("pk"))
        return self.filter(
            Q(Exists(questions), done_at=None) | Exists(questions.filter(grouped_at__gt=OuterRef("done_at")))
        )


class QuestionGroup(models.Model):
    """Questions of one meaning. Done with, it leaves the list, until one more comes; without questions it is deleted.

    What it is called is a question's own text, read through `typical`, so that it goes when the question goes.
    """

    MAX_NOTE: ClassVar[int] = 500

    typical = models.ForeignKey(
        "QuestionTrace", null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("typical question")
    )
    article = models.ForeignKey(
        Document, null=True, on_delete=models.SET_NULL, related_name="question_groups", verbose_name=_("article")
    )
    done_at = models.DateTimeField(_("done"), null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("done by")
    )
    note = models.CharField(_("what was done"), max_length=MAX_NOTE, blank=True)
    created_at = models.DateTimeField(_("first grouped"))

    objects = QuestionGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("unanswered question")
        verbose_name_plural = _("unanswered questions")

    def __str__(self) -> str:
        """What it is called where a query brought that, or its number."""
        return getattr(self, "called", "") or f"{self.pk}"


class QuestionTraceQuerySet(models.QuerySet["QuestionTrace"]):
    def unanswered(self, since: datetime) -> "QuestionTraceQuerySet":
        """Asked since then and not answered, with `why`, the first reason that holds."""
        unhelpful = MessageFeedback.objects.filter(
            message__conversation=OuterRef("question__conversation"), is_helpful=False
        )
        another = unhelpful.exclude(message=OuterRef("answer"))
        # of a hand-over for lack of an answer, the question before it
        before = Message.objects.filter(
            conversation=OuterRef("conversation"), role=Message.Role.QUESTION, created_at__lte=OuterRef("created_at")
        )
        lacking = Ticket.objects.filter(reason__in=(Ticket.Reason.MISSING_KNOWLEDGE, Ticket.Reason.LOW_SUPPORT))
        handed_over = lacking.annotate(last=Subquery(before.order_by("-pk").values("pk")[:1])).filter(
            last=OuterRef("question")
        )
        reason, is_refused = QuestionTrace.Reason, Q(answer__outcome=Message.Outcome.REFUSED)
        why = Case(
            When(Q(answer__error="prompt_leak"), then=Value("")),  # an attack, and not something to write about
            When(Exists(handed_over), then=Value(reason.HANDED_OVER)),
            When(Q(Exists(another), answer__feedback__is_helpful=False), then=Value(reason.THUMBS_DOWN)),
            When(is_refused & Q(answer__error="unsupported"), then=Value(reason.UNSUPPORTED)),
            When(is_refused, then=Value(reason.REFUSED)),
            default=Value(""),
            output_field=models.CharField(),
        )
        return self.filter(asked_at__gte=since).annotate(why=why).exclude(why="")


class QuestionTrace(models.Model):
    """A question's vector and the best passage at that moment; `group` and `reason` once it is known as unanswered.

    Kept for every question, because many are found unhelpful only later; it is deleted with the question.
    """

    class Reason(models.TextChoices):
        REFUSED = "refused", _("nothing in the documents")
        UNSUPPORTED = "unsupported", _("answer without support")
        THUMBS_DOWN = "thumbs_down", _("answers of no use")
        HANDED_OVER = "handed_over", _("handed over for lack of an answer")

    WINDOW: ClassVar[timedelta] = timedelta(days=90)

    question = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="trace")
    answer = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(_("asked"))
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSIONS, null=True)
    embedding_model = models.CharField(max_length=60, blank=True)
    near_chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    near_title = models.CharField(max_length=200, blank=True)
    near_heading = models.CharField(max_length=300, blank=True)
    near_topic = models.CharField(max_length=13, blank=True)
    near_score = models.FloatField(null=True)
    near_similarity = models.FloatField(null=True)
    reason = models.CharField(_("reason"), max_length=11, choices=Reason.choices, blank=True)
    group = models.ForeignKey(QuestionGroup, null=True, on_delete=models.SET_NULL, related_name="questions")
    grouped_at = models.DateTimeField(null=True)

    objects = QuestionTraceQuerySet.as_manager()

    class Meta:
        verbose_name = _("trace of a question")
        verbose_name_plural = _("traces of questions")
        indexes: ClassVar = [models.Index(fields=["asked_at"], name="chatbot_questiontrace_asked")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(reason__in=["", "refused", "unsupported", "thumbs_down", "handed_over"]),
                name="chatbot_questiontrace_reason",
            ),
            models.CheckConstraint(
                condition=Q(group=None) | Q(grouped_at__isnull=False), name="chatbot_questiontrace_grouped"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.question_id}"
