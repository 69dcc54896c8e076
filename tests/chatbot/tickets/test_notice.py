"""What the page of a request says first, for each state a request can be in."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.utils import translation

from chatbot.models import Ticket
from chatbot.tickets.views import ticket_notice
from core.web.notices import Notice

DUE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def test_request_without_an_answer_says_when_it_comes():
    notice = ticket_notice(Ticket(status="new", first_response_due_at=DUE))

    title = "A person answers by 24 November 2026, 10:00."
    assert notice == Notice("", title, "The answer comes by mail and stands here.")


@pytest.mark.parametrize("status", ["new", "in_progress", "waiting_customer"])
def test_answered_request_has_nothing_to_say(status: str):
    assert ticket_notice(Ticket(status=status, first_response_due_at=DUE, first_responded_at=DUE)) is None


def test_solved_request_can_be_opened_again():
    notice = ticket_notice(Ticket(status="resolved", first_response_due_at=DUE))

    text = "If something is left, write below within seven days: it is open again."
    assert notice == Notice("done", "This request is solved.", text)


def test_closed_request_leads_to_a_new_one():
    notice = ticket_notice(Ticket(status="closed", first_response_due_at=DUE))

    text = "Something else, or the same again? Open a new one."
    assert notice == Notice("", "This request is closed.", text, "/assistenza/persona/", "Ask a person")
