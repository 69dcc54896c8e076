"""Working time: Monday to Friday from 9 to 18 in Italian time, without national holidays."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.working_hours import after, between

ROME = ZoneInfo("Europe/Rome")
HOUR = timedelta(hours=1)
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
WORKED = st.timedeltas(timedelta(0), timedelta(hours=200))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-24 10:00", 4, "2026-11-24 14:00"),
        ("2026-11-24 09:00", 9, "2026-11-24 18:00"),
        ("2026-11-24 10:00", 9, "2026-11-25 10:00"),
        ("2026-11-24 22:41", 1, "2026-11-25 10:00"),
        ("2026-11-24 03:00", 1, "2026-11-24 10:00"),
        ("2026-11-27 17:30", 1, "2026-11-30 09:30"),
        ("2026-11-28 12:00", 9, "2026-11-30 18:00"),
        ("2026-12-07 17:00", 9, "2026-12-09 17:00"),  # the Immaculate Conception, a Tuesday
        ("2026-12-24 17:00", 2, "2026-12-28 10:00"),  # Christmas, St Stephen's on a Saturday, Sunday
        ("2027-03-26 17:00", 2, "2027-03-30 10:00"),  # Easter Monday
        ("2026-10-23 17:00", 2, "2026-10-26 10:00"),  # the night in which clocks go back
        ("2027-03-26 12:00", 9, "2027-03-30 12:00"),  # and forward
    ],
)
def test_deadline_counts_only_what_is_worked(start: str, hours: int, end: str):
    assert after(at(start), hours * HOUR) == at(end)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-24 10:00", "2026-11-24 12:30", 2.5),
        ("2026-11-24 17:00", "2026-11-25 10:00", 2),
        ("2026-11-27 18:00", "2026-11-30 09:00", 0),
        ("2026-11-27 00:00", "2026-12-01 00:00", 18),
        ("2026-11-25 10:00", "2026-11-24 10:00", 0),
    ],
)
def test_pause_counts_only_what_is_worked(start: str, end: str, hours: float):
    assert between(at(start), at(end)) == hours * HOUR


@given(MOMENTS, WORKED)
def test_as_much_lies_before_a_deadline_as_was_given(start: datetime, worked: timedelta):
    end = after(start, worked)

    assert between(start, end) == worked
    local = end.astimezone(ROME)
    assert local.weekday() < 5
    assert (9, 0) <= (local.hour, local.minute) <= (18, 0)


@given(MOMENTS, WORKED, WORKED)
def test_two_stretches_are_as_good_as_one(start: datetime, first: timedelta, second: timedelta):
    assert between(start, after(after(start, first), second)) == first + second


def test_hours_are_the_settings(settings: Any):
    settings.SUPPORT_HOURS = "08:30-12:30"

    assert after(at("2026-11-24 11:30"), 2 * HOUR) == at("2026-11-25 09:30")
