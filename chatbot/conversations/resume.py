"""Answers that survive a lost connection: a question with an id is answered once, however often its reader comes back.

A finished answer carries its question's id and is given again from its row. While another request answers the same
question the reader waits for that one; what was cut off makes way for a new answer. Who answers is noted in Redis only
to save the second answer's cost: without Redis both are written, and the table lets one of them stand.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from chatbot.answering.answers import answer
from chatbot.answering.endings import done
from chatbot.answering.events import MARK, Cite, Done, Event, Token
from chatbot.models import Message, QuestionTrace
from core.web.offload import run_in_thread, run_in_thread_with_retries

LEASE_S = 20
_POLL_S = 0.25
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


async def deliver_answer(question: Message) -> AsyncIterator[Event]:
    """The events of the question's answer, from its row if it is finished, else as they are made."""
    lease = _Lease(f"chat:answering:{question.client_id}") if question.client_id else None
    row = await _wait_for_answer_or_lease(question, lease) if lease else None
    try:
        if row:
            for event in _replay_events(row):
                yield event
            return
        if lease:
            await run_in_thread(_delete_unfinished_answers, question)
        async with aclosing(answer(question=question, conversation=question.conversation)) as events:  # type: ignore[type-var]
            async for event in events:
                if lease and isinstance(event, Done) and event.is_final:
                    await run_in_thread_with_retries(_settle, question, event.reference)
                yield event
    finally:
        if lease:
            await lease.release()


async def _wait_for_answer_or_lease(question: Message, lease: "_Lease") -> Message | None:
    """The finished answer, waited for while somebody else makes it; None once the lease to make it is ours."""
    while not await lease.take():
        if row := await run_in_thread(finished_answer, question):
            return row
        await asyncio.sleep(_POLL_S)
    return await run_in_thread(finished_answer, question)


def finished_answer(question: Message) -> Message | None:
    """The answer that stands for a question with an id."""
    answers = Message.objects.filter(role=Message.Role.ANSWER, client_id=question.client_id)
    return answers.select_related("conversation").prefetch_related("citations").first() if question.client_id else None


def _replay_events(row: Message) -> list[Event]:
    """The events that make the same answer as they made it first: words, and each source at its mark."""
    sources = {cite.number: cite for cite in row.citations.all()}
    events: list[Event] = []
    end = 0
    for mark in MARK.finditer(row.text):
        if not (source := sources.get(int(mark[1]))):
            continue
        if mark.start() > end:
            events.append(Token(row.text[end : mark.start()]))
        events.append(
            Cite(
                source.number,
                source.title,
                source.heading,
                source.page,
                source.passage,
                source.quote,
                chunk_id=source.chunk_id,
                url=source.url,
            )
        )
        end = mark.end()
    if end < len(row.text):
        events.append(Token(row.text[end:]))
    return [*events, done(row)]


def _unfinished_answers(question: Message) -> QuerySet[Message]:
    """What earlier tries left: unfinished answers between this question and the next."""
    messages = Message.objects.filter(conversation=question.conversation_id, pk__gt=question.pk)
    following = messages.filter(role=Message.Role.QUESTION).order_by("pk").first()
    answers = messages.filter(role=Message.Role.ANSWER, client_id=None, outcome__in=Message.UNFINISHED)
    return answers.filter(pk__lt=following.pk) if following else answers


def _delete_unfinished_answers(question: Message) -> None:
    _unfinished_answers(question).delete()


def _settle(question: Message, reference: str) -> None:
    """Make the answer the one that stands, and what was cut off before it go."""
    row = Message.objects.filter(reference=reference)
    try:
        with transaction.atomic():
            row.update(client_id=question.client_id)
            _unfinished_answers(question).delete()
    except IntegrityError:  # a second answer, written while Redis was away: the first one stands
        QuestionTrace.objects.filter(question=question).update(answer=finished_answer(question))
        row.delete()


class _Lease:
    """Who answers a question now; kept up while they do, and gone by itself when their process is."""

    def __init__(self, key: str) -> None:
        self._key, self._owner = key, uuid.uuid4().hex
        self._keeper: asyncio.Task[None] | None = None

    async def take(self) -> bool:
        try:
            has_lease = await run_in_thread(
                lambda: get_redis_connection("default").set(self._key, self._owner, nx=True, ex=LEASE_S)
            )
        except RedisError:
            return True
        if has_lease:
            self._keeper = asyncio.create_task(self._keep_up())
        return bool(has_lease)

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await run_in_thread(lambda: get_redis_connection("default").expire(self._key, LEASE_S))
            except RedisError:
                return

    async def release(self) -> None:
        """Give it back, in a task of its own that goes on when whoever waits for it is cancelled."""
        if self._keeper:
            self._keeper.cancel()
            releaser = asyncio.ensure_future(run_in_thread(self._release))
            _releasers.add(releaser)
            releaser.add_done_callback(_releasers.discard)
            await asyncio.shield(releaser)

    def _release(self) -> None:
        try:
            get_redis_connection("default").eval(_RELEASE, 1, self._key, self._owner)
        except RedisError:
            return


_releasers: set[asyncio.Future[Any]] = set()
