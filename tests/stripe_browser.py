"""What Stripe.js does in the browser, over the same public API: confirm with the publishable key, pass 3-D Secure."""

from typing import Any

import requests
from asgiref.sync import async_to_sync
from django.conf import settings

from billing.payments.webhooks import PATH as WEBHOOK_PATH
from config.asgi import application
from tests.conftest import Control

VISA, THREE_D_SECURE, DECLINED = "4242424242424242", "4000002500003155", "4000000000000002"


def confirm(client_secret: str, number: str = VISA) -> dict[str, Any]:
    """Confirm the intent with a raw card, as the Payment Element does; the intent, or Stripe's error object."""
    intent_id = client_secret.partition("_secret_")[0]
    answer = requests.post(
        f"{settings.STRIPE_API_BASE}/v1/payment_intents/{intent_id}/confirm",
        auth=(settings.STRIPE_PUBLISHABLE_KEY, ""),
        data={
            "client_secret": client_secret,
            "return_url": "http://testserver/area/",
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": number,
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2031",
            "payment_method_data[card][cvc]": "123",
        },
        timeout=10,
    )
    body: dict[str, Any] = answer.json()
    return body


def deliver(stripe: Control) -> list[int]:
    """Post what Stripe has waiting to our webhook, byte for byte; the statuses we answered."""
    deliveries = stripe.post("/deliveries/take")
    return [post_event(delivery["body"], delivery["signature"]) for delivery in deliveries]


def post_event(body: str, signature: str) -> int:
    """One POST to the webhook through the ASGI door, with whatever signature; the status of the answer."""
    return async_to_sync(apost_event)(body, signature)


async def apost_event(body: str, signature: str) -> int:
    """As `post_event`, within the caller's loop."""
    headers = [(b"stripe-signature", signature.encode())]
    scope = {"type": "http", "method": "POST", "path": WEBHOOK_PATH, "headers": headers}
    # in pieces, as a network brings it
    whole = body.encode()
    pieces = [whole[start : start + 65_536] for start in range(0, len(whole), 65_536)]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    responses: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        responses.append(message)

    await application(scope, receive, send)
    return int(responses[0]["status"])
