"""The stand-in itself: keys, state, routes, and the background work that surrounds them."""

import asyncio
import contextlib
import logging
import secrets
import string
import time
from pathlib import Path

from starlette.routing import BaseRoute, Route

from sandbox.frame import StandIn
from sandbox.stripe.billing import clock
from sandbox.stripe.browser import pages
from sandbox.stripe.context import Context
from sandbox.stripe.control import Control
from sandbox.stripe.objects.catalogue import new_account, new_webhook_endpoint
from sandbox.stripe.server import ApiServer
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier

logger = logging.getLogger(__name__)

TICK_S = 5.0
ALPHABET = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


class StripeStandIn(StandIn):
    """`webhook_url` may come later (`POST /control/stripe/webhook-url`); until then deliveries wait."""

    name = "stripe"

    def __init__(self, data: Path, *, webhook_url: str = "") -> None:
        super().__init__(data)
        self.store = Store(data / "stripe.sqlite3")
        self.keys = self._prepare(webhook_url)
        self.api = ApiServer(self.store, self.keys["secret"], self.keys["publishable"])
        self.courier = Courier(self.store)
        self.api.on_commit = self.courier.wake  # type: ignore[method-assign]
        self.ticking: asyncio.Task[None] | None = None

    def _prepare(self, webhook_url: str) -> dict[str, str]:
        """The keys, the account and the product's own endpoint: made once, then kept."""
        ctx = Context(self.store, "")
        keys: dict[str, str] | None = self.store.get_value("keys")
        if keys is None:
            keys = {
                "secret": f"sk_test_{_random(48)}",
                "publishable": f"pk_test_{_random(48)}",
                "endpoint": f"we_{_random(24)}",
                "webhook": f"whsec_{_random(32)}",
            }
            self.store.set_value("keys", keys)
            self.store.add(new_account(f"acct_{_random(16)}", int(time.time())))
            own = new_webhook_endpoint(ctx, webhook_url, ["*"], id=keys["endpoint"], _secret=keys["webhook"])
            self.store.add(own)
        endpoint = self.store.find(keys["endpoint"])
        if webhook_url and endpoint and endpoint["url"] != webhook_url:
            ctx.change(endpoint, url=webhook_url)
        self.store.commit()
        return keys

    def env(self) -> dict[str, str]:
        return {
            "STRIPE_API_BASE": self.url,
            "STRIPE_JS_URL": f"{self.url}/v3/stripe.js",
            "STRIPE_SECRET_KEY": self.keys["secret"],
            "STRIPE_PUBLISHABLE_KEY": self.keys["publishable"],
            "STRIPE_WEBHOOK_SECRET": self.keys["webhook"],
        }

    def context(self) -> Context:
        """For work that no API request asked for."""
        return Context(self.store, self.url)

    def routes(self) -> list[BaseRoute]:
        self.api.url = self.url
        methods = ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]
        return [
            Route("/v1/{path:path}", self.api.handle, methods=methods),
            *pages.routes(self.context, self.courier.wake),
        ]

    def control_routes(self) -> list[BaseRoute]:
        return Control(self.context, self.api, self.courier, self.keys).routes()

    async def start(self) -> None:
        self.courier.start()
        self.ticking = asyncio.create_task(self.tick())

    async def stop(self) -> None:
        if self.ticking:
            self.ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.ticking
        await self.courier.stop()
        self.store.close()

    async def tick(self) -> None:
        """Real time passes for subscriptions without a test clock."""
        while True:
            try:
                clock.run_due(self.context(), None, int(time.time()))
                self.store.commit()
            except Exception:  # edge of a background task: tell, undo, go on
                logger.exception("a subscription's due work failed")
                self.store.roll_back()
            self.courier.wake()
            await asyncio.sleep(TICK_S)
