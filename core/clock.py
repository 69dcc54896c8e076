"""The one clock that all processes share: the database's.

A machine whose own clock is three days fast would date invoices in the future, and time limits from there. What the law
hangs on a date reads it here; what only paces work (queues, pauses) may use the process's clock.
"""

from datetime import date, datetime

from django.db import connection
from django.utils import timezone


def database_now() -> datetime:
    """This very moment by the database's clock, in UTC; not the beginning of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def database_today() -> date:
    """Today in Italy (TIME_ZONE) by the database's clock."""
    return timezone.localdate(database_now())
