"""Celery's door to billing."""

from celery import shared_task
from django.utils import timezone


@shared_task(name="billing.process_stripe_event")
def process_stripe_event(*, event_id: str) -> None:
    from billing import payments

    payments.process_event(event_id=event_id)


@shared_task(name="billing.process_due_stripe_events")
def process_due_stripe_events() -> None:
    from billing import payments

    payments.process_due_events()


@shared_task(name="billing.invoice_payment")
def invoice_payment(*, payment_id: int) -> None:
    from billing import payments
    from billing.models import Payment

    payment = Payment.objects.filter(pk=payment_id).first()
    if payment:
        payments.invoice_payment(payment=payment)


@shared_task(name="billing.invoice_due_payments")
def invoice_due_payments() -> None:
    from billing import payments

    payments.invoice_due()


@shared_task(name="billing.clear_old_carts")
def clear_old_carts() -> None:
    from billing import services

    services.clear_old_carts(now=timezone.now())


@shared_task(name="billing.delete_at_stripe")
def delete_at_stripe() -> None:
    from billing import payments

    payments.delete_at_stripe(now=timezone.now())
