"""Celery's door to the accounts."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="accounts.clear_expired")
def clear_expired() -> None:
    from accounts import services

    services.clear_expired(now=timezone.now())
