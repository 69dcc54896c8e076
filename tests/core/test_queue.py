"""The queue of rows: one worker at a time, every failure a state, and no row in the way of another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.errors import PermanentError, TransientError
from core.queue import LostClaimError, QueuedRow, work, work_due
from notifications.models import Mail
from tests.queues import claim_row, fail_row

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ROWS = QueuedRow.__subclasses__()
FAULTS = [
    (TransientError("busy"), "pending", "busy"),
    (PermanentError("refused"), "failed", "refused"),
    (ValueError("a bug"), "pending", "ValueError: a bug"),
]


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def row(**fields: Any) -> Mail:
    return Mail.objects.create(to_email="a@esempio.example", language="it", subject="a", text="a", html="a", **fields)


def state_of(mail: Mail) -> tuple[Any, ...]:
    mail.refresh_from_db()
    return mail.state, mail.attempts, mail.next_try_at, mail.claim, mail.last_error


def failing(error: Exception) -> Any:
    def fail(_row: Mail) -> None:
        raise error

    return fail


def test_row_is_due_as_soon_as_it_is_written(clock: Any):
    mail = row()

    assert list(Mail.objects.due(NOW)) == [mail]


def test_work_that_returns_is_done(clock: Any):
    mail = row()

    is_claimed = work(Mail.objects.all(), mail.pk, lambda _row: None)

    assert (is_claimed, state_of(mail)) == (True, ("done", 1, None, None, ""))


@pytest.mark.parametrize(("error", "state", "text"), FAULTS, ids=["transient", "permanent", "unforeseen"])
def test_failure_is_a_state_of_the_row(error: Exception, state: str, text: str, clock: Any):
    mail = row()

    is_claimed = work(Mail.objects.all(), mail.pk, failing(error))

    next_try_at = NOW + Mail.BACKOFF[0] if state == "pending" else None
    assert (is_claimed, state_of(mail)) == (True, (state, 1, next_try_at, None, text))


def test_unforeseen_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture):
    work(Mail.objects.all(), row().pk, failing(ValueError("a bug")))

    [record] = caplog.records
    assert (record.levelname, record.exc_info and record.exc_info[0]) == ("ERROR", ValueError)


def test_failure_of_one_row_keeps_no_other_waiting(clock: Any):
    first, second = row(next_try_at=NOW - timedelta(hours=1)), row()

    def work_on(mail: Mail) -> None:
        if mail == first:
            raise RuntimeError("a bug")

    count = work_due(Mail.objects.all(), work_on)

    assert (count, state_of(first)[0], state_of(second)[0]) == (2, "pending", "done")


def test_longest_waiting_is_worked_first(clock: Any):
    rows = [row(next_try_at=NOW - timedelta(minutes=minutes)) for minutes in (1, 3, 2, -1)]
    order: list[Mail] = []

    work_due(Mail.objects.all(), order.append)

    assert order == [rows[1], rows[2], rows[0]]


def test_each_row_has_a_clock_of_its_own(clock: Any):
    """A row refused 27 s into a sweep that says "in 20 s" waits 20 s from then, not from the sweep's beginning."""
    first, second = row(next_try_at=NOW - timedelta(hours=1)), row()

    def work_on(mail: Mail) -> None:
        if mail == first:
            clock.shift(27)
        else:
            raise TransientError("busy", retry_after_s=20)

    work_due(Mail.objects.all(), work_on)

    assert state_of(second)[2] == NOW + timedelta(seconds=27 + 20)


@pytest.mark.parametrize("waits", [None, 1, 3600])
def test_wait_is_never_shorter_than_asked_for(waits: float | None, clock: Any):
    mail = row()

    work(Mail.objects.all(), mail.pk, failing(TransientError("busy", retry_after_s=waits)))

    assert state_of(mail)[2] == NOW + max(Mail.BACKOFF[0], timedelta(seconds=waits or 0))


def test_row_tried_often_enough_is_a_persons(clock: Any):
    mail = row()

    for _try in range(len(Mail.BACKOFF) + 1):
        work(Mail.objects.all(), mail.pk, failing(TransientError("busy")))
        clock.shift(timedelta(days=1))

    assert state_of(mail) == ("failed", len(Mail.BACKOFF) + 1, None, None, "busy")
    assert list(Mail.objects.failed()) == [mail]


def test_row_that_kills_its_workers_does_not_come_back_for_ever(clock: Any):
    mail = row()
    for _worker in range(len(Mail.BACKOFF) + 1):
        claim_row(mail)
        clock.shift(Mail.LEASE)

    calls: list[Mail] = []
    work(Mail.objects.all(), mail.pk, calls.append)

    assert (calls, state_of(mail)[0]) == ([], "failed")


def test_row_that_somebody_has_is_not_due_until_the_lease_ends(clock: Any):
    mail = claim_row(row())
    clock.move_to(NOW + Mail.LEASE - timedelta(seconds=1))
    early = Mail.objects.claim(mail.pk)
    clock.move_to(NOW + Mail.LEASE)

    late = Mail.objects.claim(mail.pk)

    assert (early, late, late and late.attempts) == (None, mail, 2)


def test_worker_that_says_it_is_still_at_it_keeps_its_claim(clock: Any):
    mail = claim_row(row())
    clock.move_to(NOW + Mail.LEASE - timedelta(seconds=1))

    mail.keep()

    clock.move_to(NOW + Mail.LEASE + timedelta(seconds=1))
    assert Mail.objects.claim(mail.pk) is None


@pytest.mark.parametrize("verb", ["finish", "put_off", "give_up", "give_back", "keep"])
def test_worker_that_lost_its_claim_changes_nothing(verb: str, clock: Any):
    slow = claim_row(row())
    clock.shift(Mail.LEASE)
    other = claim_row(slow)
    arguments = {"put_off": ("late",), "give_up": ("late",), "give_back": (NOW,)}.get(verb, ())

    with pytest.raises(LostClaimError):
        getattr(slow, verb)(*arguments)

    assert state_of(slow) == ("running", 2, NOW + 2 * Mail.LEASE, other.claim, "")


def test_lost_claim_takes_the_transaction_with_it(clock: Any):
    slow = claim_row(row())
    clock.shift(Mail.LEASE)
    claim_row(slow)

    def finish_with_another() -> None:
        with transaction.atomic():
            row()
            slow.finish()

    with pytest.raises(LostClaimError):
        finish_with_another()

    assert Mail.objects.count() == 1


def test_row_that_is_done_is_not_finished_twice(clock: Any):
    mail = claim_row(row())
    mail.finish()

    with pytest.raises(LostClaimError):
        mail.finish()


def test_row_given_back_has_not_been_tried(clock: Any):
    mail = claim_row(row())

    mail.give_back(NOW + timedelta(hours=1))

    assert state_of(mail) == ("pending", 0, NOW + timedelta(hours=1), None, "")


def test_person_puts_a_given_up_row_back_to_the_start(clock: Any):
    mail = fail_row(row())

    is_revived = Mail.objects.failed().revive(mail.pk)

    assert (is_revived, state_of(mail)[:4]) == (True, ("pending", 0, NOW, None))


def test_nobody_takes_a_row_out_of_a_workers_hand(clock: Any):
    mail = claim_row(row())

    is_revived = Mail.objects.revive(mail.pk)

    assert (is_revived, state_of(mail)[3]) == (False, mail.claim)


@pytest.mark.parametrize("fields", [{"state": "pending", "next_try_at": None}, {"state": "done", "next_try_at": NOW}])
def test_table_knows_that_a_row_waits_as_long_as_it_has_a_next_try(fields: dict[str, Any]):
    with pytest.raises(IntegrityError, match="_waits"), transaction.atomic():
        row(**fields)


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model._meta.label)
def test_queue_has_its_index_its_check_and_the_four_states(model: type[QueuedRow]):
    prefix = f"{model._meta.app_label}_{model._meta.model_name}"
    with connection.cursor() as cursor:
        db_constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)

    assert {f"{prefix}_due", f"{prefix}_waits"} <= set(db_constraints)
    assert {"pending", "running", "failed"} <= set(model.State.values)
    assert timezone.is_aware(timezone.now() + model.LEASE)
    assert list(model.BACKOFF) == sorted(model.BACKOFF)
