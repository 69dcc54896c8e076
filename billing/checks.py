"""Refuses to start a live site that could not take money."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning


@register("billing")
def check_stripe(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """All three keys of Stripe, or none."""
    names = ("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS")
    missing = [name.removesuffix("S") for name in names if not getattr(settings, name)]
    if len(missing) == len(names):
        return [CheckWarning("STRIPE_SECRET_KEY is not set: nothing can be paid", id="billing.W001")]
    if missing:
        return [Error(f"{', '.join(missing)} must be set together with the other keys of Stripe", id="billing.E001")]
    return []
