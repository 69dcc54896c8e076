"""Answers a question from the documents, as a stream of events; the row of the answer tells how it ended.

No database connection is held while the model writes. Citations are checked here: only passages that were given to the
model can be cited, and an answer that cites none becomes the refusal. What the model writes passes the guard first.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DatabaseError, transaction

from chatbot.answering import budget, configuration, own_data
from chatbot.answering.budget import BudgetError, Payer
from chatbot.answering.endings import done
from chatbot.answering.events import Cite, Event, Replace, Token
from chatbot.answering.guard import OutputGuard, PromptLeakError, strip_marks
from chatbot.answering.pipeline import AnswerContext, RetrievalResult, embed, release_if_refused, reserve, retrieve
from chatbot.answering.small_talk import reply_to
from chatbot.answering.wishes import is_wish_for_person
from chatbot.clients import claude
from chatbot.knowledge import unanswered
from chatbot.languages import language_of
from chatbot.models import Citation, Conversation, Message, ModelCall
from chatbot.retrieval.chunking import sentences
from chatbot.retrieval.search import Hit
from core.errors import VendorError
from core.web.offload import run_in_thread, run_in_thread_with_retries

logger = logging.getLogger(__name__)

_HISTORY = 6
_TOOL_ROUNDS = 2
REFUSALS = {
    "it": "I nostri documenti non danno una risposta a questa domanda.",
    "en": "Our documents do not answer this question.",
}
PERSONS = {
    "it": "Certo: questa conversazione può passare a una persona. Avrete subito il numero della richiesta.",
    "en": "Of course: this conversation can go to a person. You will have the number of your request at once.",
}


@dataclass(frozen=True)
class _CitableSource:
    """A source the model was given, as it may be cited."""

    title: str
    heading: str
    page: int | None
    text: str
    chunk_id: int | None = None
    url: str = ""


@dataclass
class Draft:
    """The answer so far, and what was found to rest it on."""

    text: str = ""
    outcome: str = Message.Outcome.INCOMPLETE
    error: str = ""
    cites: list[Cite] = field(default_factory=list)
    numbers: dict[tuple[int, str], int] = field(default_factory=dict)  # source and quote -> number of the mark
    reference: uuid.UUID = field(default_factory=uuid.uuid4)  # of its row
    call: ModelCall | None = None  # the one not yet settled
    so_far: claude.MessageStop | None = None  # what it has cost
    retrieval: RetrievalResult = field(default_factory=RetrievalResult)

    def fail(self, error: str) -> None:
        """It ends here, with what there is of it."""
        self.outcome = Message.Outcome.INCOMPLETE if self.text else Message.Outcome.FAILED
        self.error = error

    def refuse(self, language: str, error: str = "") -> str:
        self.text, self.outcome, self.error, self.cites = REFUSALS[language], Message.Outcome.REFUSED, error, []
        return self.text


async def answer(*, question: Message, conversation: Conversation) -> AsyncIterator[Event]:
    """Retrieve, ask, stream. Ends with `Done` unless the reader goes away; then what was written is kept as cut off."""
    draft = Draft()
    context = await run_in_thread(_build_context, question, conversation)
    try:
        async with aclosing(write_answer(draft, context, question)) as events:
            async for event in events:
                yield event
    except (asyncio.CancelledError, GeneratorExit):
        # the reader went away: keep what there is, from a task of its own, for this one is over
        draft.error = "reader_gone"
        keeper = asyncio.ensure_future(run_in_thread_with_retries(_keep, question, draft))
        _keepers.add(keeper)
        keeper.add_done_callback(_keepers.discard)
        raise
    message = await run_in_thread_with_retries(_keep, question, draft)
    yield done(message)


_keepers: set[asyncio.Future[Any]] = set()


async def write_answer(draft: Draft, context: AnswerContext, question: Message) -> AsyncGenerator[Event, None]:
    """The events of an answer of which no row is kept; `draft` tells how it ended, trouble with vendors included."""
    try:
        async with aclosing(_try_answer(draft, context, question)) as events:
            async for event in events:
                yield event
    except PromptLeakError:
        logger.warning("answer to %s: the model repeated its instructions", question.reference)
        yield Replace(draft.refuse(context.language, "prompt_leak"))
    except BudgetError:
        draft.outcome, draft.error = Message.Outcome.LIMITED, "budget"
    except VendorError as trouble:
        draft.fail(trouble.code or type(trouble).__name__)
        logger.warning("answer to %s: %s", question.reference, trouble)
    except Exception:  # whatever it is: the row, the money and the reader's stream outlive it
        draft.fail(Message.INTERNAL_ERROR)
        logger.exception("answer to %s", question.reference)
        await _give_back(draft)


async def _try_answer(draft: Draft, context: AnswerContext, question: Message) -> AsyncGenerator[Event, None]:
    if reply := reply_to(question.text, context.language):
        draft.text, draft.outcome = reply, Message.Outcome.SMALL_TALK
        yield Token(draft.text)
        return
    await embed(question, draft.retrieval)
    if await is_wish_for_person(question.text, draft.retrieval.vector):
        draft.text, draft.outcome = PERSONS[context.language], Message.Outcome.PERSON
        yield Token(draft.text)
        return
    if not context.setting.version.is_answering:
        draft.outcome, draft.error = Message.Outcome.LIMITED, "switched_off"
        return
    await retrieve(question, context, draft.retrieval)
    is_own = own_data.is_about_own(question.text, context.user)
    if not is_own and draft.retrieval.is_off_topic:
        yield Token(draft.refuse(context.language))
        return
    async with aclosing(_ask_model(draft, context, question, draft.retrieval.hits, is_own=is_own)) as events:
        async for event in events:
            yield event
    stop_reason = draft.so_far.stop_reason if draft.so_far else ""
    if stop_reason == "refusal":  # by the provider's classifiers: what came before it is not to be used
        yield Replace(draft.refuse(context.language, "declined"))
    elif draft.so_far and not draft.so_far.is_complete:
        draft.fail(stop_reason)
    elif not draft.text.strip():
        draft.fail("empty")
    elif not draft.cites:
        original_text = draft.text
        if draft.refuse(context.language) != original_text.strip():
            draft.error = "unsupported"
            yield Replace(draft.text)
    else:
        draft.outcome = Message.Outcome.ANSWERED


async def _ask_model(
    draft: Draft, context: AnswerContext, question: Message, hits: Sequence[Hit], *, is_own: bool
) -> AsyncGenerator[Event, None]:
    """Ask the model, and once more with what its tools gave, as often as it may read."""
    citable_sources = [_CitableSource(hit.title, hit.heading, hit.page, hit.text, hit.chunk_id) for hit in hits]
    request = claude.Request(
        model=context.setting.model,
        system=context.setting.prompt,
        question=question.text,
        about=question.about,
        sources=[claude.Source(_source_title(hit), f"passage-{hit.chunk_id}", sentences(hit.text)) for hit in hits],
        history=context.history,
        tools=own_data.TOOLS if is_own else (),
    )
    topic, until = hits[0].topic if hits else "", claude.deadline()
    for _round in range(_TOOL_ROUNDS + 1):
        async with aclosing(_call(draft, context, request, citable_sources, topic, until)) as events:
            async for event in events:
                yield event
        if draft.so_far is None or not draft.so_far.tool_uses:
            return
        results = []
        for tool_use in draft.so_far.tool_uses:
            rows = await run_in_thread(own_data.run, tool_use.name, tool_use.arguments, context.user, context.language)
            citable_sources += [_CitableSource(row.title, "", None, row.text, url=row.url) for row in rows]
            sources = [claude.Source(row.title, row.reference, sentences(row.text)) for row in rows]
            results.append(claude.ToolResult(tool_use.id, sources))
        request = replace(request, rounds=(*request.rounds, claude.ToolRound(draft.so_far.content, results)))


async def _call(
    draft: Draft,
    context: AnswerContext,
    request: claude.Request,
    sources: Sequence[_CitableSource],
    topic: str,
    until: float,
) -> AsyncGenerator[Event, None]:
    """One call of the model, with its cost put aside before and settled after."""
    writer = _DraftWriter(draft, sources, OutputGuard(prompt=context.setting.prompt, canary=context.setting.canary))
    chunk_ids = [source.chunk_id for source in sources if source.chunk_id is not None]
    draft.so_far = None
    draft.call = await reserve(context, ModelCall.Purpose.ANSWER, request, topic, chunk_ids)
    try:
        async with aclosing(claude.stream_answer(request, until)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                for event in writer.write(piece):
                    yield event
        for event in writer.finish():
            yield event
    except VendorError as error:
        for event in writer.finish():
            yield event
        if draft.so_far is None and await release_if_refused(draft.call, error):
            draft.call = None
        raise
    await run_in_thread_with_retries(commit_cost, draft)
    draft.call = None


class _DraftWriter:
    """Writes what comes from the model into the draft, past the guard, and says what the reader is shown of it."""

    def __init__(self, draft: Draft, sources: Sequence[_CitableSource], guard: OutputGuard) -> None:
        self._draft, self._sources, self._guard = draft, sources, guard

    def write(self, piece: claude.Piece) -> Iterator[Event]:
        """The events of one piece."""
        if isinstance(piece, claude.TextPiece):
            yield from self._say(self._guard.feed(piece.text))
        elif isinstance(piece, claude.CitationPiece):
            text = self._guard.flush()
            words = text.rstrip()
            yield from self._say(words)
            if cite := _check_citation(self._draft, piece, self._sources):
                yield cite
            yield from self._say(text[len(words) :])
        else:
            self._draft.so_far = piece.so_far if isinstance(piece, claude.MessageStart) else piece

    def finish(self) -> Iterator[Event]:
        """What the guard still holds."""
        yield from self._say(self._guard.flush())

    def _say(self, text: str) -> Iterator[Event]:
        if text:
            self._draft.text += text
            yield Token(text)


def _build_context(question: Message, conversation: Conversation) -> AnswerContext:
    return AnswerContext(
        setting=configuration.current(),
        history=_history(conversation, question),
        user=conversation.user,
        language=language_of(question.text, conversation.language),
        payer=Payer.of(question),
    )


def _check_citation(draft: Draft, citation: claude.CitationPiece, sources: Sequence[_CitableSource]) -> Cite | None:
    """A citation of a source that was really given, with words that really stand in it; else None."""
    if not 0 <= citation.index < len(sources):
        return None
    source = sources[citation.index]
    if not citation.quote.strip() or "".join(citation.quote.split()) not in "".join(source.text.split()):
        return None
    key = (citation.index, citation.quote)
    is_new = key not in draft.numbers
    number = draft.numbers.setdefault(key, len(draft.numbers) + 1)
    mark = f"[{number}]"
    if draft.text.endswith(mark):
        return None
    draft.text += mark
    cite = Cite(
        number, source.title, source.heading, source.page, source.text, citation.quote, source.chunk_id, source.url
    )
    if is_new:
        draft.cites.append(cite)
    return cite


def _source_title(hit: Hit) -> str:
    return f"{hit.title}, {hit.heading}" if hit.heading else hit.title


def _history(conversation: Conversation, question: Message) -> list[claude.Turn]:
    """The last turns before the question, oldest first, beginning with a question as the API wants it.

    Without our marks: a model that sees them learns to write some itself.
    """
    earlier = conversation.messages.exclude(pk=question.pk).exclude(text="").order_by("-pk")[:_HISTORY]
    turns = [
        claude.Turn("user", message.text)
        if message.role == Message.Role.QUESTION
        else claude.Turn("assistant", strip_marks(message.text))
        for message in reversed(earlier)
    ]
    while turns and turns[0].role != "user":
        turns.pop(0)
    return turns


@transaction.atomic
def _keep(question: Message, draft: Draft) -> Message:
    """The answer's row; once, however often it is tried."""
    if draft.call:  # cut off: what was written has been counted
        commit_cost(draft)
    fields = {"role": Message.Role.ANSWER, "text": draft.text, "outcome": draft.outcome, "error": draft.error[:200]}
    message, is_new = Message.objects.get_or_create(
        reference=draft.reference, defaults={"conversation": question.conversation, **fields}
    )
    if not is_new:
        return message
    Citation.objects.bulk_create(
        Citation(
            message=message, number=cite.number, chunk_id=cite.chunk_id, title=cite.title, heading=cite.heading,
            page=cite.page, passage=cite.passage, quote=cite.quote, url=cite.url,
        )
        for cite in draft.cites
    )  # fmt: skip
    if draft.retrieval.is_searched:
        unanswered.keep_trace(
            question=question, answer=message, vector=draft.retrieval.query_vector, best=draft.retrieval.best
        )
    return message


def commit_cost(draft: Draft) -> None:
    """Book what the provider counted; of an answer cut off, its own count of the question and ours of the words."""
    call, so_far = draft.call, draft.so_far
    if call and so_far:
        estimated_tokens = 0 if so_far.stop_reason else len(draft.text) // budget.CHARACTERS_A_TOKEN
        usage = replace(so_far.usage, output_tokens=max(so_far.usage.output_tokens, estimated_tokens))
        budget.commit(call, model=so_far.model, usage=usage)


async def _give_back(draft: Draft) -> None:
    """Of a call that never began nothing was counted; of one that did, the row books what is known."""
    if draft.call and draft.so_far is None:
        with suppress(DatabaseError):  # what was put aside stays put aside: too much, and never too little
            await run_in_thread_with_retries(budget.release, draft.call)
            draft.call = None
