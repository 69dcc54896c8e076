"""Tickets as pages: asking for a person, a customer's own in the area, a guest's behind the mailed link."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.current_user import require_user, user_of
from chatbot.conversations.callers import page_caller
from chatbot.models import Conversation, Ticket, TicketAttachment, TicketMessage
from chatbot.tickets import services as tickets
from chatbot.tickets.downloads import file_response
from chatbot.tickets.forms import AnswerForm, PersonForm
from chatbot.tickets.limits import check_answering_allowed, check_opening_allowed
from chatbot.tickets.links import find_ticket, path_of
from core.errors import DomainError
from core.web.bodies import takes_files
from core.web.error_pages import error_page
from core.web.languages import current_language
from core.web.notices import Notice


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask_person(request: HttpRequest) -> HttpResponse:
    """Hand the present conversation over, or send what is written; without script."""
    conversation, is_guest = page_caller(request).conversation(), not request.user.is_authenticated
    form = PersonForm(request.POST or None, is_guest=is_guest, has_conversation=conversation is not None)
    status = HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.BAD_REQUEST
        if form.is_valid():
            try:
                ticket = _open_ticket(request, form, conversation)
            except DomainError as refused:
                form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
                status = HTTPStatus(refused.status)
            else:
                messages.success(
                    request, _("Your request is with us: its number is %(number)s.") % {"number": ticket.number}
                )
                return redirect(path_of(ticket))
    return render(request, "chatbot/ask_person.html", {"form": form, "conversation": conversation}, status=status)


def _open_ticket(request: HttpRequest, form: PersonForm, conversation: Conversation | None) -> Ticket:
    data, customer = form.cleaned_data, user_of(request)
    guest = None if customer else tickets.Guest(data["name"], data["email"])
    check_opening_allowed(request, guest.email if guest else "")
    if conversation is not None:
        return tickets.open_from_conversation(
            conversation=conversation, reason=tickets.reason_of(conversation), text=data["text"], guest=guest,
            now=timezone.now(),
        )  # fmt: skip
    return tickets.open_from_text(
        text=data["text"], customer=customer, guest=guest, language=current_language(),
        now=timezone.now(),
    )  # fmt: skip


@require_safe
def list_tickets(request: HttpRequest) -> HttpResponse:
    """The customer's requests, newest first."""
    mine = Ticket.objects.visible_to(request.user).order_by("-created_at", "-pk")
    page = Paginator(mine, 20).get_page(request.GET.get("pagina"))
    return render(request, "chatbot/tickets.html", {"page": page, "section": "tickets"})


@dataclass(frozen=True)
class _TicketAccess:
    """How a ticket's page was reached, and with it the addresses on it."""

    ticket: Ticket
    page: str
    solve_url: str
    file: Callable[[TicketAttachment], str]
    is_guest: bool


def _get_own_access(request: HttpRequest, number: str) -> _TicketAccess:
    ticket = get_object_or_404(Ticket.objects.visible_to(request.user), number=number)
    return _TicketAccess(
        ticket, ticket.get_absolute_url(), reverse("chatbot:solve_ticket", args=[number]),
        lambda file: reverse("chatbot:download_ticket_file", args=[number, file.reference]), is_guest=False,
    )  # fmt: skip


def _get_guest_access(token: str) -> _TicketAccess | None:
    ticket = find_ticket(token)
    if ticket is None:
        return None
    return _TicketAccess(
        ticket, reverse("chatbot:show_guest_ticket", args=[token]), reverse("chatbot:solve_guest_ticket", args=[token]),
        lambda file: reverse("chatbot:download_guest_ticket_file", args=[token, file.reference]), is_guest=True,
    )  # fmt: skip


@takes_files
@require_http_methods(["GET", "HEAD", "POST"])
def show_ticket(request: HttpRequest, number: str) -> HttpResponse:
    """A customer's request; with POST, their next words."""
    return _show(request, _get_own_access(request, number))


@require_POST
def solve_ticket(request: HttpRequest, number: str) -> HttpResponse:
    """The customer needs nothing more."""
    return _solve(request, _get_own_access(request, number))


@require_safe
def download_ticket_file(request: HttpRequest, number: str, reference: str) -> HttpResponse:
    """A file of a customer's request."""
    return _download(_get_own_access(request, number), reference)


@takes_files
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def show_guest_ticket(request: HttpRequest, token: str) -> HttpResponse:
    """A guest's request, by the mailed link."""
    access = _get_guest_access(token)
    return _private(_show(request, access) if access else _link_over(request))


@login_not_required
@require_POST
def solve_guest_ticket(request: HttpRequest, token: str) -> HttpResponse:
    """The guest needs nothing more."""
    access = _get_guest_access(token)
    return _private(_solve(request, access) if access else _link_over(request))


@login_not_required
@require_safe
def download_guest_ticket_file(request: HttpRequest, token: str, reference: str) -> HttpResponse:
    """A file of a guest's request."""
    access = _get_guest_access(token)
    return _private(_download(access, reference) if access else _link_over(request))


def _show(request: HttpRequest, access: _TicketAccess) -> HttpResponse:
    """The ticket; with POST, the customer's next words."""
    form = AnswerForm(request.POST or None, request.FILES or None)
    status = HTTPStatus.OK
    if request.method == "POST":
        status = HTTPStatus.BAD_REQUEST
        if form.is_valid():
            try:
                check_answering_allowed(access.ticket)
                tickets.answer_as_customer(
                    ticket=access.ticket, text=form.cleaned_data["text"], files=form.cleaned_data["file"],
                    author=user_of(request) if not access.is_guest else None, now=timezone.now(),
                )  # fmt: skip
            except DomainError as refused:
                form.add_error(refused.field if refused.field in form.fields else None, str(refused.message))
                status = HTTPStatus(refused.status)
            else:
                messages.success(request, _("Your answer is with us."))
                return redirect(access.page)
    context = {
        "ticket": access.ticket,
        "notice": ticket_notice(access.ticket),
        "access": access,
        "ticket_messages": _read_messages(access),
        "form": form,
        "section": "tickets",
    }
    return render(request, "chatbot/ticket.html", context, status=status)


def ticket_notice(ticket: Ticket) -> Notice | None:
    """How the request stands, as long as its customer has something to learn from it."""
    if ticket.status == Ticket.Status.CLOSED:
        text = _("Something else, or the same again? Open a new one.")
        return Notice("", _("This request is closed."), text, reverse("chatbot:ask_person"), _("Ask a person"))
    if ticket.status == Ticket.Status.RESOLVED:
        text = _("If something is left, write below within seven days: it is open again.")
        return Notice("done", _("This request is solved."), text)
    if not ticket.first_responded_at:
        time = date_format(timezone.localtime(ticket.first_response_due_at), "DATETIME_FORMAT")
        title = _("A person answers by %(time)s.") % {"time": time}
        return Notice("", title, _("The answer comes by mail and stands here."))
    return None


def _read_messages(access: _TicketAccess) -> list[dict[str, object]]:
    """What the customer may read, oldest first, each with its files and where they are."""
    files = Prefetch("attachments", TicketAttachment.objects.defer("content").order_by("pk"))
    ticket_messages = TicketMessage.objects.for_customer().filter(ticket=access.ticket).select_related("author")
    return [
        {"message": message, "files": [(file, access.file(file)) for file in message.attachments.all()]}
        for message in ticket_messages.prefetch_related(files).order_by("pk")
    ]


def _solve(request: HttpRequest, access: _TicketAccess) -> HttpResponse:
    tickets.resolve_as_customer(
        ticket=access.ticket, now=timezone.now(), actor=None if access.is_guest else require_user(request)
    )
    messages.success(request, _("Good: the request is solved. If you write again, it is open again."))
    return redirect(access.page)


def _download(access: _TicketAccess, reference: str) -> HttpResponse:
    visible = TicketMessage.objects.for_customer().filter(ticket=access.ticket)
    return file_response(get_object_or_404(TicketAttachment, reference=reference, message__in=visible))


def _link_over(request: HttpRequest) -> HttpResponse:
    """Forged, too old, or of a closed ticket: nobody is told which."""
    title, text = _("This link leads nowhere any more"), _("Its request may be closed. Write to us, and it goes on.")
    return error_page(request, HTTPStatus.NOT_FOUND, title, text)


def _private(response: HttpResponse) -> HttpResponse:
    """Whoever has the address reads the page: no cache and no search engine shall have it."""
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
