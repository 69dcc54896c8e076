"""Celery's door to the accounts."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="accounts.clear_expired")
def clear_expired() -> None:
    from accounts import services

    services.clear_expired(now=timezone.now())


@shared_task(name="accounts.build_exports")
def build_exports() -> None:
    from accounts import exports

    exports.build_due()


@shared_task(name="accounts.clear_exports")
def clear_exports() -> None:
    from accounts import exports

    exports.clear_expired(now=timezone.now())


@shared_task(name="accounts.erase_due")
def erase_due() -> None:
    from accounts import erasure

    erasure.carry_out_due()
