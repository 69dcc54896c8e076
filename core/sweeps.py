"""Periodic work. Each task leaves a row with its last run, so that what is late or fails is seen by somebody.

Celery's beat only ticks; whether an hour or a day is over is told by the row's last success. So it does not matter how
often beat is started anew, and a run that failed is tried again at the next tick.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from celery import Task, shared_task
from django.utils import timezone
from django.utils.functional import Promise

from core.models import Sweep

# Work that is due less often than this is looked at this often.
TICK = timedelta(minutes=10)


@dataclass(frozen=True)
class Periodic:
    """How often a task runs, and what it does in words for staff."""

    every: timedelta
    about: str | Promise


TIMETABLE: dict[str, Periodic] = {}


def sweep(
    name: str, *, every: timedelta, about: str | Promise
) -> Callable[[Callable[[], int | None]], "Task[Any, None]"]:
    """Make a function a Celery task that beat runs `every` so long; it returns how many rows it worked, if any.

    Run twice, or by two beats at once, it must do no harm. A message that wakes the task before its time runs it at
    once, unless it is due less often than `TICK`.
    """

    def decorate(work: Callable[[], int | None]) -> "Task[Any, None]":
        TIMETABLE[name] = Periodic(every, about)

        @shared_task(name=name)
        @wraps(work)
        def run() -> None:
            began_at = timezone.now()
            if not _is_due(name, every, began_at):
                return
            rows = Sweep.objects.filter(name=name)
            rows.update(began_at=began_at)
            try:
                count = work()
            except Exception as error:
                rows.update(failed_at=timezone.now(), last_error=f"{type(error).__name__}: {error}")
                raise
            rows.update(succeeded_at=timezone.now(), last_error="", rows_worked=count or 0)

        return run

    return decorate


def _is_due(name: str, every: timedelta, now: datetime) -> bool:
    row, _created = Sweep.objects.get_or_create(name=name, defaults={"every": every})
    return every <= TICK or row.succeeded_at is None or row.succeeded_at <= now - every


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The timetable as Celery's beat wants it. A message that nobody took until the next one is void."""
    seconds = {name: min(periodic.every, TICK).total_seconds() for name, periodic in TIMETABLE.items()}
    return {
        name: {"task": name, "schedule": tick, "options": {"expires": max(tick, 60.0)}}
        for name, tick in seconds.items()
    }


def write_timetable() -> None:
    """A row for each task, also for one that has never run, and none for what is no task any more."""
    intervals = dict(Sweep.objects.values_list("name", "every"))
    missing = [Sweep(name=name, every=periodic.every) for name, periodic in TIMETABLE.items() if name not in intervals]
    Sweep.objects.bulk_create(missing, ignore_conflicts=True)
    for name, every in intervals.items():
        if name not in TIMETABLE:
            Sweep.objects.filter(name=name).delete()
        elif every != TIMETABLE[name].every:
            Sweep.objects.filter(name=name).update(every=TIMETABLE[name].every)
