"""What people asked and what the assistant answered, in the back office: to be read."""

from django.contrib import admin
from django.db.models import Count, Sum
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from chatbot.models import Citation, Conversation, Message, ModelCall
from core.admin import ReadOnlyAdmin, ReadOnlyInline


class MessageInline(ReadOnlyInline):
    model = Message
    fields = ("created_at", "role", "text", "outcome", "error")
    readonly_fields = fields
    ordering = ("pk",)
    verbose_name_plural = _("Messages")


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "user", "language", "questions")
    list_filter = ("language",)
    search_fields = ("user__email", "token")
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fields = ("token", "user", "language", "created_at")
    inlines = (MessageInline,)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(message_count=Count("messages"))

    @display(description=_("messages"), ordering="message_count")
    def questions(self, conversation):
        return conversation.message_count


class ModelCallInline(ReadOnlyInline):
    model = ModelCall
    fields = ("at", "purpose", "model", "input_tokens", "output_tokens", "cache_read_tokens", "cost", "is_settled")
    readonly_fields = fields
    verbose_name_plural = _("Calls of models")


class CitationInline(ReadOnlyInline):
    model = Citation
    fields = ("number", "title", "heading", "page", "quote")
    verbose_name_plural = _("Sources")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "role", "opening", "outcome", "error", "cost")
    list_filter = ("role", "outcome")
    search_fields = ("text",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    inlines = (ModelCallInline, CitationInline)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(spent=Sum("model_calls__cost"))

    @display(description=_("cost"), ordering="spent")
    def cost(self, message: Message):
        spent = getattr(message, "spent", None)
        return "" if spent is None else f"{spent:.4f} €"

    @display(description=_("text"))
    def opening(self, message: Message):
        return message.text[:80]
