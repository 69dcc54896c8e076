"""What the models cost: put aside before a call, settled after it, within a budget a day and a person.

The sum put aside is the most a call can cost, and one at a time is checked against the budget, so that fifty questions
at once cannot spend what is there for one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatbot.clients.claude import Usage
from chatbot.models import AssistantVersion, Conversation, Message, ModelCall, ModelPrice
from core.errors import DomainError
from notifications.models import Mail
from notifications.services import find_staff, notify

logger = logging.getLogger(__name__)

_MILLION = Decimal(1_000_000)
_ALERT = "assistant_budget"
_SIX_PLACES = Decimal("0.000001")
# Characters a token is at least, in Italian and English: an estimate before the call must not be too low.
CHARACTERS_A_TOKEN = 3
# For a model without a price: more than any costs today, so that the budget holds until somebody enters one.
_FALLBACK_PRICE = ModelPrice(
    model="", input_price=Decimal(15), output_price=Decimal(75), cache_write_price=Decimal("18.75"),
    cache_read_price=Decimal("1.5"), euros_per_dollar=Decimal(1),
)  # fmt: skip


@dataclass(frozen=True)
class Payer:
    """Whom a call is booked on. A trial of staff has a purpose of its own, and the day's budget as its only limit."""

    caller: str
    question: Message | None = None
    is_trial: bool = False

    @classmethod
    def of(cls, question: Message) -> "Payer":
        """An account wherever it asks from; a guest by the keyed hash of the address."""
        conversation = question.conversation
        return cls(f"user {conversation.user_id}" if conversation.user_id else conversation.caller, question)

    @classmethod
    def for_trial(cls, user: User) -> "Payer":
        """Somebody of the staff who tries the assistant; each trial has a name of its own, to tell its calls by."""
        return cls(f"trial {user.pk} {uuid4().hex[:16]}", is_trial=True)


class BudgetError(DomainError):
    """The day's budget, or this person's, is spent: no model is asked until tomorrow."""

    code = "budget"
    status = 429
    message = _("The assistant has answered all it may today.")


def cost_of(usage: Usage, model: str, at: datetime) -> Decimal:
    """In euros, to six places, by the price valid on that day."""
    price = ModelPrice.objects.at(model, at) or _FALLBACK_PRICE
    dollars = (
        usage.input_tokens * price.input_price
        + usage.output_tokens * price.output_price
        + usage.cache_write_tokens * price.cache_write_price
        + usage.cache_read_tokens * price.cache_read_price
    ) / _MILLION
    euros: Decimal = (dollars * price.euros_per_dollar).quantize(_SIX_PLACES)
    return euros


def reserve(
    *, purpose: str, model: str, payer: Payer, version: AssistantVersion, characters: int, max_tokens: int, topic: str,
    now: datetime, passages: Sequence[int] = (),
) -> ModelCall:  # fmt: skip
    """Reserve the most this call can cost, or raise `BudgetError`; staff are told once a day that it was spent.

    An evaluation is entered like any other call and held back by no budget: whoever starts one has decided to pay for
    it, and what it costs takes nothing from people.
    """
    max_usage = Usage(cache_write_tokens=characters // CHARACTERS_A_TOKEN + 1, output_tokens=max_tokens)
    cost, day, caller = cost_of(max_usage, model, now), timezone.localdate(now), payer.caller
    call = ModelCall(
        purpose=ModelCall.Purpose.TRIAL if payer.is_trial else purpose, model=model, question=payer.question,
        caller=caller, topic=topic, cost=cost, day=day, at=now, passages=list(passages),
    )  # fmt: skip
    if caller == Conversation.EVALUATION:
        call.save()
        return call
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('chatbot_budget', 0))")
        exceeds_daily_budget = sum_costs(day) + cost > version.daily_budget
        if not exceeds_daily_budget and (payer.is_trial or sum_costs(day, caller) + cost <= version.caller_budget):
            call.save()
            return call
        if exceeds_daily_budget:
            _tell_staff(version, day)
    logger.warning("budget of %s spent: %s", day, "everybody's" if exceeds_daily_budget else "one person's")
    raise BudgetError


def commit(call: ModelCall, *, model: str, usage: Usage) -> None:
    """Put the provider's count and its price in place of what was put aside."""
    call.model = model or call.model
    call.input_tokens, call.output_tokens = usage.input_tokens, usage.output_tokens
    call.cache_read_tokens, call.cache_write_tokens = usage.cache_read_tokens, usage.cache_write_tokens
    call.cost, call.is_settled = cost_of(usage, call.model, call.at), True
    call.save()


def release(call: ModelCall) -> None:
    """The provider refused the call before it began: nothing was counted."""
    call.delete()


def sum_costs(day: date, caller: str | None = None) -> Decimal:
    """Euros of a day, put aside ones included, evaluations not; of one person when `caller` is given."""
    calls = ModelCall.objects.filter(day=day)
    calls = calls.exclude(caller=Conversation.EVALUATION) if caller is None else calls.filter(caller=caller)
    return calls.aggregate(sum=Sum("cost"))["sum"] or Decimal(0)


def _tell_staff(version: AssistantVersion, day: date) -> None:
    """Once a day; the caller holds the budget's lock."""
    since = timezone.make_aware(datetime.combine(day, time.min))
    to = find_staff()
    if to is None or Mail.objects.filter(kind=_ALERT, created_at__gte=since).exists():
        return
    notify(
        to=to, kind=_ALERT,
        context={
            "day": day, "budget": version.daily_budget,
            "page": f"{settings.SITE_URL}/{settings.ADMIN_PATH}/chatbot/assistantversion/",
        },
    )  # fmt: skip
