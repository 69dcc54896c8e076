"""The whole answer to a question for staff who try a setting: as a customer would get it, with what led to it.

Nothing is kept but what it cost, as a trial, within the day's budget. It counts for no guest's limits.
"""

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.models import User
from chatbot.answering import configuration
from chatbot.answering.answers import Draft, commit_cost, write_answer
from chatbot.answering.budget import Payer
from chatbot.answering.endings import ending
from chatbot.answering.events import Cite
from chatbot.answering.pipeline import AnswerContext, RetrievalResult
from chatbot.languages import language_of
from chatbot.models import AssistantVersion, Conversation, Message, ModelCall

# Why an answer is none, beyond its outcome; vendors' own codes stand for themselves.
OFF_TOPIC, NO_SUPPORT = "off_topic", "no_support"


@dataclass(frozen=True)
class Trial:
    """An answer as it would be kept and shown. `ending` is what a reader finds below one that is none."""

    text: str
    cites: Sequence[Cite]
    outcome: str
    reason: str
    ending: str
    retrieval: RetrievalResult
    calls: Sequence[ModelCall]
    seconds: float

    @property
    def outcome_label(self) -> str:
        return str(Message.Outcome(self.outcome).label)

    @property
    def cost(self) -> Decimal:
        return sum((call.cost for call in self.calls), Decimal(0))


def run(*, text: str, version: AssistantVersion | None, user: User, now: datetime) -> Trial:
    """Ask with a saved version, or with the one in use. Trouble with vendors is an outcome, and raises nothing."""
    in_use = configuration.current()
    setting = configuration.setting_of(version) if version else in_use
    # an old version must not bring its own, larger budget along; the row is not saved
    setting.version.daily_budget = in_use.version.daily_budget
    language = language_of(text, "it")
    payer = Payer.for_trial(user)
    context = AnswerContext(setting=setting, history=(), user=None, language=language, payer=payer)
    question = Message(conversation=Conversation(language=language), role=Message.Role.QUESTION, text=text)
    draft, start = Draft(), time.monotonic()
    async_to_sync(_drain)(draft, context, question)
    seconds = time.monotonic() - start
    if draft.call:  # cut off: what was written has been counted
        commit_cost(draft)
    calls = list(ModelCall.objects.filter(caller=payer.caller, day__gte=timezone.localdate(now)).order_by("pk"))
    message = Message(conversation=question.conversation, text=draft.text, outcome=draft.outcome)
    return Trial(
        text=draft.text, cites=draft.cites, outcome=draft.outcome, reason=_reason(draft),
        ending=ending(message), retrieval=draft.retrieval, calls=calls, seconds=seconds,
    )  # fmt: skip


async def _drain(draft: Draft, context: AnswerContext, question: Message) -> None:
    async with aclosing(write_answer(draft, context, question)) as events:
        async for _event in events:
            pass


def _reason(draft: Draft) -> str:
    if draft.error or draft.outcome != Message.Outcome.REFUSED:
        return draft.error
    return OFF_TOPIC if draft.retrieval.is_off_topic else NO_SUPPORT
