"""Requests for a person: opening, answering, deadlines, and the article that a solved one becomes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone, translation
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatbot.answering.handoff import has_little_support
from chatbot.conversations.feedback import wants_person
from chatbot.knowledge import articles
from chatbot.models import Conversation, Document, IllegalTicketMoveError, Message, Ticket, TicketMessage, Topic
from chatbot.models.tickets import TicketAttachment
from chatbot.texts import clean_text
from chatbot.tickets import mails
from core import audit, changes
from core.errors import DomainError, InvalidInputError
from core.mail_address import check_address
from core.numbering import next_number
from core.person_name import check_name
from core.queue import each
from core.uploads import FILES_AT_ONCE, UploadRefusedError, clean_name, detect_kind

MAX_FILES_OF_TICKET = 30
CLOSE_AFTER = timedelta(days=7)
Files = Iterable["UploadedFile[Any]"]
_SUBJECT = 120
_MAX_NAME = 80
_TRANSCRIPT_MESSAGES = 60


class TicketClosedError(DomainError):
    """Nothing more is said in a closed ticket."""

    code = "ticket_closed"
    message = _("This request is closed. Please open a new one: it is answered sooner.")


@dataclass(frozen=True)
class Guest:
    """Somebody without a login, as they told us."""

    name: str
    email: str


def reason_of(conversation: Conversation) -> str:
    """Why somebody asks for a person after this conversation, as its last answer and what was thought of it tell."""
    last = conversation.messages.filter(role=Message.Role.ANSWER).order_by("-pk").first()
    if last is None or last.outcome == Message.Outcome.PERSON:
        return Ticket.Reason.ASKED
    if last.outcome == Message.Outcome.REFUSED:
        return Ticket.Reason.MISSING_KNOWLEDGE
    if wants_person(conversation):
        return Ticket.Reason.THUMBS_DOWN
    return Ticket.Reason.LOW_SUPPORT if has_little_support(last) else Ticket.Reason.ASKED


@transaction.atomic
def open_from_conversation(
    *, conversation: Conversation, reason: str, text: str, guest: Guest | None, now: datetime
) -> Ticket:
    """Hand a conversation over to a person; asked again, the ticket it has already is given back.

    What is said the second time is added to that ticket. `guest` is needed for a conversation without a customer.
    """
    message_text = clean_text(text, required=False)
    # two at once: the second one waits
    locked_conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
    open_ticket = locked_conversation.tickets.exclude(status=Ticket.Status.CLOSED).first()
    if open_ticket:
        customer_messages = open_ticket.messages.filter(kind=TicketMessage.Kind.CUSTOMER)
        if message_text and not customer_messages.filter(text=message_text).exists():
            answer_as_customer(ticket=open_ticket, text=message_text, author=locked_conversation.user, now=now)
            open_ticket.refresh_from_db()
        return open_ticket
    questions = locked_conversation.messages.filter(role=Message.Role.QUESTION)
    last_question = questions.order_by("-pk").values_list("text", flat=True).first() or ""
    ticket = Ticket(
        conversation=locked_conversation, reason=reason, topic=_topic_of(locked_conversation),
        subject=_subject_of(message_text or last_question), language=locked_conversation.language,
        transcript=_transcript_of(locked_conversation), customer=locked_conversation.user,
    )  # fmt: skip
    return _open(ticket, message_text, guest, now)


@transaction.atomic
def open_from_text(*, text: str, customer: User | None, guest: Guest | None, language: str, now: datetime) -> Ticket:
    """A request by itself, without a conversation before it."""
    message_text = clean_text(text)
    ticket = Ticket(
        reason=Ticket.Reason.CONTACT, subject=_subject_of(message_text), language=language, customer=customer
    )
    return _open(ticket, message_text, guest, now)


@transaction.atomic
def answer_as_customer(
    *, ticket: Ticket, text: str, author: User | None, now: datetime, files: Files = ()
) -> TicketMessage:
    """The customer goes on; a ticket that waited or was resolved is in progress again."""
    message_text = clean_text(text)
    locked_ticket = _lock(ticket)
    if not locked_ticket.is_open:
        raise TicketClosedError
    message = _say(locked_ticket, TicketMessage.Kind.CUSTOMER, message_text, author, now, files)
    if locked_ticket.status in (Ticket.Status.WAITING_CUSTOMER, Ticket.Status.RESOLVED):
        locked_ticket.move_to(Ticket.Status.IN_PROGRESS, now=now)
    audit.record(action="ticket.answered_by_customer", target=locked_ticket, actor=author)
    mails.tell_staff(locked_ticket, "customer_answered")
    return message


@transaction.atomic
def answer_as_staff(*, ticket: Ticket, text: str, now: datetime, actor: User, files: Files = ()) -> TicketMessage:
    """A person's answer: the clock of the first answer stops, and the customer's turn begins."""
    message_text = clean_text(text)
    locked_ticket = _lock(ticket)
    if locked_ticket.is_finished:
        raise IllegalTicketMoveError(locked_ticket)
    message = _say(locked_ticket, TicketMessage.Kind.STAFF, message_text, actor, now, files)
    _note_first_answer(locked_ticket, actor, now)
    if locked_ticket.status != Ticket.Status.WAITING_CUSTOMER:
        locked_ticket.move_to(Ticket.Status.WAITING_CUSTOMER, now=now)
    mails.tell_customer_answered(locked_ticket, message_text)
    return message


@transaction.atomic
def add_note(*, ticket: Ticket, text: str, now: datetime, actor: User, files: Files = ()) -> TicketMessage:
    """Something for staff alone: no page, mail or API of the customer ever has it."""
    return _say(_lock(ticket), TicketMessage.Kind.NOTE, clean_text(text), actor, now, files)


@transaction.atomic
def assign(*, ticket: Ticket, assignee: User, actor: User, now: datetime) -> None:
    """Give the ticket to somebody, who is told unless they took it themselves; a new one is in progress then."""
    locked_ticket = _lock(ticket)
    if locked_ticket.is_finished:
        raise IllegalTicketMoveError(locked_ticket)
    before = changes.snapshot(locked_ticket, ["assignee", "status"])
    locked_ticket.assignee = assignee
    locked_ticket.save(update_fields=["assignee"])
    if locked_ticket.status == Ticket.Status.NEW:
        locked_ticket.move_to(Ticket.Status.IN_PROGRESS, now=now)
    values = changes.between(locked_ticket, before)
    audit.record(action="ticket.assigned", target=locked_ticket, actor=actor, to=assignee.pk, changes=values)
    if assignee != actor:
        mails.tell_staff(locked_ticket, "assigned")


@transaction.atomic
def set_priority(*, ticket: Ticket, priority: str, now: datetime) -> None:
    """Another priority, with its deadlines; staff are alerted anew if there is time again."""
    locked_ticket = _lock(ticket)
    if locked_ticket.is_finished:
        raise IllegalTicketMoveError(locked_ticket)
    locked_ticket.priority = priority
    locked_ticket.set_deadlines()
    if now < locked_ticket.warn_at:
        locked_ticket.alerted_at = None
    locked_ticket.save(
        update_fields=["priority", "first_response_due_at", "warn_at", "resolution_due_at", "alerted_at"]
    )


@transaction.atomic
def resolve(*, ticket: Ticket, text: str, now: datetime, actor: User) -> None:
    """Staff have solved it; the customer is told, with the last words if there are any."""
    message_text = clean_text(text, required=False)
    locked_ticket = _lock(ticket)
    locked_ticket.move_to(Ticket.Status.RESOLVED, now=now)
    if message_text:
        _say(locked_ticket, TicketMessage.Kind.STAFF, message_text, actor, now)
    _note_first_answer(locked_ticket, actor, now)
    mails.tell_customer_answered(locked_ticket, message_text)


@transaction.atomic
def resolve_as_customer(*, ticket: Ticket, now: datetime, actor: User | None) -> None:
    """The customer needs nothing more; said twice it is said once."""
    locked_ticket = _lock(ticket)
    if locked_ticket.is_finished:
        return
    locked_ticket.move_to(Ticket.Status.RESOLVED, now=now)
    audit.record(action="ticket.resolved_by_customer", target=locked_ticket, actor=actor)


@transaction.atomic
def reopen(*, ticket: Ticket, now: datetime) -> None:
    """A resolved ticket is in progress again."""
    _lock(ticket).move_to(Ticket.Status.IN_PROGRESS, now=now)


def close_resolved(*, now: datetime) -> int:
    """Close what nobody came back to for a week after it was resolved; returns how many."""
    due = Ticket.objects.filter(status=Ticket.Status.RESOLVED, resolved_at__lte=now - CLOSE_AFTER)

    @transaction.atomic
    def close(pk: int) -> bool:
        ticket = due.select_for_update().filter(pk=pk).first()  # none if the customer answered in this moment
        if ticket is None:
            return False
        ticket.move_to(Ticket.Status.CLOSED, now=now)
        audit.record(action="ticket.closed", target=ticket)
        return True

    return each(due.order_by("resolved_at", "pk").values_list("pk", flat=True), close)


def alert_staff_of_due(*, now: datetime) -> int:
    """Tell staff, once for each ticket, that a first answer is nearly due or overdue; returns how many."""
    due = Ticket.objects.unanswered().filter(alerted_at=None, warn_at__lte=now)

    @transaction.atomic
    def alert(ticket: Ticket) -> bool:
        if not due.filter(pk=ticket.pk).update(alerted_at=now):
            return False
        mails.tell_staff(ticket, "late" if ticket.is_answer_late(now) else "due")
        return True

    return each(due.select_related("assignee").order_by("first_response_due_at", "pk"), alert)


def make_article(*, ticket: Ticket, question: str, answer: str, topic: str, language: str, now: datetime) -> Document:
    """Put question and answer into the knowledge base as a document of their own.

    Refuses text with the customer's name or anybody's e-mail address in it.
    """
    if not ticket.is_finished or ticket.article_id:
        raise IllegalTicketMoveError(ticket)
    document = articles.add_article(
        question=question, answer=answer, topic=topic, language=language, name=ticket.number.lower(),
        people=[ticket.contact_name], now=now,
    )  # fmt: skip
    ticket.article = document
    ticket.save(update_fields=["article"])
    return document


def article_draft(ticket: Ticket) -> dict[str, str]:
    """What an article begins with: the request's subject and the last answer of a person, to be read through."""
    answers = ticket.messages.filter(kind=TicketMessage.Kind.STAFF).order_by("-pk")
    return {
        "question": ticket.subject, "answer": answers.values_list("text", flat=True).first() or "",
        "topic": ticket.topic, "language": ticket.language,
    }  # fmt: skip


def _open(ticket: Ticket, message_text: str, guest: Guest | None, now: datetime) -> Ticket:
    if ticket.customer is None:
        contact = _clean_guest(guest)
        ticket.guest_name, ticket.guest_email = contact.name, contact.email
    ticket.created_at = now
    ticket.set_deadlines()
    year = timezone.localdate(now).year
    ticket.number = f"TKT-{year}-{next_number('ticket', year):05d}"
    ticket.save()
    if message_text:
        _say(ticket, TicketMessage.Kind.CUSTOMER, message_text, ticket.customer, now)
    mails.tell_customer_opened(ticket)
    if ticket.reason != Ticket.Reason.STAFF:  # whoever took it over knows
        mails.tell_staff(ticket, "new")
    return ticket


def _clean_guest(guest: Guest | None) -> Guest:
    if guest is None or not guest.email:
        message = _("We need an e-mail address to answer to.")
        raise InvalidInputError(message, code="email_invalid", field="email")
    email, name = check_address(guest.email), check_name(guest.name, field="name")
    if len(name) > _MAX_NAME:
        message = _("Please write your name, and only that.")
        raise InvalidInputError(message, code="name_invalid", field="name")
    return Guest(name, email)


def _lock(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_for_update().get(pk=ticket.pk)


def _say(ticket: Ticket, kind: str, text: str, author: User | None, now: datetime, files: Files = ()) -> TicketMessage:
    message = TicketMessage.objects.create(ticket=ticket, kind=kind, text=text, author=author, at=now)
    _attach(message, list(files))
    return message


def _attach(message: TicketMessage, files: list["UploadedFile[Any]"]) -> None:
    file_count = TicketAttachment.objects.filter(message__ticket=message.ticket).count() if files else 0
    if len(files) > FILES_AT_ONCE or file_count + len(files) > MAX_FILES_OF_TICKET:
        text = _("At most %(each)d files at once and %(all)d in all, please.")
        raise UploadRefusedError(text % {"each": FILES_AT_ONCE, "all": MAX_FILES_OF_TICKET}, code="file_count")
    for file in files:
        name, size = file.name or "", file.size or 0
        kind = detect_kind(file, name=name, size=size, allowed=settings.ALLOWED_EXTENSIONS)  # type: ignore[arg-type]
        TicketAttachment.objects.create(
            message=message, name=clean_name(name), kind=kind, size=size, content=file.read()
        )


def _note_first_answer(ticket: Ticket, actor: User, now: datetime) -> None:
    ticket.first_responded_at = ticket.first_responded_at or now
    ticket.assignee = ticket.assignee or actor
    ticket.save(update_fields=["first_responded_at", "assignee"])


def _subject_of(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return Truncator(first).chars(_SUBJECT)


def _topic_of(conversation: Conversation) -> str:
    """What most of the documents cited in it are about."""
    documents = Document.objects.filter(chunks__in=conversation.messages.values("citations__chunk"))
    most = Counter(documents.values_list("topic", flat=True)).most_common(1)
    return most[0][0] if most else Topic.GENERAL


def _transcript_of(conversation: Conversation) -> str:
    """The last of what was said, oldest first, each part under its heading, an answer with its sources."""
    parts = []
    messages = conversation.messages.prefetch_related("citations").order_by("-pk")[:_TRANSCRIPT_MESSAGES]
    with translation.override(conversation.language):
        for message in reversed(messages):
            sources = [f"[{cite.number}] {cite.title}" for cite in message.citations.all()]
            text = message.text or capfirst(message.get_outcome_display())
            at = timezone.localtime(message.created_at)
            head = f"{capfirst(message.get_role_display())}, {at:%d.%m.%Y %H:%M}"
            heading = f"{head} ({message.about})" if message.about else head
            parts.append("\n".join([heading, text, *sources]))
    return "\n\n".join(parts)
