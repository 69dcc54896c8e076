"""The inbox of tickets in the back office: what waits, since when, and what can be done about it."""

from datetime import timedelta

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join, linebreaks
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from accounts.models import User
from chatbot import working_hours
from chatbot.admin.fields import ArticleForm, ManyFilesWidget
from chatbot.models import Ticket, TicketAttachment, TicketMessage
from chatbot.texts import MAX_TEXT
from chatbot.tickets import services as tickets
from chatbot.tickets.downloads import file_response
from chatbot.tickets.forms import FilesField, files_hint
from core.admin import ReadOnlyAdmin, YesFilter, badge, confirmed_action, moment

_STATUS_LOOKS = {
    "new": "todo", "in_progress": "now", "waiting_customer": "todo", "resolved": "done", "closed": "done",
}  # fmt: skip
_SHORT = timedelta(hours=1)
_PRIORITY_LOOKS = {"urgent": "stop", "high": "warn", "medium": "todo", "low": "todo"}


class TextForm(forms.Form):
    """An answer or a note, with files."""

    text = forms.CharField(label=_("Text"), max_length=MAX_TEXT, widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}))
    file = FilesField(label=_("Files"), required=False, widget=ManyFilesWidget())

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = files_hint()


class LastWordsForm(forms.Form):
    """What the customer is told with the solution."""

    text = forms.CharField(
        label=_("Last words to the customer"), max_length=MAX_TEXT, required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
    )  # fmt: skip


class AssignForm(forms.Form):
    assignee = forms.ModelChoiceField(
        label=_("Assigned to"), widget=UnfoldAdminSelectWidget(),
        queryset=User.objects.able_to("chatbot.answer_ticket").order_by("email"),
    )  # fmt: skip


class PriorityForm(forms.Form):
    priority = forms.ChoiceField(label=_("Priority"), choices=Ticket.Priority.choices, widget=UnfoldAdminSelectWidget())


class OverdueFilter(YesFilter):
    title = _("overdue")
    parameter_name = "overdue"

    def narrow(self, queryset):
        return queryset.overdue(timezone.now())


class UnfinishedFilter(YesFilter):
    title = _("open")
    parameter_name = "unfinished"

    def narrow(self, queryset):
        return queryset.unfinished()


class AssigneeFilter(admin.SimpleListFilter):
    """Of the staff who have tickets, and of nobody: not a list of every customer."""

    title = _("assigned to")
    parameter_name = "assignee"

    def lookups(self, request, model_admin):
        having = User.objects.filter(pk__in=Ticket.objects.values("assignee")).order_by("email")
        return [("me", _("me")), ("nobody", _("nobody")), *((str(user.pk), user.email) for user in having)]

    def queryset(self, request, queryset):
        match self.value():
            case "me":
                return queryset.filter(assignee=request.user)
            case "nobody":
                return queryset.filter(assignee=None)
            case str(pk) if pk.isdecimal():
                return queryset.filter(assignee=pk)
        return queryset


def _badge(look, text):
    return format_html('<span class="badge badge--{}">{}</span>', look, text)


def _timer(due, done_at, *, is_running):
    """A deadline in words with its shape: kept, standing still, running, less than a working hour away, missed."""
    now = timezone.now()
    if done_at:
        return _badge("done", moment(done_at))
    if not is_running:
        return _badge("todo", gettext("stands still"))
    if due <= now:
        return _badge("stop", gettext("overdue since %(moment)s") % {"moment": moment(due)})
    look = "warn" if working_hours.between(now, due) < _SHORT else "now"
    return _badge(look, gettext("by %(moment)s") % {"moment": moment(due)})


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = (
        "shown_number", "subject", "contact", "status_badge", "priority_badge", "deadline", "assignee",
    )  # fmt: skip
    view_on_site = False  # the customer's page is the customer's alone
    list_filter = (UnfinishedFilter, OverdueFilter, "status", "priority", "reason", AssigneeFilter, "topic", "language")
    search_fields = ("number", "subject", "guest_name", "guest_email", "customer__email", "customer__last_name")
    list_select_related = ("customer", "assignee")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "subject",
                    ("number", "status_badge", "priority_badge"),
                    ("contact", "language", "assignee"),
                    ("answer_timer", "solution_timer"),
                    "thread",
                )
            },
        ),
        (_("Where it comes from"), {"fields": (("reason", "topic", "created_at"), "conversation", "transcript_text")}),
        (_("What became of it"), {"fields": (("resolved_at", "closed_at", "alerted_at"), "article")}),
    )
    readonly_fields = (
        "status_badge", "priority_badge", "contact", "answer_timer", "solution_timer", "thread", "transcript_text",
    )  # fmt: skip
    actions_detail = (
        "answer", "add_note", "take", "assign", "set_priority", "resolve", "reopen", "make_article",
    )  # fmt: skip

    status_badge = badge("status", _("status"), _STATUS_LOOKS)
    priority_badge = badge("priority", _("priority"), _PRIORITY_LOOKS)

    @display(description=_("customer"))
    def contact(self, ticket: Ticket):
        parts = [part for part in (ticket.contact_name, ticket.contact_email) if part]
        return ", ".join(parts) or "–"

    @display(description=_("number"), ordering="number")
    def shown_number(self, ticket: Ticket):
        return format_html('<span class="nowrap">{}</span>', ticket.number)

    @display(description=_("next deadline"), ordering="first_response_due_at")
    def deadline(self, ticket: Ticket):
        is_answered = ticket.first_responded_at or ticket.is_finished
        word = gettext("solution") if is_answered else gettext("first answer")
        timer = self.solution_timer(ticket) if is_answered else self.answer_timer(ticket)
        return format_html('{}<br><span class="nowrap">{}</span>', timer, capfirst(word))

    @display(description=_("first answer"))
    def answer_timer(self, ticket: Ticket):
        is_running = not ticket.is_finished
        return _timer(ticket.first_response_due_at, ticket.first_responded_at, is_running=is_running)

    @display(description=_("solution"))
    def solution_timer(self, ticket: Ticket):
        return _timer(ticket.resolution_due_at, ticket.resolved_at, is_running=ticket.paused_at is None)

    @display(description=_("what was said"))
    def thread(self, ticket: Ticket):
        files = TicketAttachment.objects.defer("content").filter(message__ticket=ticket).order_by("pk")
        by_message: dict[int, list[TicketAttachment]] = {}
        for file in files:
            by_message.setdefault(file.message_id, []).append(file)
        ticket_messages = ticket.messages.select_related("author").order_by("pk")
        parts = ((message.kind, _head(message), _text(message.text), _files(by_message.get(message.pk, [])))
                 for message in ticket_messages)  # fmt: skip
        items = format_html_join("", '<li class="said said--{}"><p class="said__who">{}</p>{}{}</li>', parts)
        return format_html('<ol class="saids">{}</ol>', items) if items else "–"

    @display(description=_("conversation with the assistant"))
    def transcript_text(self, ticket: Ticket):
        return format_html('<div class="said">{}</div>', _text(ticket.transcript)) if ticket.transcript else "–"

    def get_urls(self):
        download = self.page("files/<uuid:reference>/", self.download_view, "file", needs="view")
        return [download, *super().get_urls()]

    def download_view(self, request: HttpRequest, reference: str) -> HttpResponse:
        file = get_object_or_404(TicketAttachment.objects.select_related("message__ticket"), reference=reference)
        self.record_reading(request, file.message.ticket, "file_opened", reference=str(reference))
        return file_response(file)

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Reply"),
        question=_("The customer gets the answer by mail, and it is their turn then."),
        is_offered=lambda ticket: not ticket.is_finished,
        form_class=TextForm,
        variant=ActionVariant.PRIMARY,
    )
    def answer(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        tickets.answer_as_staff(
            ticket=ticket, text=data["text"], files=data["file"], actor=request.user, now=timezone.now()
        )
        self.record(request, ticket, "answered")
        return gettext("The answer is on its way.")

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Internal note"),
        question=_("Only staff read it: it is on no page and in no mail of the customer."),
        is_offered=bool,  # at any time, a closed one too
        form_class=TextForm,
    )
    def add_note(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        tickets.add_note(ticket=ticket, text=data["text"], files=data["file"], actor=request.user, now=timezone.now())
        self.record(request, ticket, "noted")
        return gettext("The note is kept.")

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Assign to me"),
        question=_("News of this ticket come to you from now on."),
        is_offered=lambda ticket: not ticket.is_finished,
    )
    def take(self, request: HttpRequest, ticket: Ticket) -> str:
        tickets.assign(ticket=ticket, assignee=request.user, actor=request.user, now=timezone.now())
        return gettext("Ticket %(number)s is yours.") % {"number": ticket.number}

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Assign"),
        question=_("Whoever gets the ticket is told by mail, and has its news from now on."),
        is_offered=lambda ticket: not ticket.is_finished,
        form_class=AssignForm,
        initial=lambda ticket: {"assignee": ticket.assignee_id},
    )
    def assign(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        assignee = data["assignee"]
        tickets.assign(ticket=ticket, assignee=assignee, actor=request.user, now=timezone.now())
        return gettext("The ticket is assigned to %(name)s.") % {"name": assignee.get_full_name()}

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Priority"),
        question=_("The deadlines follow the priority, counted from the opening."),
        is_offered=lambda ticket: not ticket.is_finished,
        form_class=PriorityForm,
        initial=lambda ticket: {"priority": ticket.priority},
    )
    def set_priority(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        values = {"priority": [ticket.priority, data["priority"]]}
        tickets.set_priority(ticket=ticket, priority=data["priority"], now=timezone.now())
        self.record(request, ticket, "priority_set", priority=data["priority"], changes=values)
        return gettext("The priority and the deadlines are changed.")

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Resolve"),
        question=_("The customer is told that it is solved. It closes after seven days, unless they write again."),
        is_offered=lambda ticket: not ticket.is_finished,
        form_class=LastWordsForm,
    )
    def resolve(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        tickets.resolve(ticket=ticket, text=data["text"], actor=request.user, now=timezone.now())
        self.record(request, ticket, "resolved")
        return gettext("The ticket is resolved.")

    @confirmed_action(
        needs="chatbot.answer_ticket",
        description=_("Open again"),
        question=_("The ticket is in progress again, and its clock goes on."),
        is_offered=lambda ticket: ticket.status == Ticket.Status.RESOLVED,
    )
    def reopen(self, request: HttpRequest, ticket: Ticket) -> str:
        tickets.reopen(ticket=ticket, now=timezone.now())
        self.record(request, ticket, "reopened")
        return gettext("The ticket is open again.")

    @confirmed_action(
        needs="chatbot.write_article",
        description=_("Make an article"),
        question=_(
            "The assistant tells everybody what stands here. Read it through: names, addresses, numbers of orders or "
            "anything else of the customer must not stay in it."
        ),
        is_offered=lambda ticket: ticket.is_finished and ticket.article_id is None,
        form_class=ArticleForm,
        initial=tickets.article_draft,
    )
    def make_article(self, request: HttpRequest, ticket: Ticket, data: dict) -> str:
        document = tickets.make_article(ticket=ticket, **data, now=timezone.now())
        self.record(request, ticket, "made_article", document=document.pk)
        return gettext("The article is being read: in a moment the assistant answers with it.")


def _head(message: TicketMessage):
    who = message.author.get_full_name() if message.author else ""
    at = timezone.localtime(message.at)
    kind = capfirst(message.get_kind_display())
    return f"{kind}{', ' if who else ''}{who}, {at:%d.%m.%Y %H:%M}"


def _text(text: str):
    # escaped first: what a customer writes is no markup of ours
    return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308


def _files(files: list[TicketAttachment]):
    links = ((reverse("admin:chatbot_ticket_file", args=[file.reference]), file.name) for file in files)
    return format_html_join("", '<p><a href="{}">{}</a></p>', links)
