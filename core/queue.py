"""One queue: rows that wait for work, worked one by one, put off when work fails, a person's when it fails too often.

A row waits as long as it has a `next_try_at`. Whoever claims it moves that moment to the end of the lease and leaves a
token in `claim`; only the holder of the token can finish the row, put it off or give it up. So a worker that was
killed is followed by another one when its lease ends, and one that was only slow finds out and changes nothing
(`LostClaimError`). Celery's messages wake workers up; the rows are the truth, and a sweep finds what no message told.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Self, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import channels
from core.errors import ChannelError, PermanentError, TransientError

logger = logging.getLogger(__name__)

_PENDING, _RUNNING, _DONE, _FAILED = "pending", "running", "done", "failed"
_WAITING = (_PENDING, _RUNNING)
_SWEEP_S = 240


class SomeFailedError(Exception):
    """Of several things to do some failed; each is in the log with its traceback, the others are done."""


class LostClaimError(Exception):
    """The lease was over and somebody else has the row by now, or it was taken off the queue."""


def seconds(*waits: float) -> tuple[timedelta, ...]:
    """A back-off: the wait after the first try, the second and so on; after the last one the row is a person's."""
    return tuple(timedelta(seconds=wait) for wait in waits)


Row = TypeVar("Row", bound="QueuedRow")
T = TypeVar("T")


class QueueQuerySet(models.QuerySet[Row], Generic[Row]):
    """The rows of one queue."""

    def due(self, now: datetime) -> Self:
        """Waiting for their turn, or taken by a worker that has not been heard of again."""
        return self.filter(next_try_at__lte=now)

    def waiting(self) -> Self:
        """Not done and not given up."""
        return self.filter(state__in=_WAITING)

    def failed(self) -> Self:
        """What waits for a person."""
        return self.filter(state=_FAILED)

    def claim(self, pk: Any, *, now: datetime | None = None) -> Row | None:
        """Take a due row for this worker and count the try; None when it is not due or somebody else has it."""
        now, token = now or timezone.now(), uuid.uuid4()
        due_rows = self.due(now).filter(pk=pk)
        claim = {"claim": token, "claimed_at": now, "next_try_at": now + self.model.LEASE}
        if not due_rows.update(state=_RUNNING, attempts=F("attempts") + 1, **claim):
            return None
        return self.filter(claim=token).get(pk=pk)

    def settle(self, pk: Any) -> bool:
        """Take a row off the queue because what it waits for has come another way; False when a worker has it."""
        return self.filter(pk=pk, state=_PENDING).update(state=_DONE, next_try_at=None, last_error="") == 1

    def revive(self, pk: Any) -> bool:
        """Put a row back for a person, due at once and from the start of the back-off.

        False for one that a worker has in hand, or that is not among these rows (`failed().revive(pk)`).
        """
        fresh = {"state": _PENDING, "attempts": 0, "next_try_at": timezone.now(), "claim": None}
        return self.exclude(state=_RUNNING).filter(pk=pk).update(**fresh) == 1


class QueuedRow(models.Model):
    """A row that waits for work. Its model says how long a worker may be silent and how long to wait between tries."""

    class State(models.TextChoices):
        PENDING = _PENDING, _("waiting")
        RUNNING = _RUNNING, _("in progress")
        DONE = _DONE, _("done")
        FAILED = _FAILED, _("given up")

    LEASE: ClassVar[timedelta] = timedelta(minutes=10)
    BACKOFF: ClassVar[tuple[timedelta, ...]] = seconds(15, 60, 300, 1800, 7200, 21600)

    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=_PENDING, db_default=_PENDING)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0, db_default=0)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True, default=timezone.now)
    claimed_at = models.DateTimeField(null=True, editable=False)
    claim = models.UUIDField(null=True, editable=False)
    last_error = models.TextField(_("error"), blank=True, default="", db_default="")

    class Meta:
        abstract = True
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], condition=Q(next_try_at__isnull=False), name="%(app_label)s_%(class)s_due"
            )
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=_WAITING, next_try_at__isnull=False)
                | (~Q(state__in=_WAITING) & Q(next_try_at=None)),
                name="%(app_label)s_%(class)s_waits",
            )
        ]

    @property
    def has_no_tries_left(self) -> bool:
        return self.attempts > len(self.BACKOFF)

    def finish(self, **columns: Any) -> None:
        """Done, together with what else the row has to tell."""
        self._leave(state=_DONE, next_try_at=None, last_error="", **columns)

    def put_off(self, error: str, *, retry_after_s: float | None = None, **columns: Any) -> None:
        """Try again after the vendor's wait or our own, whichever is longer; a person's after the last try."""
        if self.has_no_tries_left:
            self.give_up(error, **columns)
            return
        wait = max(self.BACKOFF[max(self.attempts, 1) - 1], timedelta(seconds=retry_after_s or 0))
        self._leave(state=_PENDING, next_try_at=timezone.now() + wait, last_error=error, **columns)

    def give_up(self, error: str, **columns: Any) -> None:
        """Leave the row to a person: no other try will change anything."""
        self._leave(state=_FAILED, next_try_at=None, last_error=error, **columns)

    def give_back(self, at: datetime, **columns: Any) -> None:
        """Wait until `at` without counting this try: nothing was wrong with the row."""
        self._leave(state=_PENDING, next_try_at=at, attempts=max(self.attempts - 1, 0), **columns)

    def finish_turn(self, next_at: datetime, **columns: Any) -> None:
        """Done for this turn; the next one, with all its tries, comes at `next_at`."""
        self._leave(**{"state": _PENDING, "next_try_at": next_at, "attempts": 0, "last_error": "", **columns})

    def keep(self, **columns: Any) -> None:
        """Say that this worker is still at it, so that its lease begins anew."""
        self._update(next_try_at=timezone.now() + self.LEASE, **columns)

    def _leave(self, **columns: Any) -> None:
        self._update(claim=None, **columns)

    def _update(self, **columns: Any) -> None:
        """Write these columns if the claim is still ours; `LostClaimError` takes the caller's transaction with it."""
        rows: models.QuerySet[Any] = models.QuerySet(type(self))
        mine = rows.filter(pk=self.pk, claim=self.claim, state=_RUNNING)
        if self.claim is None or not mine.update(**columns):
            raise LostClaimError(f"{self._meta.label} {self.pk}")
        for name, value in columns.items():
            setattr(self, name, value)


def work(queue: QueueQuerySet[Row], pk: Any, do: Callable[[Row], object], *, channel: str = "") -> bool:
    """Claim one row and `do` it; True when there was something to do. Whatever happens, the row tells it.

    `do` may finish the row itself, with what else it has to write; otherwise it is finished when `do` returns. A
    `ChannelError` is the channel's: the row goes back uncounted, and no row is tried while the channel is paused.
    """
    if channel and channels.is_paused(channel):
        return False
    row = queue.claim(pk)
    if row is None:
        return False
    try:
        if row.attempts > len(row.BACKOFF) + 1:  # its workers were killed each time: it would come back for ever
            row.give_up(row.last_error or "each worker that took it was ended before it answered")
        else:
            do(row)
            if row.claim is not None:
                row.finish()
            if channel:
                channels.reopen(channel)
    except LostClaimError as error:
        logger.warning("lost claim: %s", error)
    except SoftTimeLimitExceeded as error:  # the worker has a minute left to put things away
        _note_failure(row, error)
        raise
    except ChannelError as error:
        if channel:
            row.give_back(channels.pause(channel, error), last_error=str(error))
        else:
            _note_failure(row, error)
    except Exception as error:  # noqa: BLE001 -- whatever it is becomes the row's state, and is logged with its traceback
        _note_failure(row, error)
    return True


def work_due(queue: QueueQuerySet[Row], do: Callable[[Row], object], *, limit: int = 100, channel: str = "") -> int:
    """Work the due rows, each by itself and the longest waiting first; returns how many were worked.

    Begins none after four minutes: what is left is the next sweep's, and no row is cut off by the task's time limit.
    """
    due = queue.due(timezone.now()).order_by("next_try_at", "pk").values_list("pk", flat=True)
    count, began = 0, time.monotonic()
    for pk in list(due[:limit]):
        if time.monotonic() - began > _SWEEP_S:
            break
        count += work(queue, pk, do, channel=channel)
    return count


def each(things: Iterable[T], do: Callable[[T], bool]) -> int:
    """For what is no queue: `do` each by itself, and say how many it did.

    An error keeps nothing else from being done; in the end it is a `SomeFailedError`, so that the task has failed.
    """
    count, failed = 0, []
    for thing in things:
        try:
            count += do(thing)
        except Exception as error:
            logger.exception("%r", thing)
            failed.append(f"{thing!r}: {type(error).__name__}: {error}")
    if failed:
        raise SomeFailedError(f"{len(failed)} failed, {count} done. The last: {failed[-1]}")
    return count


def _note_failure(row: QueuedRow, error: Exception) -> None:
    try:
        if isinstance(error, TransientError):
            row.put_off(str(error), retry_after_s=error.retry_after_s)
        elif isinstance(error, PermanentError):
            row.give_up(str(error))
        else:
            logger.error("%s %s", row._meta.label, row.pk, exc_info=error)
            row.put_off(f"{type(error).__name__}: {error}")
    except LostClaimError as lost:
        logger.warning("lost claim: %s", lost)
    else:
        if row.state == _FAILED:
            logger.error("%s %s given up: %s", row._meta.label, row.pk, row.last_error)
