"""What the assistant and its tickets know of a person."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chatbot.models import (
    Citation,
    Conversation,
    Message,
    MessageFeedback,
    ModelCall,
    QuestionTrace,
    Ticket,
    TicketAttachment,
    TicketMessage,
)
from core.privacy import Blocker, DataCategory, File, Outcome, Person, Table, same

_CHAT = DataCategory(
    _("Conversations with the assistant"), Outcome.ERASED, _("Questions, answers, and what you said of the answers.")
)
_TICKETS = DataCategory(
    _("Requests to a person"),
    Outcome.ANONYMISED,
    _("Texts, files and whose they were are erased; number, dates and topic stay, for our statistics."),
)
_CALLS = DataCategory(
    _("What the assistant’s answers cost us"), Outcome.ANONYMISED, _("Sums by day stay; for whom they were is erased.")
)


def _conversations(person: Person) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user=person.user)


def _rows_of(model: Any, path: str) -> Any:
    return lambda person: model.objects.filter(**{f"{path}__user": person.user})


def _tickets(person: Person) -> QuerySet[Ticket]:
    """Also what was written to us from the same address without signing in: its owner has confirmed it since."""
    return Ticket.objects.filter(Q(customer=person.user) | Q(customer=None, guest_email__iexact=person.email))


def _ticket_messages(person: Person) -> QuerySet[TicketMessage]:
    return TicketMessage.objects.filter(ticket__in=_tickets(person))


def _attachments(person: Person) -> QuerySet[TicketAttachment]:
    return TicketAttachment.objects.filter(message__in=_ticket_messages(person).for_customer())  # type: ignore[attr-defined]


def _calls(person: Person) -> QuerySet[ModelCall]:
    return ModelCall.objects.filter(Q(caller=f"user {person.user.pk}") | Q(question__conversation__user=person.user))


def _content(pk: int) -> bytes:
    return bytes(TicketAttachment.objects.get(pk=pk).content)


def _files(person: Person) -> Iterator[File]:
    rows = _attachments(person).order_by("pk").values_list("pk", "message__ticket__number", "name")
    for pk, number, name in rows:
        yield File(f"tickets/{number}/{pk}-{name}", partial(_content, pk))


_ANSWERS = "message__conversation"
TABLES = (
    Table(
        model="chatbot.Conversation",
        category=_CHAT,
        rows=_conversations,
        columns={"number": "pk"} | same("language", "created_at"),
        left_out={
            "token": "opens the conversation",
            "user": "the person",
            "caller": "a keyed hash",
        },
    ),
    Table(
        model="chatbot.Message",
        category=_CHAT,
        rows=_rows_of(Message, "conversation"),
        columns={"number": "pk", "conversation": "conversation_id"}
        | same("role", "text", "about", "outcome", "created_at"),
        left_out={
            "reference": "a number of ours",
            "client_id": "a number of the program that asked",
            "error": "how the answering went",
        },
    ),
    Table(
        model="chatbot.Citation",
        category=_CHAT,
        rows=_rows_of(Citation, _ANSWERS),
        columns={"message": "message_id"} | same("number", "title", "heading", "page", "url", "quote"),
        left_out={
            "id": "a number of ours",
            "chunk": "our document",
            "passage": "our document; what is cited is in quote",
        },
    ),
    Table(
        model="chatbot.MessageFeedback",
        category=_CHAT,
        rows=_rows_of(MessageFeedback, _ANSWERS),
        columns={"message": "message_id"} | same("is_helpful", "reason", "text", "given_at"),
        left_out={
            "id": "a number of ours",
            "reviewed_at": "what staff made of it",
            "reviewed_by": "somebody else",
            "note": "what staff made of it",
        },
    ),
    Table(
        model="chatbot.QuestionTrace",
        category=_CHAT,
        rows=_rows_of(QuestionTrace, "question__conversation"),
        columns={"message": "question_id"} | same("asked_at", "near_title", "near_heading", "near_topic", "reason"),
        left_out={
            "id": "a number of ours",
            "answer": "the message after it",
            "embedding": "what a model makes of the text",
            "embedding_model": "how the search went",
            "near_chunk": "our document",
            "near_score": "how the search went",
            "near_similarity": "how the search went",
            "group": "our own work list",
            "grouped_at": "our own work list",
        },
    ),
    Table(
        model="chatbot.ModelCall",
        category=_CALLS,
        rows=_calls,
        columns=same(
            "purpose",
            "model",
            "topic",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "cost",
            "at",
        )
        | {"message": "question_id"},
        left_out={
            "id": "a number of ours",
            "caller": "the person",
            "is_settled": "how the booking went",
            "day": "the same as at",
            "passages": "numbers of our documents' passages",
        },
    ),
    Table(
        model="chatbot.Ticket",
        category=_TICKETS,
        rows=_tickets,
        columns=same(
            "number",
            "status",
            "priority",
            "reason",
            "topic",
            "subject",
            "language",
            "guest_name",
            "guest_email",
            "transcript",
            "created_at",
            "first_responded_at",
            "resolved_at",
            "closed_at",
        ),
        left_out={
            "id": "a number of ours",
            "customer": "the person",
            "conversation": "is copied in transcript",
            "assignee": "somebody else",
            "article": "our document",
            "first_response_due_at": "our own deadline",
            "warn_at": "our own deadline",
            "resolution_due_at": "our own deadline",
            "alerted_at": "our own deadline",
            "paused_at": "our own deadline",
            "paused_for": "our own deadline",
        },
    ),
    Table(
        model="chatbot.TicketMessage",
        category=_TICKETS,
        rows=lambda person: _ticket_messages(person).for_customer(),  # type: ignore[attr-defined]
        columns={"ticket": "ticket__number", "number": "pk"} | same("kind", "text", "at"),
        left_out={"author": "the person, or somebody else"},
    ),
    Table(
        model="chatbot.TicketAttachment",
        category=_TICKETS,
        rows=_attachments,
        columns={"message": "message_id"} | same("name", "kind", "size"),
        left_out={"id": "a number of ours", "reference": "opens the file", "content": "is a file of the export"},
        files=_files,
    ),
)
NOT_PERSONAL = {
    "chatbot.AssistantVersion": "settings of the assistant, with the member of staff who changed them",
    "chatbot.QuestionGroup": "a work list, with the member of staff who was done with it",
    "chatbot.EvaluationRun": "how the assistant did, with the settings it had",
}


def blockers(person: Person, _now: datetime) -> Iterable[Blocker]:
    """A request that is open, unless it was a guest's: that one has no page in the area, and is simply closed."""
    text = _("Request %(number)s is open. Mark it as solved first, or wait for our answer.")
    for ticket in Ticket.objects.filter(customer=person.user).unfinished().order_by("pk"):
        yield Blocker(text % {"number": ticket.number}, ticket.get_absolute_url())


def erase(person: Person, now: datetime) -> None:
    """Tickets stay as numbers in the statistics; their words, files and people go, and conversations altogether."""
    _ticket_messages(person).delete()
    for ticket in _tickets(person).exclude(status=Ticket.Status.CLOSED).select_for_update():
        if ticket.status != Ticket.Status.RESOLVED:
            ticket.move_to(Ticket.Status.RESOLVED, now=now)
        ticket.move_to(Ticket.Status.CLOSED, now=now)
    _tickets(person).update(customer=None, conversation=None, guest_name="", guest_email="", subject="", transcript="")
    _calls(person).update(caller="", question=None)
    _conversations(person).delete()
