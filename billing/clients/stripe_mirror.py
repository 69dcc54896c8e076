"""dj-stripe as a mirror: Stripe's objects as tables that staff can look at. Our own rows are the truth."""

import logging
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from djstripe.models import BalanceTransaction, Charge, Customer, Event, PaymentIntent, PaymentMethod

logger = logging.getLogger(__name__)

# What the events of a payment leave behind.
MIRRORED = (PaymentIntent, Charge, PaymentMethod, Customer, BalanceTransaction, Event)


def mirror_event(payload: dict[str, Any]) -> str:
    """Let dj-stripe store the event and its objects; returns what went wrong, or "". Trouble here stops nothing.

    Called by whoever has claimed the event: dj-stripe alone would run its handlers once per concurrent duplicate.
    """
    try:
        with transaction.atomic():
            Event.process(payload, api_key=settings.STRIPE_SECRET_KEY)  # type: ignore[no-untyped-call]
    except Exception as error:  # the mirror talks to Stripe and may fail in any of its ways
        logger.exception("mirror of Stripe event %s", payload.get("id"))
        return f"{type(error).__name__}: {error}"[:1000]
    return ""


def forget_customer(stripe_customer_id: str) -> None:
    """Delete every copy of the customer and of what is theirs, whatever tables an event may have filled."""
    theirs = Q(stripe_data__customer=stripe_customer_id)
    for model in apps.get_app_config("djstripe").get_models():
        if any(field.name == "stripe_data" for field in model._meta.fields):
            QuerySet(model).filter(theirs).delete()
    about = Q(data__object__id=stripe_customer_id) | Q(data__object__customer=stripe_customer_id)
    Event.objects.filter(about).delete()
    Customer.objects.filter(id=stripe_customer_id).delete()
