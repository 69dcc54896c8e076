"""Celery's door to the outbox."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.sweeps import sweep


@shared_task(name="notifications.send_mail")
def send_mail(*, mail_id: int) -> None:
    from notifications import services

    services.send(mail_id=mail_id)


@sweep("notifications.send_due_mails", every=timedelta(seconds=20), about=_("Mails are sent"))
def send_due_mails() -> int:
    from notifications import services

    return services.send_due()


@sweep("notifications.forget_sent", every=timedelta(hours=1), about=_("Last mails to erased accounts are deleted"))
def forget_sent() -> int:
    from notifications import services

    return services.forget_sent(now=timezone.now())


@sweep("notifications.verify_audit_trail", every=timedelta(days=1), about=_("The audit trail is checked"))
def verify_audit_trail() -> int:
    from notifications import alarms

    return alarms.verify_trail(now=timezone.now())
