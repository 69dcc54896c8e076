"""Documents and questions as the assistant's tests need them: through the services, without the web around."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from chatbot.answering.answers import answer
from chatbot.answering.events import Event
from chatbot.conversations import services as conversations
from chatbot.knowledge import ingest
from chatbot.models import Document, Message

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

BREACH = """## Articolo 33 - Notifica di una violazione

In caso di violazione dei dati personali, il titolare notifica la violazione all’autorità di controllo entro 72 ore.
"""
QUESTION = "Entro quante ore va notificata la violazione dei dati?"
SENTENCE = (
    "In caso di violazione dei dati personali, il titolare notifica la violazione all’autorità di controllo "
    "entro 72 ore."
)
RECORDS = """## Articolo 30 - Registri

Ogni titolare tiene un registro delle attività di trattamento svolte sotto la propria responsabilità.
"""


def block(text: str, *cites: tuple[int, str]) -> dict[str, Any]:
    """A block of the model's text with its citations, each (source, quote)."""
    citations = [
        {
            "type": "search_result_location", "search_result_index": index, "cited_text": quote, "source": "x",
            "title": "x", "start_block_index": 0, "end_block_index": 1,
        }
        for index, quote in cites
    ]  # fmt: skip
    return {"type": "text", "text": text} | ({"citations": citations} if citations else {})


def add(text: str | bytes, name: str = "gdpr.it.md", **fields: str) -> Document:
    """A document that waits to be read."""
    content = text.encode() if isinstance(text, str) else text
    return ingest.add_document(file=BytesIO(content), name=name, size=len(content), now=NOW, **fields)


def learn(text: str | bytes, name: str = "gdpr.it.md", **fields: str) -> Document:
    """A document that answers can rest on."""
    document = add(text, name, **fields)
    assert ingest.ingest(document=document), document.last_error
    document.refresh_from_db()
    return document


def ask(text: str, *, language: str = "it", after: Message | None = None) -> Message:
    """A guest's question, in the conversation of an earlier one if there is one."""
    token = str(after.conversation.token) if after else None
    return conversations.ask(
        text=text, token=token, user=AnonymousUser(), language=language, network="192.0.2.7", now=timezone.now()
    )


def run_answer(question: Message) -> tuple[list[Event], Message]:
    """What the reader of a stream gets, and the row that is kept."""

    async def read() -> list[Any]:
        return [event async for event in answer(question=question, conversation=question.conversation)]

    events = async_to_sync(read)()
    return events, Message.objects.get(conversation=question.conversation, role="answer", pk__gt=question.pk)
