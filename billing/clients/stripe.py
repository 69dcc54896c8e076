"""Stripe, as little of it as we use. Amounts are whole cents here and nowhere else.

https://docs.stripe.com/api/payment_intents
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import stripe
from django.conf import settings

from core.errors import PermanentError, TransientError

_TIMEOUT_S = 20
_TOLERANCE_S = 300

T = TypeVar("T")


@dataclass(frozen=True)
class PaymentIntent:
    """A PaymentIntent as Stripe has it now; `paid_at` is when its last charge was made, by Stripe's clock."""

    id: str
    status: str
    amount_cents: int
    currency: str
    client_secret: str
    error: str
    card: str
    three_d_secure: bool
    paid_at: datetime | None


class BadSignatureError(Exception):
    """A webhook that Stripe did not sign, or signed too long ago."""


def configure() -> None:
    """Point the SDK's own defaults to our account: dj-stripe uses them."""
    stripe.api_base = settings.STRIPE_API_BASE
    stripe.api_version = settings.STRIPE_API_VERSION
    stripe.max_network_retries = 0
    stripe.default_http_client = stripe.RequestsClient(timeout=_TIMEOUT_S)


def create_customer(*, email: str, name: str, language: str, idempotency_key: str) -> str:
    """A new customer's id; the same key gives the same customer (24 hours)."""
    params: Any = {"email": email, "name": name, "preferred_locales": [language]}
    customer = _call(lambda: _client().v1.customers.create(params, {"idempotency_key": idempotency_key}))
    return str(customer.id)


def delete_customer(customer_id: str) -> None:
    """Delete a customer with their saved cards; payments made stay at Stripe. Nothing to do for one already gone."""
    try:
        _call(lambda: _client().v1.customers.delete(customer_id))
    except PermanentError as error:
        if error.code != "resource_missing":
            raise


def create_payment_intent(
    *, amount_cents: int, currency: str, customer_id: str, order_number: str, email: str, idempotency_key: str
) -> PaymentIntent:
    """An intent to be confirmed in the browser; card only, 3-D Secure when the bank wants it."""
    params: Any = {
        "amount": amount_cents,
        "currency": currency,
        "customer": customer_id,
        "payment_method_types": ["card"],
        "description": order_number,
        "receipt_email": email,
        "metadata": {"order": order_number},
    }
    return _as_intent(_call(lambda: _client().v1.payment_intents.create(params, {"idempotency_key": idempotency_key})))


def get_payment_intent(intent_id: str) -> PaymentIntent:
    """The intent with its last charge."""
    params: Any = {"expand": ["latest_charge"]}
    return _as_intent(_call(lambda: _client().v1.payment_intents.retrieve(intent_id, params)))


def cancel_payment_intent(intent_id: str) -> PaymentIntent:
    """Give up an intent that was not paid; `PermanentError` when it was."""
    return _as_intent(_call(lambda: _client().v1.payment_intents.cancel(intent_id)))


def construct_event(body: bytes, signature: str, now_s: float) -> dict[str, Any]:
    """The event in a webhook's body, when one of our secrets signed it within five minutes either way.

    The SDK looks at the past only; a timestamp from the future is refused here.
    """
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, secret, None)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        if abs(now_s - _parse_timestamp(signature)) > _TOLERANCE_S:
            raise BadSignatureError("signed too long ago, or in the future")
        return _event(body)
    raise BadSignatureError("no secret of ours made this signature")


def _event(body: bytes) -> dict[str, Any]:
    event = json.loads(body)
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        raise BadSignatureError("signed, but not an event")
    return event


def _parse_timestamp(signature: str) -> float:
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    return float(parts.get("t", "0"))


@lru_cache(maxsize=1)
def _client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_S),
    )


def _call(request: Callable[[], T]) -> T:
    try:
        return request()
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        first_line = str(error.user_message or error).partition("\n")[0]
        raise TransientError(f"Stripe: {first_line}", code=error.code or "") from error
    except stripe.StripeError as error:
        # 409 lock_timeout and 5xx may pass by waiting; the rest is a mistake of somebody
        passing = error.http_status is None or error.http_status >= 500 or error.http_status == 409
        kind = TransientError if passing else PermanentError
        raise kind(f"Stripe: {error.user_message or error}", code=error.code or "") from error


def _as_intent(intent: stripe.PaymentIntent) -> PaymentIntent:
    charge = intent.latest_charge if not isinstance(intent.latest_charge, str) else None
    details = getattr(getattr(charge, "payment_method_details", None), "card", None)
    secure = getattr(details, "three_d_secure", None)
    error = intent.last_payment_error
    return PaymentIntent(
        id=intent.id,
        status=intent.status,
        amount_cents=intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        error=(error.message or "") if error else "",
        card=f"{(details.brand or '').title()} ·· {details.last4}" if details else "",
        three_d_secure=bool(secure and secure.result == "authenticated"),
        paid_at=datetime.fromtimestamp(charge.created, UTC) if charge else None,
    )
