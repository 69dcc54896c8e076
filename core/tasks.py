"""The one way to hand work to Celery: after commit, and never at the price of the request."""

import logging
from datetime import timedelta
from typing import Any

from celery import Task
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from core import audit
from core.sweeps import sweep, write_timetable

logger = logging.getLogger(__name__)


def enqueue(task: "Task[Any, Any]", **kwargs: Any) -> None:
    """Send `task` once the current transaction is committed.

    The message is only a wake-up: with the broker down it is lost and logged, so whatever it is about must be a row
    that a beat sweep finds.
    """

    def send() -> None:
        wake(task, **kwargs)

    transaction.on_commit(send, robust=True)


def wake(task: "Task[Any, Any]", **kwargs: Any) -> None:
    """Send `task` at once, about a row that is already committed."""
    try:
        task.delay(**kwargs)
    except OperationalError:
        logger.warning("broker down, %s left to the sweep", task.name)


@sweep("core.seal_audit", every=timedelta(seconds=10), about=_("The audit trail is sealed"))
def seal_audit() -> int:
    return audit.seal()


@sweep("core.heartbeat", every=timedelta(seconds=20), about=_("Beat, broker and a worker work together"))
def heartbeat() -> None:
    """Its row is the proof; `/ready` looks at its age."""
    write_timetable()
