"""Celery's door to billing."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.sweeps import sweep


@shared_task(name="billing.process_stripe_event")
def process_stripe_event(*, event_id: str) -> None:
    from billing.payments import services as payments

    payments.process_event(event_id=event_id)


@sweep("billing.process_due_stripe_events", every=timedelta(seconds=15), about=_("Stripe’s events are worked on"))
def process_due_stripe_events() -> int:
    from billing.payments import services as payments

    return payments.process_due_events()


@shared_task(name="billing.invoice_payment")
def invoice_payment(*, payment_id: int) -> None:
    from billing.models import Payment
    from billing.payments import services as payments

    payment = Payment.objects.filter(pk=payment_id).first()
    if payment:
        payments.invoice_payment(payment=payment)


@sweep(
    "billing.invoice_due_payments", every=timedelta(seconds=30), about=_("Invoices that payments are owed are issued")
)
def invoice_due_payments() -> int:
    from billing.payments import services as payments

    return payments.invoice_due()


@sweep("billing.clear_old_carts", every=timedelta(days=1), about=_("Old carts are deleted"))
def clear_old_carts() -> int:
    from billing.ordering import services

    return services.clear_old_carts(now=timezone.now())


@sweep("billing.delete_at_stripe", every=timedelta(hours=1), about=_("Erased customers are deleted at Stripe"))
def delete_at_stripe() -> int:
    from billing.payments import services as payments

    return payments.delete_at_stripe(now=timezone.now())
