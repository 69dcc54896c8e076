"""The project: settings, addresses, the Celery app, the back office's home."""

from config.celery import app as celery_app

__all__ = ("celery_app",)
