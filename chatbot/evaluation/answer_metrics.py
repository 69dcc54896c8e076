"""How well questions are answered: each is asked as a guest would, and what was kept of the answer is looked into.

The rows alone are believed: a citation holds when its passage is among those the model was given by the entry of the
call, its words stand in that passage as it is stored, and its mark in the text. Nothing of what the answer's own
checks promise is used. The conversation of a question is deleted as soon as it was looked into.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from asgiref.sync import async_to_sync
from django.db.models import Sum

from chatbot.answering.answers import answer
from chatbot.answering.events import MARK
from chatbot.conversations import services as conversations
from chatbot.evaluation.retrieval_metrics import Question, is_right
from chatbot.models import Citation, Message, ModelCall
from core.errors import DomainError
from core.web.offload import run_in_thread

logger = logging.getLogger(__name__)

_SPACE = re.compile(r"\s+")
_FAILED = "failed"
_AT_ONCE = 4  # far below what a provider allows, and what customers need of it goes on


@dataclass(frozen=True)
class AnswerResult:
    """One question's answer. `outcome` is answered, refused or failed; `flaws` say which citations do not hold."""

    question: Question
    outcome: str
    error: str = ""
    citations: int = 0
    flaws: tuple[str, ...] = ()
    is_from_gold: bool = False
    cost: Decimal = Decimal(0)

    @property
    def remark(self) -> str:
        """What is wrong with this one, as a word to count by; "" when nothing is."""
        if self.outcome == _FAILED:
            return "failed"
        if self.flaws:
            return "citation"
        if not self.question.is_answerable:
            return "" if self.outcome == Message.Outcome.REFUSED else "answered"
        if self.outcome == Message.Outcome.REFUSED:
            return "refused"
        return "" if self.is_from_gold else "elsewhere"


def ask_all(
    questions: Sequence[Question],
    *,
    on_result: Callable[[AnswerResult], None] = lambda _result: None,
    at_most: Decimal | None = None,
) -> list[AnswerResult]:
    """Ask every question, a few at a time; `on_result` is called as each ends. One that fails does not end the run.

    Once the answers have cost `at_most` euros nothing more is asked; what is being answered then is finished.
    """
    results: list[AnswerResult] = []

    async def ask_each() -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask_in_turn(question: Question) -> None:
            async with places:
                if at_most is not None and sum(each.cost for each in results) >= at_most:
                    return
                result = await _ask(question)
            results.append(result)
            on_result(result)

        await asyncio.gather(*map(ask_in_turn, questions))

    async_to_sync(ask_each)()
    place = {question.id: at for at, question in enumerate(questions)}
    return sorted(results, key=lambda each: place[each.question.id])


def figures_of(results: Sequence[AnswerResult]) -> dict[str, Any]:
    """Counts and shares over all and by language, and which questions failed or have citations that do not hold.

    A share of nothing is None: where no question was answered, nothing is known of citations.
    """
    languages = dict.fromkeys(each.question.language for each in results)
    by_language = {
        language: _figures([each for each in results if each.question.language == language]) for language in languages
    }
    return {
        **_figures(results),
        "by_language": by_language,
        "failures": [{"id": each.question.id, "error": each.error} for each in results if each.outcome == _FAILED],
        "invalid": [{"id": each.question.id, "why": list(each.flaws)} for each in results if each.flaws],
    }


async def _ask(question: Question) -> AnswerResult:
    row = None
    try:
        row = await run_in_thread(conversations.ask_for_evaluation, text=question.text, language=question.language)
        async with aclosing(answer(question=row, conversation=row.conversation)) as events:  # type: ignore[type-var]
            async for _event in events:
                pass
        return await run_in_thread(look_into, question, row)
    except DomainError as error:
        return AnswerResult(question, _FAILED, error.code)
    except Exception as error:  # the edge of one question: the others are still to be asked
        logger.exception("question %s of an evaluation", question.id)
        return AnswerResult(question, _FAILED, type(error).__name__)
    finally:
        if row is not None:
            await run_in_thread(row.conversation.delete)


def look_into(question: Question, row: Message) -> AnswerResult:
    """What the rows say of the answer to a question; `row` is the question as it was asked."""
    message = row.conversation.messages.get(role=Message.Role.ANSWER)
    calls = ModelCall.objects.filter(question=row)
    cost = calls.aggregate(sum=Sum("cost"))["sum"] or Decimal(0)
    if message.outcome not in (Message.Outcome.ANSWERED, Message.Outcome.REFUSED):
        return AnswerResult(question, _FAILED, message.error or message.outcome, cost=cost)
    if message.outcome == Message.Outcome.REFUSED:
        return AnswerResult(question, message.outcome, message.error, cost=cost)
    citations = list(message.citations.select_related("chunk__document").order_by("number"))
    chunk_ids = {passage for call in calls.filter(purpose=ModelCall.Purpose.ANSWER) for passage in call.passages}
    return AnswerResult(
        question,
        message.outcome,
        citations=len(citations),
        flaws=tuple(_flaws(message.text, citations, chunk_ids)),
        is_from_gold=any(
            each.chunk is not None and is_right(question, each.chunk.document.name, each.chunk.heading)
            for each in citations
        ),
        cost=cost,
    )


def _flaws(text: str, citations: Sequence[Citation], chunk_ids: set[int]) -> Iterable[str]:
    """What does not hold of an answer's citations, in words for whoever reads the report."""
    if not citations:
        yield "no citation at all"
    numbers, marks = {each.number for each in citations}, {int(number) for number in MARK.findall(text)}
    yield from (f"[{number}] has no source" for number in sorted(marks - numbers))
    yield from (f"[{number}] is not in the text" for number in sorted(numbers - marks))
    for each in citations:
        if each.chunk is None or each.chunk_id not in chunk_ids:
            yield f"[{each.number}] names a passage the model was not given"
        elif not each.quote.strip() or _letters(each.quote) not in _letters(each.chunk.text):
            yield f"[{each.number}] quotes words that are not in its passage"


def _letters(text: str) -> str:
    """Without spaces: a quotation joins sentences that the passage has on lines of their own."""
    return _SPACE.sub("", text)


def _figures(results: Sequence[AnswerResult]) -> dict[str, Any]:
    answered = [each for each in results if each.outcome == Message.Outcome.ANSWERED]
    completed = [each for each in results if each.outcome != _FAILED]
    return {
        "asked": len(results),
        "answered": len(answered),
        "refused": len(completed) - len(answered),
        "failed": len(results) - len(completed),
        "citations": sum(each.citations for each in answered),
        "citation_validity": _share(not each.flaws for each in answered),
        "answered_from_gold": _share(each.is_from_gold for each in answered if each.question.is_answerable),
        "unanswerable_refused": _refusal_share(each for each in completed if not each.question.is_answerable),
        "answerable_refused": _refusal_share(each for each in completed if each.question.is_answerable),
        "cost_eur": float(sum((each.cost for each in results), Decimal(0))),
    }


def _refusal_share(results: Iterable[AnswerResult]) -> float | None:
    return _share(each.outcome == Message.Outcome.REFUSED for each in results)


def _share(flags: Iterable[bool]) -> float | None:
    """To three places, but never rounded up to all or down to none: 1.0 is every one."""
    values = list(flags)
    if not values:
        return None
    share = sum(values) / len(values)
    return share if share in (0, 1) else min(max(round(share, 3), 0.001), 0.999)
