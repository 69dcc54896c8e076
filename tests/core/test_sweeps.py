"""Periodic work: due by its last success, and a row that tells who is late and what fails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from config.celery import app
from core.models import Sweep
from core.sweeps import TICK, TIMETABLE, beat_schedule, sweep, write_timetable
from core.tasks import heartbeat

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def periodic() -> Iterator[Callable[..., Any]]:
    """Makes a periodic task of this test's own, and takes it off the timetable afterwards."""
    names: list[str] = []

    def make(work: Callable[[], int | None], every: timedelta = timedelta(seconds=30)) -> Any:
        names.append(name := f"tests.sweep_{len(names)}")

        def task() -> int | None:
            return work()

        return sweep(name, every=every, about="a test")(task)

    yield make
    for name in names:
        del TIMETABLE[name]
        app.tasks.pop(name, None)


def fail() -> int:
    raise ValueError("no good")


def failing_once() -> Callable[[], int]:
    outcomes: list[Callable[[], int]] = [fail, lambda: 1]

    def work() -> int:
        return outcomes.pop(0)()

    return work


def only() -> Sweep:
    return Sweep.objects.with_state(datetime.now(UTC)).get()


def test_run_leaves_when_it_began_ended_and_how_much_it_did(clock: Any, periodic: Callable[..., Any]):
    def work() -> int:
        clock.shift(4)
        return 7

    periodic(work)()

    row = only()
    assert (row.name, row.every, row.rows_worked, row.last_error) == ("tests.sweep_0", timedelta(seconds=30), 7, "")
    assert (row.began_at, row.succeeded_at, row.failed_at) == (NOW, NOW + timedelta(seconds=4), None)
    assert row.state == "fine"


def test_failure_is_kept_and_still_the_workers_to_log(clock: Any, periodic: Callable[..., Any]):
    with pytest.raises(ValueError, match="no good"):
        periodic(fail)()

    row = only()
    assert (row.succeeded_at, row.failed_at, row.last_error, row.state) == (None, NOW, "ValueError: no good", "failing")


def test_success_ends_the_failure(clock: Any, periodic: Callable[..., Any]):
    task = periodic(failing_once())
    with pytest.raises(ValueError, match="no good"):
        task()
    clock.shift(30)

    task()

    assert (only().state, only().last_error) == ("fine", "")


@pytest.mark.parametrize(
    ("after", "state"), [(timedelta(minutes=3), "fine"), (timedelta(minutes=3, seconds=1), "late")]
)
def test_task_is_late_when_twice_its_time_and_two_minutes_have_passed(
    after: timedelta, state: str, clock: Any, periodic: Callable[..., Any]
):
    periodic(lambda: 0)()

    clock.shift(after)

    assert only().state == state


def test_task_that_has_never_run_is_late_in_time(clock: Any):
    write_timetable()
    fresh = Sweep.objects.troubled(NOW).count()
    clock.shift(timedelta(days=2, minutes=3))

    late = Sweep.objects.troubled(datetime.now(UTC))

    assert (fresh, {row.name for row in late}) == (0, set(TIMETABLE))


def test_daily_work_is_due_a_day_after_its_last_success_however_often_beat_is_started(
    clock: Any, periodic: Callable[..., Any]
):
    runs: list[datetime] = []
    daily = periodic(lambda: runs.append(datetime.now(UTC)), every=timedelta(days=1))

    for _tick in range(6 * 24 * 3):  # three days, in which every process is started anew
        daily()
        clock.shift(TICK)

    assert runs == [NOW, NOW + timedelta(days=1), NOW + timedelta(days=2)]


def test_daily_work_that_failed_is_tried_again_at_the_next_tick(clock: Any, periodic: Callable[..., Any]):
    daily = periodic(failing_once(), every=timedelta(days=1))
    with pytest.raises(ValueError, match="no good"):
        daily()
    clock.shift(TICK)

    daily()

    assert only().succeeded_at == NOW + TICK


def test_message_that_wakes_a_frequent_task_is_followed_at_once(clock: Any, periodic: Callable[..., Any]):
    runs: list[int] = []
    task = periodic(lambda: runs.append(1))

    task()
    task()

    assert len(runs) == 2


def test_beat_ticks_for_every_task_and_never_less_often_than_it_is_looked_at():
    schedule = beat_schedule()

    assert set(schedule) == set(TIMETABLE)
    assert max(entry["schedule"] for entry in schedule.values()) == TICK.total_seconds()
    assert {entry["task"] for entry in schedule.values()} <= set(app.tasks)
    assert app.conf.beat_schedule == schedule
    assert app.conf.beat_scheduler == "celery.beat:Scheduler"  # keeps no file: there is nothing that it must remember


def test_timetable_has_a_row_for_each_task_and_none_for_another():
    Sweep.objects.create(name="gone.by_now", every=timedelta(days=1))
    Sweep.objects.create(name="core.seal_audit", every=timedelta(days=1))

    heartbeat()

    assert dict(Sweep.objects.values_list("name", "every")) == {
        name: periodic.every for name, periodic in TIMETABLE.items()
    }


def test_late_and_failing_tasks_are_told_by_ready(client: Client, clock: Any, periodic: Callable[..., Any]):
    heartbeat()
    with pytest.raises(ValueError, match="no good"):
        periodic(fail)()

    body = client.get("/ready").json()

    assert (body["status"], body["worker"], body["periodic_tasks"]) == ("degraded", True, {"tests.sweep_0": "failing"})


def test_staff_see_all_of_them_on_one_page_and_trouble_on_the_overview(staff_client: Client, clock: Any):
    heartbeat()
    Sweep.objects.filter(name="core.seal_audit").update(failed_at=NOW, last_error="ValueError: no good")

    everything = staff_client.get("/admin/core/sweep/").content.decode()
    troubled = staff_client.get("/admin/core/sweep/?troubled=yes").content.decode()
    [tile] = [tile for tile in staff_client.get("/admin/").context["alarms"] if "troubled" in tile["url"]]

    assert all(str(periodic.about).replace("'", "&#x27;") in everything for periodic in TIMETABLE.values())
    assert ("ValueError: no good" in troubled, troubled.count("ValueError")) == (True, 1)
    assert tile["figure"] == 1
