"""Gap-free numbers from a counter row that the issuing transaction locks: a rollback gives the number back.

Take the number last: the row stays locked until the commit, so whatever runs after it queues everybody else.
"""

from django.db import connection

from core.models import Counter

_NEXT = """
    INSERT INTO core_counter (kind, year, value) VALUES (%s, %s, 1)
    ON CONFLICT (kind, year) DO UPDATE SET value = core_counter.value + 1
    RETURNING value
"""


def next_number(kind: str, year: int) -> int:
    """The next number of `kind` in `year`, from 1. Must run inside the transaction that uses it."""
    if not connection.in_atomic_block:
        raise RuntimeError("a number is only safe inside the transaction that uses it")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [kind, year])
        row = cursor.fetchone()
    return int(row[0])


def last_number(kind: str, year: int) -> int:
    """The number given last, 0 when none was. Only to look at: another may be taken in this very moment."""
    counter = Counter.objects.filter(kind=kind, year=year).first()
    return counter.value if counter else 0
