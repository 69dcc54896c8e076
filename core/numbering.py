"""Gap-free numbers from a counter row that the issuing transaction locks: a rollback gives the number back.

Take the number last: the row stays locked until the commit, so whatever runs after it queues everybody else.
"""

from collections.abc import Mapping

from django.db import connection

from core.models import Counter

_NEXT = """
    INSERT INTO core_counter (kind, year, value)
    SELECT kind, year, 1 FROM unnest(%s::text[], %s::smallint[]) AS taken (kind, year)
    ON CONFLICT (kind, year) DO UPDATE SET value = core_counter.value + 1
    RETURNING kind, value
"""


def next_number(kind: str, year: int) -> int:
    """The next number of `kind` in `year`, from 1. Must run inside the transaction that uses it."""
    return next_numbers({kind: year})[kind]


def next_numbers(years: Mapping[str, int]) -> dict[str, int]:
    """The next number of each kind in its year, by one statement that locks them in the order given.

    Whoever takes several kinds must take them in the same order as others do.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a number is only safe inside the transaction that uses it")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [list(years), list(years.values())])
        return dict(cursor.fetchall())


def last_number(kind: str, year: int) -> int:
    """The number given last, 0 when none was. Only to look at: another may be taken in this very moment."""
    counter = Counter.objects.filter(kind=kind, year=year).first()
    return counter.value if counter else 0
