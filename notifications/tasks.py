"""Celery's door to the outbox."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="notifications.send_mail")
def send_mail(*, mail_id: int) -> None:
    from notifications import services

    services.send(mail_id=mail_id)


@shared_task(name="notifications.send_due_mails")
def send_due_mails() -> None:
    from notifications import services

    services.send_due()


@shared_task(name="notifications.forget_sent")
def forget_sent() -> None:
    from notifications import services

    services.forget_sent(now=timezone.now())
