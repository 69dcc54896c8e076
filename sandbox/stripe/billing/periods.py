"""Billing periods, counted from an anchor so that the 31st stays the last day of every month."""

import calendar
import datetime

from sandbox.stripe.store import Object

UTC = datetime.UTC
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def interval_of(price: Object) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def after(anchor: int, interval: tuple[str, int], count: int) -> int:
    """The anchor plus `count` intervals."""
    unit, size = interval
    start = datetime.datetime.fromtimestamp(anchor, UTC)
    if unit in DAYS:
        return int((start + datetime.timedelta(days=DAYS[unit] * size * count)).timestamp())
    month = start.month - 1 + MONTHS[unit] * size * count
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def next_end(anchor: int, interval: tuple[str, int], start: int) -> int:
    """The end of the period that begins at `start`."""
    count = 0
    while (end := after(anchor, interval, count)) <= start:
        count += 1
    return end


def longest_advance(intervals: list[tuple[str, int]], now: int) -> int:
    """How far a test clock may go at once: two of the shortest intervals, or two years without any."""
    ends = [after(now, interval, 2) for interval in intervals] or [after(now, ("year", 1), 2)]
    return min(ends)
