"""Finds the passages an answer may rest on, step by step: searched for, rewritten, put in order by a small model.

Each step that fails leaves what the one before it found: a question is answered as long as full text works.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from accounts.models import User
from chatbot.answering import budget, reranking, rewriting
from chatbot.answering.budget import BudgetError, Payer
from chatbot.answering.configuration import Setting
from chatbot.clients import claude, embeddings
from chatbot.models import Message, ModelCall
from chatbot.retrieval.search import Hit, is_off_topic, search
from core.errors import PermanentError, TransientError, VendorError
from core.web.offload import run_in_thread, run_in_thread_with_retries

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnswerContext:
    """What is known before anything is searched for."""

    setting: Setting
    history: Sequence[claude.Turn]
    user: User | None
    language: str
    payer: Payer


@dataclass
class RetrievalResult:
    """What was found for a question, and how. `hits` go to the model; `candidates` is their order before re-ranking."""

    vector: Sequence[float] | None = None
    is_embedded: bool = False  # or tried in vain
    vector_with_about: Sequence[float] | None = None  # of the question with the name of its page
    first_hits: list[Hit] = field(default_factory=list)
    rewritten_question: str = ""
    candidates: list[Hit] = field(default_factory=list)
    order: list[int] = field(default_factory=list)  # places in `candidates`, from 0; empty where nobody re-ranked
    hits: list[Hit] = field(default_factory=list)
    is_searched: bool = False
    is_off_topic: bool = True

    @property
    def query_vector(self) -> Sequence[float] | None:
        """Of the question as it was meant, as far as that is known."""
        return self.vector_with_about or self.vector

    @property
    def best(self) -> Hit | None:
        """The first of those for the model, or of those found when nobody got so far."""
        return next(iter(self.hits or self.first_hits), None)

    @property
    def reranked_hits(self) -> list[tuple[int, Hit]]:
        """After re-ranking, each with its place before, from 1."""
        return [(place + 1, self.candidates[place]) for place in self.order]


async def embed(question: Message, result: RetrievalResult) -> None:
    """The question's vector, asked for once."""
    if not result.is_embedded:
        result.vector, result.is_embedded = await _embed_question(question.text), True


async def retrieve(question: Message, context: AnswerContext, result: RetrievalResult) -> None:
    """Fill `result`, step by step, so that a reader who goes away leaves what was known by then."""
    text, text_with_about = question.text, question.text_with_about
    await embed(question, result)
    version, top_k = context.setting.version, context.setting.top_k
    count = max(top_k, reranking.CANDIDATES) if version.reranks else top_k
    result.first_hits = result.candidates = await run_in_thread(search, text, result.vector, count=count)
    result.is_searched = True
    rewritten_hits: list[Hit] = []
    if question.about:
        result.vector_with_about = await _embed_question(text_with_about)
    if question.about and not _is_lost(context, result):  # what is plainly off topic stays so, on whichever page
        about_hits = await run_in_thread(search, text_with_about, result.vector_with_about, count=count)
        result.candidates = rewriting.merge_hits(about_hits, result.first_hits, count)
    if await _rewrite_helps(text_with_about, context, result):
        vector = await _embed_question(result.rewritten_question)
        rewritten_hits = await run_in_thread(search, result.rewritten_question, vector, count=count)
        result.candidates = rewriting.merge_hits(rewritten_hits, result.candidates, count)
    result.hits = result.candidates[:top_k]
    # what the page alone brings in says nothing of the question
    question_hits = rewriting.merge_hits(rewritten_hits, result.first_hits, top_k)
    result.is_off_topic = is_off_topic(question_hits, version.off_topic_similarity)
    if version.reranks and not result.is_off_topic and len(result.candidates) > 1:
        result.order = await _order(result.rewritten_question or text_with_about, context, result.candidates)
        if result.order:
            result.hits = [result.candidates[place] for place in result.order[:top_k]]


async def reserve(
    context: AnswerContext, purpose: str, request: claude.Request, topic: str, passages: Sequence[int] = ()
) -> ModelCall:
    """Reserve the call's cost for whoever pays; raises `BudgetError`."""
    return await run_in_thread(
        budget.reserve, purpose=purpose, model=request.model.name, payer=context.payer,
        version=context.setting.version, characters=request.characters, max_tokens=request.model.max_output,
        topic=topic,
        now=timezone.now(), passages=passages,
    )  # fmt: skip


async def release_if_refused(call: ModelCall, error: VendorError) -> bool:
    """Whether the call was refused before it began, so that nothing was counted; of a lost one nobody knows."""
    if error.code in ("connection", "too_long"):
        return False
    await run_in_thread(budget.release, call)
    return True


async def _embed_question(text: str) -> Sequence[float] | None:
    """With the embeddings away, full text alone."""
    try:
        return await embeddings.embed_question(text)
    except (TransientError, PermanentError) as error:
        logger.warning("retrieval by full text alone: %s", error)
        return None


async def _rewrite_helps(text: str, context: AnswerContext, result: RetrievalResult) -> bool:
    """Whether the question was rewritten, where that may find more, into something else."""
    is_sure = not context.history and rewriting.is_sure(result.first_hits[: context.setting.top_k], context.language)
    if is_sure or _is_lost(context, result) or not context.setting.version.rewrites_questions:
        return False
    result.rewritten_question = await _rewrite(text, context)
    return result.rewritten_question not in ("", text)


def _is_lost(context: AnswerContext, result: RetrievalResult) -> bool:
    """Whether the question alone is plainly off topic; one that follows on another is never judged alone."""
    top = result.first_hits[: context.setting.top_k]
    return not context.history and is_off_topic(top, context.setting.version.off_topic_similarity)


async def _rewrite(text: str, context: AnswerContext) -> str:
    """The question in the documents' words; "" when there is no money or no model for that."""
    history, setting = context.history, context.setting
    if cached_question := await run_in_thread(rewriting.get_cached, text, history, setting):
        return cached_question
    request = rewriting.build_request(text, history, setting)
    if (answer := await _complete(request, context, ModelCall.Purpose.REWRITE)) is None:
        return ""
    rewritten_question = rewriting.parse_answer(answer)
    await run_in_thread(rewriting.set_cached, text, history, setting, rewritten_question)
    return rewritten_question


async def _order(text: str, context: AnswerContext, hits: Sequence[Hit]) -> list[int]:
    """The order of a small model; [] leaves them as they are: no money, no model, no time, no sense in its answer."""
    candidates = hits[: reranking.CANDIDATES]
    request = reranking.build_request(text, candidates, context.setting)
    try:
        async with asyncio.timeout(reranking.DEADLINE_S):
            answer = await _complete(request, context, ModelCall.Purpose.RERANK)
    except TimeoutError:  # what was put aside stays: the provider may have counted it
        logger.warning("passages left in their order: no answer after %s s", reranking.DEADLINE_S)
        return []
    if answer is None:
        return []
    order = reranking.parse_order(answer, len(candidates))
    if not order:
        logger.warning("passages left in their order: %s said no list of numbers", request.model.name)
        return []
    return [*order, *range(len(candidates), len(hits))]


async def _complete(request: claude.Request, context: AnswerContext, purpose: str) -> str | None:
    """The whole answer of a small model, its cost booked; None when there is no money or no model for it."""
    try:
        call = await reserve(context, purpose, request, "")
    except BudgetError:
        return None
    try:
        completion = await claude.complete(request)
    except VendorError as error:
        logger.warning("went on without %s: %s", purpose, error)
        await release_if_refused(call, error)
        return None
    await run_in_thread_with_retries(
        budget.commit, call, model=completion.message_stop.model, usage=completion.message_stop.usage
    )
    if not completion.text.strip():
        logger.warning("went on without %s: %s wrote nothing (%s)", purpose, request.model.name, completion.stop_reason)
        return None
    return completion.text
