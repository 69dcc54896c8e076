"""The door of the web process: ASGI, for streams; Stripe's webhook has its own way in, before Django's middleware."""

import gc
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_asgi_application()

from django.urls import get_resolver  # noqa: E402 -- settings exist only after the line above

from billing.payments.webhooks import PATH as WEBHOOK_PATH  # noqa: E402
from billing.payments.webhooks import stripe_webhook  # noqa: E402
from chatbot.clients import claude  # noqa: E402

# What is loaded now stays for good. Left to the garbage collector, every full collection walked it, and no stream went
# on for a tenth of a second (`python -m bench streams`).
get_resolver().url_patterns  # noqa: B018 -- loads every view
claude.load()
gc.collect()
gc.freeze()
# Of what came since, a full one takes 80 ms with 200 answers at once: rarer, p99 of a piece 18 -> 2.5 ms for 5 MB.
gc.set_threshold(2_000, 4, 20)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Stripe's events to their own application, everything else to Django."""
    if scope["type"] == "http" and scope["path"] == WEBHOOK_PATH:
        await stripe_webhook(scope, receive, send)
    else:
        await django(scope, receive, send)
