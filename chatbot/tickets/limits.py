"""How many requests for a person somebody may open, and how fast they may write to one."""

from typing import Any

from accounts.current_user import user_of
from chatbot.models import Ticket
from core.mail_address import plain_address
from core.web.ratelimit import Limit, caller_network, check

# A request mails whoever's address was typed in: few by a caller, and few to an address.
_OPEN_BY_CALLER = Limit("ticket-caller", per_minute=0.2, burst=5, strict=True)
_OPEN_TO_ADDRESS = Limit("ticket-address", per_minute=0.05, burst=3, strict=True)
_ANSWERS = Limit("ticket-answers", per_minute=2, burst=10, strict=True)


def check_opening_allowed(request: Any, email: str) -> None:
    """Count one request for a person: by the user or else the address it comes from, and by where the mail goes."""
    user = user_of(request)
    check(_OPEN_BY_CALLER, f"user:{user.pk}" if user else caller_network(request))
    if not user:
        check(_OPEN_TO_ADDRESS, plain_address(email))


def check_answering_allowed(ticket: Ticket) -> None:
    """Count one answer of a customer or guest."""
    check(_ANSWERS, ticket.number)
