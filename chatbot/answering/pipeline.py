"""Finds the passages an answer may rest on, step by step: searched for, rewritten, put in order by a small model.

Each step that fails leaves what the one before it found: a question is answered as long as full text works.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from chatbot.answering import budget, reranking, rewriting
from chatbot.answering.budget import BudgetError, Payer
from chatbot.answering.configuration import Setting
from chatbot.clients import claude, embeddings
from chatbot.models import Message, ModelCall
from chatbot.retrieval.search import Hit, is_off_topic, search
from core.errors import PermanentError, TransientError, VendorError
from core.web.offload import offloaded, offloaded_surely

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerContext:
    """What is known before anything is searched for."""

    setting: Setting
    history: Sequence[claude.Turn]
    user: Any
    language: str
    payer: Payer


@dataclass
class Findings:
    """What was found for a question, and how. `hits` go to the model; `before` is their order before re-ranking."""

    vector: Sequence[float] | None = None
    placed_vector: Sequence[float] | None = None  # of the question with the name of its page
    first: list[Hit] = field(default_factory=list)
    rewritten: str = ""
    before: list[Hit] = field(default_factory=list)
    order: list[int] = field(default_factory=list)  # places in `before`, from 0; empty where nobody re-ranked
    hits: list[Hit] = field(default_factory=list)
    is_searched: bool = False
    is_off_topic: bool = True

    @property
    def asked_vector(self) -> Sequence[float] | None:
        """Of the question as it was meant, as far as that is known."""
        return self.placed_vector or self.vector

    @property
    def best(self) -> Hit | None:
        """The first of those for the model, or of those found when nobody got so far."""
        return next(iter(self.hits or self.first), None)

    @property
    def ranked(self) -> list[tuple[int, Hit]]:
        """After re-ranking, each with its place before, from 1."""
        return [(place + 1, self.before[place]) for place in self.order]


async def find(question: Message, context: AnswerContext, findings: Findings) -> None:
    """Fill `findings`, step by step, so that a reader who goes away leaves what was known by then."""
    text, placed = question.text, question.placed
    version, top_k = context.setting.version, context.setting.top_k
    count = max(top_k, reranking.CANDIDATES) if version.reranks else top_k
    findings.vector = await _embedded(text)
    findings.first = findings.before = await offloaded(search, text, findings.vector, count=count)
    findings.is_searched = True
    better: list[Hit] = []
    if question.about:
        findings.placed_vector = await _embedded(placed)
    if question.about and not _is_lost(context, findings):  # what is plainly off topic stays so, on whichever page
        near = await offloaded(search, placed, findings.placed_vector, count=count)
        findings.before = rewriting.merged(near, findings.first, count)
    if await _rewrite_helps(placed, context, findings):
        vector = await _embedded(findings.rewritten)
        better = await offloaded(search, findings.rewritten, vector, count=count)
        findings.before = rewriting.merged(better, findings.before, count)
    findings.hits = findings.before[:top_k]
    # what the page alone brings in says nothing of the question
    own = rewriting.merged(better, findings.first, top_k)
    findings.is_off_topic = is_off_topic(own, version.off_topic_similarity)
    if version.reranks and not findings.is_off_topic and len(findings.before) > 1:
        findings.order = await _order(findings.rewritten or placed, context, findings.before)
        if findings.order:
            findings.hits = [findings.before[place] for place in findings.order[:top_k]]


async def reserve(
    context: AnswerContext, purpose: str, request: claude.Request, topic: str, passages: Sequence[int] = ()
) -> ModelCall:
    """Reserve the call's cost for whoever pays; raises `BudgetError`."""
    return await offloaded(
        budget.reserve, purpose=purpose, model=request.model.name, payer=context.payer,
        version=context.setting.version, characters=request.characters, max_tokens=request.model.max_tokens,
        topic=topic,
        now=timezone.now(), passages=passages,
    )  # fmt: skip


async def release_if_refused(call: ModelCall, error: VendorError) -> bool:
    """Whether the call was refused before it began, so that nothing was counted; of a lost one nobody knows."""
    if error.code in ("connection", "too_long"):
        return False
    await offloaded(budget.release, call)
    return True


async def _embedded(text: str) -> Sequence[float] | None:
    """With the embeddings away, full text alone."""
    try:
        return await embeddings.embed_question(text)
    except (TransientError, PermanentError) as error:
        logger.warning("retrieval by full text alone: %s", error)
        return None


async def _rewrite_helps(text: str, context: AnswerContext, findings: Findings) -> bool:
    """Whether the question was rewritten, where that may find more, into something else."""
    is_found = not context.history and rewriting.is_sure(findings.first[: context.setting.top_k], context.language)
    if is_found or _is_lost(context, findings) or not context.setting.version.rewrites_questions:
        return False
    findings.rewritten = await _rewritten(text, context)
    return findings.rewritten not in ("", text)


def _is_lost(context: AnswerContext, findings: Findings) -> bool:
    """Whether the question alone is plainly off topic; one that follows on another is never judged alone."""
    top = findings.first[: context.setting.top_k]
    return not context.history and is_off_topic(top, context.setting.version.off_topic_similarity)


async def _rewritten(text: str, context: AnswerContext) -> str:
    """The question in the documents' words; "" when there is no money or no model for that."""
    history, setting = context.history, context.setting
    if known := await offloaded(rewriting.remembered, text, history, setting):
        return known
    request = rewriting.asking(text, history, setting)
    if (told := await _told(request, context, ModelCall.Purpose.REWRITE)) is None:
        return ""
    rewritten = rewriting.read(told)
    await offloaded(rewriting.remember, text, history, setting, rewritten)
    return rewritten


async def _order(text: str, context: AnswerContext, hits: Sequence[Hit]) -> list[int]:
    """The order of a small model; [] leaves them as they are: no money, no model, no time, no sense in its answer."""
    candidates = hits[: reranking.CANDIDATES]
    request = reranking.asking(text, candidates, context.setting)
    try:
        async with asyncio.timeout(reranking.DEADLINE_S):
            told = await _told(request, context, ModelCall.Purpose.RERANK)
    except TimeoutError:  # what was put aside stays: the provider may have counted it
        logger.warning("passages left in their order: no answer after %s s", reranking.DEADLINE_S)
        return []
    if told is None:
        return []
    order = reranking.read(told, len(candidates))
    if not order:
        logger.warning("passages left in their order: %s said no list of numbers", request.model.name)
        return []
    return [*order, *range(len(candidates), len(hits))]


async def _told(request: claude.Request, context: AnswerContext, purpose: str) -> str | None:
    """The whole answer of a small model, its cost booked; None when there is no money or no model for it."""
    try:
        call = await reserve(context, purpose, request, "")
    except BudgetError:
        return None
    try:
        told = await claude.complete(request)
    except VendorError as error:
        logger.warning("went on without %s: %s", purpose, error)
        await release_if_refused(call, error)
        return None
    await offloaded_surely(budget.commit, call, model=told.message_stop.model, usage=told.message_stop.usage)
    return told.text
