"""Time as it is worked: deadlines of requests count neither nights nor weekends nor national holidays.

Monday to Friday between the hours of SUPPORT_HOURS ("09:00-18:00") in TIME_ZONE; holidays of Italy by the law of the
year (legge 260/1949 and its changes), from the library `holidays`.
"""

import functools
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

_SATURDAY = 5


def opening_hours() -> tuple[time, time]:
    """When the working day begins and ends. `ValueError` when SUPPORT_HOURS says nothing of the kind."""
    begins, _dash, ends = settings.SUPPORT_HOURS.partition("-")
    opens, closes = time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())
    if opens.tzinfo or closes.tzinfo or not opens < closes:
        raise ValueError("no two times of one day")
    return opens, closes


def after(start: datetime, duration: timedelta) -> datetime:
    """The moment when `duration` of working time has passed since `start`; at the end of a day rather than the next."""
    remaining = duration
    for begins, ends in _days_from(start):
        if remaining <= ends - begins:
            return begins + remaining
        remaining -= ends - begins
    raise ValueError("no working day is left")


def between(start: datetime, end: datetime) -> timedelta:
    """How much working time lies between two moments; none when `end` is not later."""
    duration = timedelta(0)
    for begins, ends in _days_from(start):
        if begins >= end:
            break
        duration += min(ends, end) - begins
    return duration


def _days_from(start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """What is left of each working day, in order, none of them empty."""
    opens, closes = opening_hours()
    zone = timezone.get_default_timezone()
    day = start.astimezone(zone).date()
    while day.year < date.max.year:
        begins = max(start, datetime.combine(day, opens, zone))
        ends = datetime.combine(day, closes, zone)
        if begins < ends and _is_working_day(day):
            yield begins, ends
        day += timedelta(days=1)


@functools.cache
def _is_working_day(day: date) -> bool:
    if day.weekday() >= _SATURDAY:
        return False
    import holidays  # noqa: PLC0415 -- 17 MB, for the processes that open requests

    return day not in holidays.country_holidays("IT", years=day.year)
