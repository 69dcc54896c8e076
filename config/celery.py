"""The Celery app. What runs when is said beside each task (`core.sweeps`); beat keeps no file of its own."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("aish")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_scheduler = "celery.beat:Scheduler"
app.conf.beat_max_loop_interval = 5


@app.on_after_finalize.connect
def plan(sender: Celery, **_more: Any) -> None:
    """Beat's timetable, once every task is known."""
    from core.sweeps import beat_schedule  # noqa: PLC0415 -- needs the apps

    sender.conf.beat_schedule = beat_schedule()
