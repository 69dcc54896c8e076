"""What people asked and what the assistant answered, in the back office: to be read."""

from django import forms
from django.contrib import admin
from django.db.models import Count, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from chatbot.models import Citation, Conversation, Message, ModelCall, Ticket
from chatbot.tickets import services as tickets
from core.admin import ReadOnlyAdmin, ReadOnlyInline, confirmed_action
from core.web.fields import EmailField, NameField


class MessageInline(ReadOnlyInline):
    model = Message
    fields = ("created_at", "role", "about", "text", "outcome", "error")
    readonly_fields = fields
    ordering = ("pk",)
    verbose_name_plural = _("Messages")


class TakeOverForm(forms.Form):
    """Whom to answer, where the conversation is a guest's."""

    name = NameField(
        label=_("Guest’s name"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Only for a guest: a customer is known."),
    )  # fmt: skip
    email = EmailField(label=_("Guest’s e-mail"), required=False, widget=UnfoldAdminEmailInputWidget())


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
    actions_detail = ("take_over",)

    def get_queryset(self, request):
        of_people = super().get_queryset(request).exclude(caller=Conversation.EVALUATION)
        return of_people.annotate(message_count=Count("messages"))

    @display(description=_("messages"), ordering="message_count")
    def questions(self, conversation):
        return conversation.message_count

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Take over"),
        question=_("A ticket with this conversation is opened, and the customer gets its number by mail."),
        is_offered=lambda conversation: not conversation.tickets.exclude(status=Ticket.Status.CLOSED).exists(),
        form_class=TakeOverForm,
    )
    def take_over(self, request: HttpRequest, conversation: Conversation, data: dict) -> str:
        now = timezone.now()
        ticket = tickets.open_from_conversation(
            conversation=conversation, reason=Ticket.Reason.STAFF, text="",
            guest=tickets.Guest(data["name"], data["email"]), now=now,
        )  # fmt: skip
        tickets.assign(ticket=ticket, assignee=request.user, actor=request.user, now=now)
        self.record(request, ticket, "taken_over")
        return gettext("Ticket %(number)s is yours.") % {"number": ticket.number}


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
        of_people = super().get_queryset(request).exclude(conversation__caller=Conversation.EVALUATION)
        return of_people.annotate(total_cost=Sum("model_calls__cost"))

    @display(description=_("cost"), ordering="total_cost")
    def cost(self, message: Message):
        total_cost = getattr(message, "total_cost", None)
        return "" if total_cost is None else f"{total_cost:.4f} €"

    @display(description=_("text"))
    def opening(self, message: Message):
        return message.text[:80]
