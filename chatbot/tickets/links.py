"""The way back to a ticket: a customer signs in, a guest has the signed link from the mail.

The link holds the ticket's number alone. It ends some time after it was sent, and with the ticket.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from chatbot.models import Ticket

LINK_AGE = timedelta(days=60)
_SALT = "chatbot.ticket"


def token_of(ticket: Ticket) -> str:
    """What proves to us that its bearer got our mail."""
    return signing.dumps(ticket.number, salt=_SALT)


def path_of(ticket: Ticket) -> str:
    """The page on which the ticket's own customer or guest goes on."""
    if ticket.customer_id:
        return ticket.get_absolute_url()
    return reverse("chatbot:show_guest_ticket", args=[token_of(ticket)])


def link_of(ticket: Ticket) -> str:
    """The same as a whole address, for mails and programs."""
    return f"{settings.SITE_URL}{path_of(ticket)}"


def find_ticket(token: str) -> Ticket | None:
    """The guest's ticket a link leads to; None for a forged or old link, or a ticket that is closed."""
    try:
        number = signing.loads(token, salt=_SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    return Ticket.objects.filter(number=number, customer=None).exclude(status=Ticket.Status.CLOSED).first()
