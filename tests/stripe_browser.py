"""What Stripe.js does in the browser, over the same public API: confirm with the publishable key, pass 3-D Secure."""

from typing import Any

import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse

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


def deliver(stripe: Control, client: Client) -> list[int]:
    """Post what Stripe has waiting to our webhook, byte for byte; the statuses we answered."""
    deliveries = stripe.post("/deliveries/take")
    return [post_event(client, delivery["body"], delivery["signature"]) for delivery in deliveries]


def post_event(client: Client, body: str, signature: str) -> int:
    """One POST to the webhook, with whatever signature."""
    answer = client.post(
        reverse("stripe_webhook"),
        body.encode(),
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
    return answer.status_code
