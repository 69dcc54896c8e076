"""The review queue: what people thought of the answers, and what was made of it."""

from django import forms
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from chatbot.admin.fields import ArticleForm
from chatbot.conversations import feedback as services
from chatbot.models import MessageFeedback
from core.admin import ReadOnlyAdmin, confirmed_action


class ReviewForm(forms.Form):
    note = forms.CharField(
        label=_("Note"), max_length=500, required=False, widget=UnfoldAdminTextareaWidget(),
        help_text=_("What was done about it."),
    )  # fmt: skip


class ReviewedFilter(admin.SimpleListFilter):
    title = _("reviewed")
    parameter_name = "reviewed"

    def lookups(self, request, model_admin):
        return [("no", _("No")), ("yes", _("Yes"))]

    def queryset(self, request, queryset):
        return queryset.filter(reviewed_at__isnull=self.value() == "no") if self.value() else queryset


@admin.register(MessageFeedback)
class MessageFeedbackAdmin(ReadOnlyAdmin):
    list_display = ("given_at", "verdict", "reason", "opening", "text", "reviewed", "conversation")
    list_filter = (ReviewedFilter, "is_helpful", "reason")
    search_fields = ("message__text", "text", "note")
    list_select_related = ("message__conversation",)
    date_hierarchy = "given_at"
    ordering = ("-given_at", "-pk")
    fields = (
        "given_at", "verdict", "reason", "text", "question", "answer", "conversation", "reviewed_at", "reviewed_by",
        "note",
    )  # fmt: skip
    readonly_fields = ("verdict", "question", "answer", "conversation")
    actions_detail = ("write_article", "mark_reviewed")

    @display(description=_("verdict"), ordering="is_helpful")
    def verdict(self, feedback: MessageFeedback):
        look, word = ("done", _("Helped")) if feedback.is_helpful else ("warn", _("Did not help"))
        return format_html('<span class="badge badge--{}">{}</span>', look, word)

    @display(description=_("reviewed"), ordering="reviewed_at", boolean=True)
    def reviewed(self, feedback: MessageFeedback):
        return feedback.reviewed_at is not None

    @display(description=_("answer"))
    def opening(self, feedback: MessageFeedback):
        return feedback.message.text[:80]

    @display(description=_("question"))
    def question(self, feedback: MessageFeedback):
        question = services.question_of(feedback)
        return question.text_with_about if question else ""

    @display(description=_("answer"))
    def answer(self, feedback: MessageFeedback):
        return feedback.message.text

    @display(description=_("conversation"))
    def conversation(self, feedback: MessageFeedback):
        url = reverse("admin:chatbot_conversation_change", args=[feedback.message.conversation_id])
        return format_html('<a href="{}">{}</a>', url, _("Open the conversation"))

    @confirmed_action(
        needs="chatbot.write_article",
        description=_("Write an article"),
        question=_(
            "The assistant tells everybody what stands here, and the feedback leaves the queue. Put the question in "
            "your own words: names, addresses or anything else of whoever asked must not stay in it."
        ),
        is_offered=lambda feedback: feedback.reviewed_at is None,
        form_class=ArticleForm,
        initial=services.article_draft,
    )
    def write_article(self, request, feedback, data):
        document = services.write_article(feedback=feedback, **data, actor=request.user, now=timezone.now())
        self.record(request, feedback, "made_article", document=document.pk)
        return gettext("The article is being read: in a moment the assistant answers with it.")

    @confirmed_action(
        needs="chatbot.review_answer",
        description=_("Mark as reviewed"),
        question=_("Take this feedback off the review queue?"),
        is_offered=lambda feedback: feedback.reviewed_at is None,
        form_class=ReviewForm,
    )
    def mark_reviewed(self, request, feedback, data):
        services.review(feedback=feedback, note=data["note"], actor=request.user, now=timezone.now())
        self.record(request, feedback, "reviewed")
        return gettext("The feedback has been marked as reviewed.")
