"""Numbers without a gap, whoever takes them at once and whatever is rolled back."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Counter
from core.numbering import next_number, next_numbers
from tests.core.conftest import COMMITTED

pytestmark = pytest.mark.django_db


class GivenUpError(Exception):
    """Whatever went wrong after the number was taken."""


def take(kind: str, year: int, *, gives_up: bool = False) -> int:
    """A number as a transaction takes it; one that gives up is rolled back."""
    with transaction.atomic():
        number = next_number(kind, year)
        if gives_up:
            raise GivenUpError
    return number


def test_each_kind_and_year_counts_from_one():
    numbers = [
        take("order", 2026),
        take("order", 2026),
        take("invoice", 2026),
        take("order", 2027),
        take("order", 2026),
    ]

    assert numbers == [1, 2, 1, 1, 3]
    assert list(Counter.objects.order_by("kind", "year").values_list("kind", "year", "value")) == [
        ("invoice", 2026, 1), ("order", 2026, 3), ("order", 2027, 1),
    ]  # fmt: skip


def test_several_kinds_are_counted_at_once_and_each_by_itself():
    take("order", 2026)

    with transaction.atomic():
        numbers = next_numbers({"order": 2026, "file": 0})

    assert numbers == {"order": 2, "file": 1}
    assert take("file", 0) == 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), max_size=12))
def test_rollback_gives_the_number_back(attempts: list[bool]):
    Counter.objects.all().delete()

    numbers = []
    for gives_up in attempts:
        with suppress(GivenUpError):
            numbers.append(take("order", 2026, gives_up=gives_up))

    assert numbers == list(range(1, attempts.count(False) + 1))


@COMMITTED
def test_number_is_not_given_outside_a_transaction():
    with pytest.raises(RuntimeError, match="inside the transaction"):
        next_number("order", 2026)

    assert Counter.objects.count() == 0


@pytest.mark.slow
@COMMITTED
def test_twenty_at_once_leave_no_gap_and_no_double():
    def work(worker: int) -> list[int]:
        numbers = []
        try:
            for turn in range(10):
                with suppress(GivenUpError):
                    numbers.append(take("order", 2026, gives_up=(worker + turn) % 3 == 0))
        finally:
            connection.close()
        return numbers

    with ThreadPoolExecutor(20) as pool:
        all_numbers = [number for numbers in pool.map(work, range(20)) for number in numbers]

    count = sum((worker + turn) % 3 != 0 for worker in range(20) for turn in range(10))
    assert sorted(all_numbers) == list(range(1, count + 1))
    assert Counter.objects.get().value == count
