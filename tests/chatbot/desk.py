"""Tickets as tests need them: opened through the services, at a known hour."""

from datetime import UTC, datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from chatbot.models import Conversation, Message, Ticket
from chatbot.tickets import services as tickets

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MARIO = tickets.Guest("Mario Rossi", "mario@posta.example")
QUESTION = "Serve un DPO anche a noi?"
ANSWER = "I nostri documenti non danno una risposta a questa domanda."


def make_conversation(user: Any = None, *, outcome: str = "refused") -> Conversation:
    """A question and its answer."""
    conversation = Conversation.objects.create(user=user, caller="x")
    Message.objects.create(conversation=conversation, role="question", text=QUESTION)
    text = "Sì, oltre cinquanta dipendenti.[1]" if outcome == "answered" else ANSWER
    Message.objects.create(conversation=conversation, role="answer", text=text, outcome=outcome)
    return conversation


def hand_over(conversation: Conversation, text: str = "Siamo in sessanta.", **more: Any) -> Ticket:
    values = {"reason": "asked", "guest": None if conversation.user else MARIO, "now": NOW, **more}
    return tickets.open_from_conversation(conversation=conversation, text=text, **values)


def write_to_us(customer: Any = None, text: str = "Vorrei un preventivo.", **more: Any) -> Ticket:
    values = {"guest": None if customer else MARIO, "language": "it", "now": NOW, **more}
    return tickets.open_from_text(text=text, customer=customer, **values)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def text_file(name: str = "nota.txt", content: bytes = b"Una nota.") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def picture(name: str = "schermata.png") -> SimpleUploadedFile:
    """The beginning of a PNG, which is what tells it."""
    return SimpleUploadedFile(name, bytes.fromhex("89504e470d0a1a0a0000000d49484452" + "00000001" * 2) + bytes(32))
