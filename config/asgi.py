"""The door of the web process: ASGI, for streams; Stripe's webhook has its own way in, before Django's middleware."""

import gc
import os
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class SyncChainHandler(ASGIHandler):
    """Django's handler with its whole chain of middleware and views in the request's one thread.

    Ours are synchronous, as Django's own are at heart, but Django starts the chain from its asynchronous end: every
    request went from the thread back to the event loop and again into the thread, 1 ms of 6 (`python -m bench pages`).
    An asynchronous view is still awaited in the loop, and what it streams too.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain: Any = sync_to_async(self._middleware_chain, thread_sensitive=True)


django.setup(set_prefix=False)
django_application = SyncChainHandler()

from django.urls import get_resolver  # noqa: E402 -- settings exist only after the line above

from billing.payments.webhooks import PATH as WEBHOOK_PATH  # noqa: E402
from billing.payments.webhooks import stripe_webhook  # noqa: E402
from chatbot.clients import claude  # noqa: E402
from core.web.bodies import cap_bodies  # noqa: E402

application_with_caps = cap_bodies(django_application)

# What is loaded now stays for good. Left to the garbage collector, every full collection walked it, and no stream went
# on for a tenth of a second (`python -m bench streams`).
get_resolver().url_patterns  # noqa: B018 -- loads every view
claude.load()
gc.collect()
gc.freeze()
# Of what came since, a full one takes 80 ms with 200 answers at once: rarer, p99 of a piece 18 -> 2.5 ms for 5 MB.
# Where 200 answers end within two seconds some pieces still wait half a second for the threads that keep rows; a
# shorter turn of the interpreter made that worse.
gc.set_threshold(2_000, 4, 20)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Stripe's events to their own application, everything else to Django."""
    if scope["type"] == "http" and scope["path"] == WEBHOOK_PATH:
        await stripe_webhook(scope, receive, send)
    else:
        await application_with_caps(scope, receive, send)
