"""Limits follow the machine, and what missed one is started once more."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import patience
from sandbox.patience import Deadline
from sandbox.services import ServiceError
from tests.waiting import start_surely


def test_limit_is_longer_by_as_much_as_the_machine_is_slower(monkeypatch: pytest.MonkeyPatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    deadline = Deadline(10)

    passed = []
    for clock[0], factor in ((9, 1), (11, 3), (29, 3), (31, 3), (11, 1)):
        monkeypatch.setattr(patience, "slowness", lambda factor=factor: factor)
        passed.append(deadline.has_passed)

    assert passed == [False, False, False, True, True]


@pytest.mark.parametrize(("took_s", "expected"), [(0.001, 1), (0.06, 3), (60, 10)])
def test_slowness_is_what_a_fixed_piece_of_work_takes(took_s: float, expected: float, monkeypatch: pytest.MonkeyPatch):
    times = iter((100.0, 100.0 + took_s))
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))

    assert patience.slowness() == pytest.approx(expected)


def test_what_missed_its_limit_is_started_once_more_and_no_oftener():
    starts: list[str] = []

    @contextmanager
    def start() -> Iterator[str]:
        starts.append("start")
        if len(starts) != 2:
            raise ServiceError("too slow")
        yield "there"

    with start_surely(start) as value:
        assert value == "there"
    with pytest.raises(ServiceError), start_surely(start):
        pass

    assert starts == ["start"] * 4


def test_fault_of_the_user_of_a_fixture_does_not_start_it_again():
    starts: list[Any] = []

    @contextmanager
    def start() -> Iterator[None]:
        starts.append("start")
        yield

    with pytest.raises(ServiceError), start_surely(start):
        raise ServiceError("in the block")

    assert starts == ["start"]
