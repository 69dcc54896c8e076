"""Requests that a person answers: tickets, what is said in them, and the files that come along."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from chatbot import working_hours
from chatbot.models.conversations import Conversation
from chatbot.models.knowledge import Document, Topic
from core.errors import DomainError


class IllegalTicketMoveError(DomainError):
    """The ticket's status does not allow this step."""

    code = "illegal_ticket_status"

    def __init__(self, ticket: "Ticket") -> None:
        text = _("The request is %(status)s: this is not possible now.")
        super().__init__(text % {"status": ticket.get_status_display()})


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: User | AnonymousUser) -> "TicketQuerySet":
        """A customer's own; guests come by their link, staff by the back office."""
        return self.filter(customer=user) if user.is_authenticated else self.none()

    def unfinished(self) -> "TicketQuerySet":
        """What somebody has yet to solve."""
        return self.exclude(status__in=(Ticket.Status.RESOLVED, Ticket.Status.CLOSED))

    def unanswered(self) -> "TicketQuerySet":
        """Nobody has answered yet."""
        return self.unfinished().filter(first_responded_at=None)

    def overdue(self, now: datetime) -> "TicketQuerySet":
        """As `Ticket.is_overdue`, for lists."""
        late_answer = Q(first_responded_at=None, first_response_due_at__lte=now)
        late_solution = Q(paused_at=None, resolution_due_at__lte=now)
        return self.unfinished().filter(late_answer | late_solution)


class Ticket(models.Model):
    """A request with its deadlines. The clock of the solution stands still while the customer is to answer."""

    class Status(models.TextChoices):
        NEW = "new", _("new")
        IN_PROGRESS = "in_progress", _("in progress")
        WAITING_CUSTOMER = "waiting_customer", _("waiting for the customer")
        RESOLVED = "resolved", _("resolved")
        CLOSED = "closed", _("closed")

    class Priority(models.TextChoices):
        URGENT = "urgent", _("urgent")
        HIGH = "high", _("high")
        MEDIUM = "medium", _("medium")
        LOW = "low", _("low")

    class Reason(models.TextChoices):
        ASKED = "asked", _("asked for a person")
        MISSING_KNOWLEDGE = "missing_knowledge", _("not in the documents")
        THUMBS_DOWN = "thumbs_down", _("answers of no use")
        LOW_SUPPORT = "low_support", _("little support in the documents")
        STAFF = "staff", _("taken over by staff")
        CONTACT = "contact", _("written to us")

    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        Status.NEW: frozenset({Status.IN_PROGRESS, Status.WAITING_CUSTOMER, Status.RESOLVED}),
        Status.IN_PROGRESS: frozenset({Status.WAITING_CUSTOMER, Status.RESOLVED}),
        Status.WAITING_CUSTOMER: frozenset({Status.IN_PROGRESS, Status.RESOLVED}),
        Status.RESOLVED: frozenset({Status.IN_PROGRESS, Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }
    # staff are told when so much of the time to the first answer is left
    WARNING_SHARE: ClassVar[float] = 0.25
    PAUSED: ClassVar[frozenset[str]] = frozenset({Status.WAITING_CUSTOMER, Status.RESOLVED, Status.CLOSED})

    number = models.CharField(_("number"), max_length=16, unique=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.NEW)
    priority = models.CharField(_("priority"), max_length=6, choices=Priority.choices, default=Priority.MEDIUM)
    reason = models.CharField(_("reason"), max_length=17, choices=Reason.choices)
    topic = models.CharField(_("topic"), max_length=13, choices=Topic.choices, default=Topic.GENERAL)
    subject = models.CharField(pgettext_lazy("of a request", "subject"), max_length=120)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="it")
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="tickets",
        verbose_name=_("customer"),
    )
    guest_name = models.CharField(_("name"), max_length=80, blank=True)
    guest_email = models.EmailField(_("e-mail"), blank=True)
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.SET_NULL, related_name="tickets", verbose_name=_("conversation")
    )
    # copied at hand-over: conversations are forgotten after a while
    transcript = models.TextField(_("conversation with the assistant"), blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("assigned to")
    )
    article = models.ForeignKey(
        Document, null=True, on_delete=models.SET_NULL, related_name="tickets", verbose_name=_("article")
    )
    first_response_due_at = models.DateTimeField(_("first answer due"))
    warn_at = models.DateTimeField(help_text="when staff are told that the first answer is nearly due")
    resolution_due_at = models.DateTimeField(_("solution due"))
    first_responded_at = models.DateTimeField(_("first answer"), null=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    alerted_at = models.DateTimeField(_("staff alerted"), null=True)
    paused_at = models.DateTimeField(null=True, help_text="since when the customer is to answer, or nobody any more")
    paused_for = models.DurationField(default=timedelta(0), help_text="pauses that are over, in working time")
    created_at = models.DateTimeField(_("opened"))

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["new", "in_progress", "waiting_customer", "resolved", "closed"]),
                name="chatbot_ticket_status",
            ),
            models.CheckConstraint(
                condition=Q(priority__in=["urgent", "high", "medium", "low"]), name="chatbot_ticket_priority"
            ),
            models.CheckConstraint(
                condition=Q(
                    reason__in=["asked", "missing_knowledge", "thumbs_down", "low_support", "staff", "contact"]
                ),
                name="chatbot_ticket_reason",
            ),
            models.CheckConstraint(
                condition=Q(topic__in=["AI", "GDPR", "NIS2", "CYBERSECURITY", "GENERAL"]), name="chatbot_ticket_topic"
            ),
            models.UniqueConstraint(
                fields=["conversation"], condition=~Q(status="closed"), name="chatbot_ticket_one_open"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["status", "first_response_due_at"], name="chatbot_ticket_due")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """The page of a customer with a login; a guest's is `chatbot.tickets.links.link_of`."""
        return reverse("chatbot:show_ticket", args=[self.number])

    @property
    def is_open(self) -> bool:
        """Whether its customer can still say something."""
        return self.status != self.Status.CLOSED

    @property
    def is_finished(self) -> bool:
        return self.status in (self.Status.RESOLVED, self.Status.CLOSED)

    @property
    def contact_name(self) -> str:
        return self.customer.get_full_name() if self.customer else self.guest_name

    @property
    def contact_email(self) -> str:
        return self.customer.email if self.customer else self.guest_email

    def is_answer_late(self, now: datetime) -> bool:
        return not self.is_finished and self.first_responded_at is None and self.first_response_due_at <= now

    def is_overdue(self, now: datetime) -> bool:
        is_late = self.paused_at is None and self.resolution_due_at <= now
        return not self.is_finished and (self.is_answer_late(now) or is_late)

    def set_deadlines(self) -> None:
        """Both deadlines, and when staff are warned, from the opening and the priority in working time. Not saved."""
        position = list(self.Priority).index(self.Priority(self.priority))
        answer = timedelta(hours=settings.TICKET_FIRST_RESPONSE_HOURS[position])
        solution = timedelta(hours=settings.TICKET_RESOLUTION_HOURS[position])
        self.first_response_due_at = working_hours.after(self.created_at, answer)
        self.warn_at = working_hours.after(self.created_at, answer * (1 - self.WARNING_SHARE))
        self.resolution_due_at = working_hours.after(self.created_at, solution + self.paused_for)

    def move_to(self, status: "Ticket.Status", *, now: datetime) -> None:
        """Take one allowed step, with the clock of the solution; the caller holds the row's lock."""
        if status not in self.ALLOWED[self.Status(self.status)]:
            raise IllegalTicketMoveError(self)
        self.status = status
        if status in self.PAUSED:
            self.paused_at = self.paused_at or now
        elif self.paused_at:
            self.paused_for += working_hours.between(self.paused_at, now)
            self.paused_at = None
            self.set_deadlines()
        self.resolved_at = (self.resolved_at or now) if self.is_finished else None
        self.closed_at = now if status == self.Status.CLOSED else None
        self.save(update_fields=["status", "paused_at", "paused_for", "resolution_due_at", "resolved_at", "closed_at"])


class TicketMessageQuerySet(models.QuerySet["TicketMessage"]):
    def for_customer(self) -> "TicketMessageQuerySet":
        """What a customer or guest may read: everything but internal notes."""
        return self.exclude(kind=TicketMessage.Kind.NOTE)


class TicketMessage(models.Model):
    """Something said in a ticket, or a note that stays among staff."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        STAFF = "staff", _("answer")
        NOTE = "note", _("internal note")

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages", verbose_name=_("ticket"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("author")
    )
    text = models.TextField(_("text"))
    at = models.DateTimeField(_("at"))

    objects = TicketMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["customer", "staff", "note"]), name="chatbot_ticketmessage_kind"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ticket} {self.kind}"


class TicketAttachment(models.Model):
    """A file sent along, kept as it came and only ever given out as a download."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    message = models.ForeignKey(TicketMessage, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(_("file name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=4)
    size = models.PositiveIntegerField(_("bytes"))
    content = models.BinaryField()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")

    def __str__(self) -> str:
        return self.name
