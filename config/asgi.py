"""The door of the web process: ASGI, for streams; Stripe's webhook has its own way in, before Django's middleware."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_asgi_application()

from billing.webhooks import PATH as WEBHOOK_PATH  # noqa: E402 -- models exist only after the line above
from billing.webhooks import stripe_webhook  # noqa: E402


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Stripe's events to their own application, everything else to Django."""
    if scope["type"] == "http" and scope["path"] == WEBHOOK_PATH:
        await stripe_webhook(scope, receive, send)
    else:
        await django(scope, receive, send)
