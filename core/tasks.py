"""The one way to hand work to Celery: after commit, and never at the price of the request."""

import logging
from typing import Any

from celery import Task, shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

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


@shared_task(name="core.seal_audit")
def seal_audit() -> None:
    from core import audit

    audit.seal()


@shared_task(name="core.heartbeat")
def heartbeat() -> None:
    """Proof that beat, broker and a worker work together; `/ready` looks at its age."""
    from core.models import Heartbeat

    Heartbeat.objects.update_or_create(pk=1, defaults={"at": timezone.now()})
