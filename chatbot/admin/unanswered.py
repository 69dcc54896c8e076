"""Questions that were not answered, by meaning: what the knowledge base lacks, and what was done about it."""

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from chatbot.admin.fields import ArticleForm
from chatbot.knowledge import unanswered
from chatbot.models import QuestionGroup, QuestionTrace, text_with_about_expression
from core.admin import ReadOnlyAdmin, confirmed_action, moment

_SHOWN = 100


class DoneForm(forms.Form):
    note = forms.CharField(
        label=_("Note"), max_length=QuestionGroup.MAX_NOTE, required=False, widget=UnfoldAdminTextareaWidget(),
        help_text=_("What was done about it, or why nothing has to be."),
    )  # fmt: skip


class StateFilter(admin.SimpleListFilter):
    """What is to be answered, unless somebody wants to see the others."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("done", _("Done")), ("all", _("All"))]

    def choices(self, changelist):
        open_ones = {
            "selected": self.value() in (None, "open"), "query_string": changelist.get_query_string({}, ["state"]),
            "display": _("To answer"),
        }  # fmt: skip
        return [open_ones, *list(super().choices(changelist))[1:]]

    def queryset(self, request, queryset):
        to_answer = QuestionGroup.objects.to_answer()
        match self.value():
            case "all":
                return queryset
            case "done":
                return queryset.exclude(pk__in=to_answer.values("pk"))
        return queryset.filter(pk__in=to_answer.values("pk"))


@admin.register(QuestionGroup)
class QuestionGroupAdmin(ReadOnlyAdmin):
    records_opening = True  # its questions are what people said in confidence
    list_display = ("opening", "size", "last_asked", "near", "state")
    list_filter = (StateFilter,)
    search_fields = ("typical__question__text", "questions__question__text", "note")
    list_select_related = ("typical__question", "done_by")
    fieldsets = (
        (None, {"fields": ("typical_question", ("size", "last_asked", "state"), "question_list")}),
        (_("What was done"), {"fields": (("done_at", "done_by", "article"), "note")}),
    )
    readonly_fields = ("typical_question", "size", "last_asked", "state", "question_list")
    actions_detail = ("write_article", "mark_done")

    def get_queryset(self, request):
        newest = QuestionTrace.objects.filter(group=OuterRef("pk")).order_by("-pk")
        to_answer = QuestionGroup.objects.to_answer().filter(pk=OuterRef("pk")).values("pk")
        groups = super().get_queryset(request).annotate(
            # a group's typical question may have been deleted a moment ago
            called=Coalesce(
                text_with_about_expression("typical__question__"),
                Subquery(newest.values(called=text_with_about_expression("question__"))[:1]),
            ),
            question_count=Count("questions"), newest=Max("questions__asked_at"), waiting=Subquery(to_answer),
        )  # fmt: skip
        return groups.order_by("-question_count", "-newest", "-pk")

    @display(description=_("question"), ordering="called")
    def opening(self, group):
        return Truncator(group.called or "–").chars(140)

    @display(description=_("typical question"))
    def typical_question(self, group):
        return group.called or "–"

    @display(description=_("questions"), ordering="question_count")
    def size(self, group):
        return group.question_count

    @display(description=_("asked last"), ordering="newest")
    def last_asked(self, group):
        return moment(group.newest) if group.newest else "–"

    @display(description=_("what came near"))
    def near(self, group: QuestionGroup):
        typical = group.typical
        return (typical.near_title or gettext("nothing")) if typical else "–"

    @display(description=_("state"))
    def state(self, group):
        if not group.waiting:
            return format_html('<span class="badge badge--done">{}</span>', capfirst(gettext("done")))
        if group.done_at is None:
            return format_html('<span class="badge badge--todo">{}</span>', gettext("To answer"))
        return format_html('<span class="badge badge--warn">{}</span>', gettext("Asked again"))

    @display(description=_("what people asked"))
    def question_list(self, group: QuestionGroup):
        traces = group.questions.select_related("question").defer("embedding").order_by("-asked_at", "-pk")[:_SHOWN]
        items = (
            (moment(trace.asked_at), capfirst(trace.get_reason_display()), trace.question.text_with_about, _near(trace),
             reverse("admin:chatbot_conversation_change", args=[trace.question.conversation_id]),
             gettext("Open the conversation"))
            for trace in traces
        )  # fmt: skip
        item = (
            '<li class="said"><p class="said__who">{}, {}</p><p>{}</p><p class="said__who">{}</p>'
            '<p><a href="{}">{}</a></p></li>'
        )
        list_items = format_html_join("", item, items)
        return (
            format_html('<ol class="saids">{}</ol>', list_items)
            if list_items
            else gettext("The questions were deleted.")
        )

    @confirmed_action(
        needs="chatbot.write_article",
        description=_("Write an article"),
        question=_(
            "The assistant tells everybody what stands here, and these questions leave the list. Put the question "
            "in your own words: names, addresses or anything else of whoever asked must not stay in it."
        ),
        is_offered=lambda group: bool(group.waiting),
        form_class=ArticleForm,
        initial=unanswered.article_draft,
        variant=ActionVariant.PRIMARY,
    )
    def write_article(self, request: HttpRequest, group: QuestionGroup, data: dict) -> str:
        document = unanswered.write_article(group=group, **data, actor=request.user, now=timezone.now())
        self.record(request, group, "made_article", document=document.pk)
        return gettext("The article is being read: in a moment the assistant answers with it.")

    @confirmed_action(
        needs="chatbot.review_answer",
        description=_("Mark as done"),
        question=_("These questions leave the list. They come back when one more like them is asked."),
        is_offered=lambda group: bool(group.waiting),
        form_class=DoneForm,
    )
    def mark_done(self, request: HttpRequest, group: QuestionGroup, data: dict) -> str:
        unanswered.mark_done(group=group, note=data["note"], actor=request.user, now=timezone.now())
        self.record(request, group, "done")
        return gettext("The questions have left the list.")


def _near(trace: QuestionTrace):
    """The best passage when it was asked, with its score and how like it was; linked as long as it is there."""
    if not trace.near_title:
        return gettext("Nothing came near.")
    title = f"{trace.near_title}, {trace.near_heading}" if trace.near_heading else trace.near_title
    score = number_format(trace.near_score or 0, 2)
    likeness = "–" if trace.near_similarity is None else number_format(trace.near_similarity, 3)
    scores = gettext("score %(score)s, similarity %(similarity)s") % {"score": score, "similarity": likeness}
    if trace.near_chunk_id:
        url = reverse("admin:chatbot_chunk_change", args=[trace.near_chunk_id])
        title = format_html('<a href="{}">{}</a>', url, title)
    return format_html("{}: {} ({})", gettext("What came near"), title, scores)
