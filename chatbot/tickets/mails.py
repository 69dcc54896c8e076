"""Mails about tickets. None holds an internal note, nor what a guest wrote: anybody's address can be typed in."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatbot.models import Ticket
from chatbot.tickets.links import link_of
from notifications.services import Recipient, find_staff, notify

NEWS = {
    "new": _("Somebody waits for a person to answer."),
    "customer_answered": _("The customer has answered."),
    "assigned": _("It is assigned to you."),
    "due": _("The first answer is nearly due."),
    "late": _("The first answer is overdue."),
}


def tell_customer_opened(ticket: Ticket) -> None:
    """Number, deadline and the way back."""
    _tell_customer(ticket, "ticket_opened", {})


def tell_customer_answered(ticket: Ticket, text: str) -> None:
    """A person's answer; or, without text, that the request counts as solved."""
    _tell_customer(ticket, "ticket_answered", {"answer": text, "resolved": ticket.status == Ticket.Status.RESOLVED})


def tell_staff(ticket: Ticket, news: str) -> None:
    """Write to whoever has the ticket and may answer it, else to STAFF_EMAIL where there is one.

    `news` is a key of NEWS.
    """
    assignee = ticket.assignee
    to = Recipient.of(assignee) if assignee and assignee.has_perm("chatbot.answer_ticket") else find_staff()
    if to is None:
        return
    page = f"{settings.SITE_URL}/{settings.ADMIN_PATH}/chatbot/ticket/{ticket.pk}/change/"
    notify(to=to, kind="ticket_attention", context={"ticket": ticket, "news": NEWS[news], "page": page})


def _tell_customer(ticket: Ticket, kind: str, context: dict[str, object]) -> None:
    """Nothing for a ticket whose customer is gone."""
    if ticket.customer:
        to = Recipient.of(ticket.customer)
    elif ticket.guest_email:
        to = Recipient(ticket.guest_email, ticket.guest_name, ticket.language)
    else:
        return
    notify(to=to, kind=kind, context={"ticket": ticket, "link": link_of(ticket), **context})
