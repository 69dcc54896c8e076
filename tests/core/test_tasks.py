"""Work for Celery: sent once the change is there for good, and never at the price of the request."""

import logging
import time
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core.models import Sweep
from core.tasks import enqueue, heartbeat, seal_audit, wake
from tests.broker import queued
from tests.core.conftest import COMMITTED

pytestmark = COMMITTED

SEAL: tuple[str, dict[str, Any]] = ("core.seal_audit", {})


def test_task_is_sent_after_the_commit_and_not_before():
    with transaction.atomic():
        enqueue(seal_audit)
        early = queued()

    assert (early, queued()) == ([], [SEAL])


def test_task_of_a_change_that_is_rolled_back_is_not_sent():
    with transaction.atomic():
        enqueue(seal_audit)
        transaction.set_rollback(True)

    assert queued() == []


def test_task_outside_a_transaction_is_sent_at_once():
    enqueue(seal_audit)

    assert queued() == [SEAL]


def test_broker_that_is_away_is_noted_and_holds_nobody_up(broker_away: None, caplog: pytest.LogCaptureFixture):
    calls: list[str] = []
    began = time.monotonic()

    with caplog.at_level(logging.WARNING, "core.tasks"), transaction.atomic():
        heartbeat()
        enqueue(seal_audit)
        transaction.on_commit(lambda: calls.append("after"))

    assert (Sweep.objects.filter(name="core.heartbeat").count(), calls, time.monotonic() - began < 1) == (
        1, ["after"], True,
    )  # fmt: skip
    assert [record.getMessage() for record in caplog.records if record.name == "core.tasks"] == [
        "broker down, core.seal_audit left to the sweep"
    ]


def test_wake_sends_inside_a_transaction_too():
    with transaction.atomic():
        wake(seal_audit)

        assert queued() == [SEAL]


def test_heartbeat_is_one_row_that_moves():
    before = timezone.now()
    heartbeat()
    first = Sweep.objects.get(name="core.heartbeat").succeeded_at

    heartbeat()

    assert before <= first < Sweep.objects.get(name="core.heartbeat").succeeded_at


def test_message_that_cannot_be_written_is_a_bug_and_is_logged(caplog: pytest.LogCaptureFixture):
    unfit: Any = object()

    with transaction.atomic():
        heartbeat()
        enqueue(seal_audit, row=unfit)

    assert (Sweep.objects.filter(name="core.heartbeat").count(), queued()) == (1, [])
    assert [record.levelname for record in caplog.records if record.name == "django.db.backends.base"] == ["ERROR"]
