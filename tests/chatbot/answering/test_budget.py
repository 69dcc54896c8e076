"""What models cost: dated prices, the provider's own count, and budgets that hold with many asking at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from chatbot.answering import budget
from chatbot.answering.budget import BudgetError, Payer, cost_of
from chatbot.clients.claude import Usage
from chatbot.models import AssistantVersion, Message, ModelCall, ModelPrice
from notifications.models import Mail
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, ask, learn, run_answer
from tests.conftest import Control

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def model_prices() -> None:
    ModelPrice.objects.all().delete()
    ModelPrice.objects.create(
        model="m", valid_from=date(2026, 1, 1), input_price=Decimal(2), output_price=Decimal(10),
        cache_write_price=Decimal("2.5"), cache_read_price=Decimal("0.2"), euros_per_dollar=Decimal("0.9"),
    )  # fmt: skip
    ModelPrice.objects.create(
        model="m", valid_from=date(2026, 11, 1), input_price=Decimal(1), output_price=Decimal(5),
        cache_write_price=Decimal("1.25"), cache_read_price=Decimal("0.1"), euros_per_dollar=Decimal("0.9"),
    )  # fmt: skip


def reserve(question: Message, *, characters: int = 3_000, max_tokens: int = 1_000, **version: Any) -> ModelCall:
    return budget.reserve(
        purpose="answer", model="m", payer=Payer.of(question), version=AssistantVersion(note="", **version),
        characters=characters, max_tokens=max_tokens, topic="GDPR", now=NOON,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "day", "euros"),
    [
        (Usage(1_000_000, 0), date(2026, 11, 24), "0.900000"),
        (Usage(0, 1_000_000), date(2026, 11, 24), "4.500000"),
        (Usage(1_000_000, 1_000_000), date(2026, 10, 31), "10.800000"),
        (Usage(0, 0, cache_read_tokens=1_000_000, cache_write_tokens=1_000_000), date(2026, 11, 1), "1.215000"),
        (Usage(1, 1), date(2026, 11, 24), "0.000005"),
        (Usage(), date(2026, 11, 24), "0.000000"),
    ],
)
def test_cost_follows_the_price_of_the_day(usage: Usage, day: date, euros: str, model_prices: None):
    assert cost_of(usage, "m", datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) == Decimal(euros)


def test_dated_name_of_a_model_has_the_price_of_its_plain_one(model_prices: None):
    assert cost_of(Usage(1_000_000, 0), "m-20261101", NOON) == Decimal("0.9")


def test_model_without_a_price_costs_more_than_any(model_prices: None):
    assert cost_of(Usage(1_000_000, 0), "unknown", NOON) == Decimal(15)


def test_models_the_product_comes_with_have_prices(settings: Any):
    for model in (settings.CLAUDE_MODEL, settings.CLAUDE_REWRITE_MODEL):
        assert ModelPrice.objects.at(model, NOON), model


def test_most_it_can_cost_is_put_aside_and_what_it_cost_is_booked(model_prices: None):
    call = reserve(ask("Quante ore?"))
    aside = call.cost

    budget.commit(call, model="m", usage=Usage(800, 100, 50, 20))

    call.refresh_from_db()
    assert aside > call.cost == cost_of(Usage(800, 100, 50, 20), "m", NOON)
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens, call.cache_write_tokens) == (
        800,
        100,
        50,
        20,
    )
    assert call.is_settled


@pytest.mark.parametrize("limit", [{"daily_budget": Decimal("0.001")}, {"caller_budget": Decimal("0.001")}])
def test_budget_that_is_spent_refuses_and_keeps_nothing(limit: dict[str, Any], model_prices: None):
    with pytest.raises(BudgetError):
        reserve(ask("Quante ore?"), **limit)

    assert not ModelCall.objects.exists()


def test_budget_is_new_every_day(model_prices: None):
    question = ask("Quante ore?")
    ModelCall.objects.create(
        purpose="answer", model="m", caller="x", cost=Decimal(100), day=date(2026, 11, 23), at=NOON
    )

    assert reserve(question, daily_budget=Decimal(1)).pk


def test_one_persons_share_leaves_the_others_theirs(model_prices: None, customer: Any):
    guest = ask("Quante ore?")
    other = ask("Quante ore?")
    other.conversation.user = customer
    limit = {"caller_budget": Decimal("0.006"), "daily_budget": Decimal(1)}
    reserve(guest, **limit)

    with pytest.raises(BudgetError):
        reserve(guest, **limit)
    assert reserve(other, **limit).caller == f"user {customer.pk}"


def test_staff_are_told_once_that_the_day_is_spent(model_prices: None, settings: Any):
    settings.STAFF_EMAIL = "assistente@aish.example"
    for _try in range(3):
        with pytest.raises(BudgetError):
            reserve(ask("Quante ore?"), daily_budget=Decimal("0.001"))
    with pytest.raises(BudgetError):
        reserve(ask("Quante ore?"), caller_budget=Decimal("0.001"))

    [mail] = Mail.objects.filter(kind="assistant_budget")
    assert mail.to_email == "assistente@aish.example"
    assert "/chatbot/assistantversion/" in mail.text


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_do_not_overspend():
    ModelPrice.objects.create(model="m", valid_from=date(2026, 1, 1), input_price=1, output_price=5)
    question = ask("Quante ore?")

    def try_it(_number: int) -> bool:
        try:
            reserve(question, daily_budget=Decimal("0.05"), caller_budget=Decimal(10))
        except BudgetError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(10) as pool:
        let_through = sum(pool.map(try_it, range(50)))

    assert 0 < let_through < 50
    assert budget.sum_costs(date(2026, 11, 24)) <= Decimal("0.05")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("version", "error"),
    [({"daily_budget": Decimal(0)}, "budget"), ({"is_answering": False}, "switched_off")],
)
def test_reader_is_referred_to_a_person(version: dict[str, Any], error: str, embedder: Embedder, claude: Control):
    learn(BREACH)
    AssistantVersion.objects.create(note="test", rewrites_questions=False, **version)
    before = len(claude.get("/requests"))

    events, row = run_answer(ask("Entro quante ore va notificata la violazione dei dati?"))

    assert (row.outcome, row.error, row.text, len(events)) == ("limited", error, "", 1)
    assert "assistenza@aish.example" in events[-1].text
    assert len(claude.get("/requests")) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "is_booked"),
    [
        ("overloaded_before", False),
        ("cut_before_first_token", True),
        ("cut_mid_stream", True),
        ("no_message_stop", True),
    ],
)
def test_answer_that_breaks_is_booked_once_for_what_was_counted(
    fault: str, is_booked: bool, embedder: Embedder, claude: Control, without_rewriting: None
):
    learn(BREACH)
    claude.post("/stream-fault", kind=fault, after_deltas=3)

    question = ask("Entro quante ore va notificata la violazione dei dati?")
    run_answer(question)

    assert question.model_calls.count() == (1 if is_booked else 0)
