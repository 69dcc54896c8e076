"""Answers a question from the documents, as a stream of events; the row of the answer tells how it ended.

No database connection is held while the model writes. Citations are checked here: only passages that were given to the
model can be cited, and an answer that cites none becomes the refusal.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from chatbot.chunking import sentences
from chatbot.clients import claude, embeddings
from chatbot.models import Citation, Conversation, Message
from chatbot.prompts import load
from chatbot.retrieval import Hit, is_off_topic, search
from core.errors import PermanentError, TransientError, VendorError
from core.offload import gives_back

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_HISTORY = 6
_MARK = re.compile(r"\s?\[(\d{1,2})\]")
REFUSALS = {
    "it": "I nostri documenti non danno una risposta a questa domanda.",
    "en": "Our documents do not answer this question.",
}


@dataclass(frozen=True)
class Token:
    """More words of the answer."""

    text: str


@dataclass(frozen=True)
class Cite:
    """A mark [number] at this place of the answer; the source comes with its first mark."""

    number: int
    title: str
    heading: str
    page: int | None
    passage: str
    quote: str
    chunk_id: int


@dataclass(frozen=True)
class Replace:
    """What was shown so far gives way to this text."""

    text: str


@dataclass(frozen=True)
class Done:
    """The end, with the outcome kept on the answer's row."""

    reference: str
    outcome: str
    text: str = ""


Event = Token | Cite | Replace | Done


@dataclass
class _Draft:
    """The answer so far."""

    text: str = ""
    cites: list[Cite] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)  # index of the source -> its number
    ended: claude.Ended | None = None


async def answer(*, question: Message, conversation: Conversation) -> AsyncIterator[Event]:
    """Retrieve, ask, stream. Ends with `Done` unless the reader goes away; then what was written is kept as cut off."""
    draft = _Draft()
    outcome, error = Message.Outcome.INCOMPLETE, ""
    try:
        hits = await _find(question.text)
        if is_off_topic(hits):
            outcome, draft.text = Message.Outcome.REFUSED, REFUSALS[conversation.language]
            yield Token(draft.text)
        else:
            history = await _database(_history, conversation, question)
            async with aclosing(_ask(draft, hits, history, question.text)) as events:
                async for event in events:
                    yield event
            outcome = Message.Outcome.ANSWERED if draft.cites else Message.Outcome.REFUSED
            if not draft.cites and draft.text.strip() not in REFUSALS.values():
                draft.text = REFUSALS[conversation.language]
                yield Replace(draft.text)
            elif (text := _without_unknown_marks(draft)) != draft.text:
                draft.text = text
                yield Replace(text)
    except VendorError as trouble:
        error = trouble.code or type(trouble).__name__
        outcome = Message.Outcome.INCOMPLETE if draft.text else Message.Outcome.FAILED
        logger.warning("answer to %s: %s", question.reference, trouble)
    except (asyncio.CancelledError, GeneratorExit):
        # the reader went away: keep what there is, from a task of its own, for this one is over
        keeper = asyncio.ensure_future(_database(_keep, conversation, draft, outcome, "reader_gone"))
        _keepers.add(keeper)
        keeper.add_done_callback(_keepers.discard)
        raise
    message = await _database(_keep, conversation, draft, outcome, error)
    yield Done(str(message.reference), message.outcome, ending(message.outcome, conversation.language))


_keepers: set[asyncio.Future[Any]] = set()


async def _find(question: str) -> list[Hit]:
    """The passages; with the embeddings away, full text alone."""
    try:
        vector: Sequence[float] | None = await embeddings.embed_question(question)
    except (TransientError, PermanentError) as error:
        logger.warning("retrieval by full text alone: %s", error)
        vector = None
    return await _database(search, question, vector, count=settings.RAG_TOP_K_RESULTS)


async def _ask(
    draft: _Draft, hits: Sequence[Hit], history: Sequence[claude.Turn], question: str
) -> AsyncGenerator[Event, None]:
    sources = [claude.Source(_source_title(hit), f"passage-{hit.chunk_id}", sentences(hit.text)) for hit in hits]
    stream = claude.stream_answer(system=load("answer"), sources=sources, history=history, question=question)
    async with aclosing(stream) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, claude.TextPiece):
                draft.text += piece.text
                yield Token(piece.text)
            elif isinstance(piece, claude.Ended):
                draft.ended = piece
            elif cite := _checked(draft, piece, hits):
                yield cite


def _checked(draft: _Draft, cited: claude.Cited, hits: Sequence[Hit]) -> Cite | None:
    """A citation of a passage that was really given, with words that really stand in it; else None."""
    if not 0 <= cited.index < len(hits):
        return None
    hit = hits[cited.index]
    if not cited.quote.strip() or "".join(cited.quote.split()) not in "".join(hit.text.split()):
        return None
    is_new = cited.index not in draft.numbers
    number = draft.numbers.setdefault(cited.index, len(draft.numbers) + 1)
    mark = f"[{number}]"
    if draft.text.endswith(mark):
        return None
    draft.text += mark
    cite = Cite(number, hit.title, hit.heading, hit.page, hit.text, cited.quote, hit.chunk_id)
    if is_new:
        draft.cites.append(cite)
    return cite


def _without_unknown_marks(draft: _Draft) -> str:
    """The text without numbers in brackets that the model wrote by itself and no source stands behind."""
    known = set(draft.numbers.values())
    return _MARK.sub(lambda mark: mark[0] if int(mark[1]) in known else "", draft.text)


def _source_title(hit: Hit) -> str:
    return f"{hit.title}, {hit.heading}" if hit.heading else hit.title


def _history(conversation: Conversation, question: Message) -> list[claude.Turn]:
    """The last turns before the question, oldest first, beginning with a question as the API wants it."""
    earlier = conversation.messages.exclude(pk=question.pk).exclude(text="").order_by("-pk")[:_HISTORY]
    turns = [
        claude.Turn("user" if message.role == Message.Role.QUESTION else "assistant", message.text)
        for message in reversed(earlier)
    ]
    while turns and turns[0].role != "user":
        turns.pop(0)
    return turns


def _keep(conversation: Conversation, draft: _Draft, outcome: str, error: str) -> Message:
    ended = draft.ended
    with transaction.atomic():
        message = Message.objects.create(
            conversation=conversation,
            role=Message.Role.ANSWER,
            text=draft.text,
            outcome=outcome,
            error=error[:200],
            model=ended.model if ended else "",
            input_tokens=ended.input_tokens if ended else 0,
            output_tokens=ended.output_tokens if ended else 0,
            cache_read_tokens=ended.cache_read_tokens if ended else 0,
            cache_write_tokens=ended.cache_write_tokens if ended else 0,
        )
        Citation.objects.bulk_create(
            Citation(
                message=message, number=cite.number, chunk_id=cite.chunk_id,
                title=cite.title, heading=cite.heading, page=cite.page,
                passage=cite.passage, quote=cite.quote,
            )
            for cite in draft.cites
        )  # fmt: skip
    return message


def ending(outcome: str, language: str) -> str:
    """What a person reads below an answer that is none; "" below one that is."""
    with translation.override(language):
        if outcome == Message.Outcome.REFUSED:
            return _("Write to %(email)s: a person will answer within one working day.") % {
                "email": settings.SUPPORT_EMAIL
            }
        if outcome == Message.Outcome.INCOMPLETE:
            return _("The answer was cut off. Your question is kept: please ask it again.")
        if outcome == Message.Outcome.FAILED:
            return _("The assistant does not answer just now. Your question is kept: please try again in a minute.")
    return ""


async def _database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run database work in a thread and give the connection back at once: a stream must not hold one."""
    return await sync_to_async(gives_back(function), thread_sensitive=False)(*args, **kwargs)
