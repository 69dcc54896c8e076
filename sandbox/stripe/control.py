"""What tests and the sandbox's page can ask of the stand-in, under `/control/stripe`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.stripe import payments, setups, webhooks
from sandbox.stripe.context import Context, public
from sandbox.stripe.errors import StripeError
from sandbox.stripe.server import ApiServer, Slowdown
from sandbox.stripe.webhooks import Courier

OUTCOMES = ("decline", "insufficient_funds", "expired", "require_action", "processing")


class UnclearError(Exception):
    """A control request that cannot be understood."""


class Control:
    """One method per route; each answers JSON."""

    def __init__(self, context: Callable[[], Context], api: ApiServer, courier: Courier, keys: dict[str, str]) -> None:
        self.context = context
        self.api = api
        self.courier = courier
        self.keys = keys
        self.store = api.store

    def routes(self) -> list[BaseRoute]:
        table: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/deliveries", self.deliveries),
            ("POST", "/deliveries/hold", self.hold),
            ("POST", "/deliveries/take", self.take),
            ("POST", "/deliveries/reorder", self.reorder),
            ("POST", "/events/{id}/redeliver", self.redeliver),
            ("POST", "/webhook-url", self.webhook_url),
            ("POST", "/sign", self.sign),
            ("POST", "/next-card", self.next_card),
            ("POST", "/slow", self.slow),
            ("GET", "/objects/{kind}", self.objects),
            ("POST", "/payment_intents/{id}/authorize", self.authorize),
            ("POST", "/setup_intents/{id}/authorize", self.authorize),
            ("POST", "/payment_intents/{id}/settle", self.settle),
            ("POST", "/refunds/{id}/settle", self.settle_refund),
        ]
        return [Route(path, _door(self, action), methods=[method]) for method, path, action in table]

    def deliveries(self, _body: dict[str, Any]) -> Any:
        """Every delivery in the order in which it will be, or was, sent."""
        rows = self.store.database.execute("SELECT * FROM deliveries ORDER BY place").fetchall()
        entries = [webhooks.describe(self.store, row) for row in rows]
        return {
            "hold": self.store.get_value("hold", default=False),
            "pending": [entry for entry in entries if entry["state"] == "pending"],
            "done": [entry for entry in entries if entry["state"] != "pending"],
        }

    def hold(self, body: dict[str, Any]) -> Any:
        """Stop (or go on with) sending by itself."""
        if not isinstance(body.get("hold"), bool):
            raise UnclearError('"hold" must be true or false')
        self.store.set_value("hold", body["hold"])
        return {"hold": body["hold"]}

    def take(self, _body: dict[str, Any]) -> Any:
        """Hand the pending deliveries over: they will not be sent any more."""
        pending = self.deliveries({})["pending"]
        self.store.database.execute("UPDATE deliveries SET state = 'taken' WHERE state = 'pending'")
        return pending

    def reorder(self, body: dict[str, Any]) -> Any:
        """Send the pending deliveries in the order of `ids`; without it, the last first."""
        rows = self.store.database.execute(
            "SELECT id, place FROM deliveries WHERE state = 'pending' ORDER BY place"
        ).fetchall()
        current = [row["id"] for row in rows]
        ids = body.get("ids", list(reversed(current)))
        if sorted(ids) != sorted(current):
            raise UnclearError('"ids" must name each pending delivery once')
        places = [row["place"] for row in rows]
        self.store.database.executemany("UPDATE deliveries SET place = ? WHERE id = ?", zip(places, ids, strict=True))
        return {"pending": ids}

    def redeliver(self, _body: dict[str, Any], ident: str) -> Any:
        """Queue the event again, body unchanged."""
        self.context().get("event", ident)
        return {"deliveries": webhooks.redeliver(self.store, ident)}

    def webhook_url(self, body: dict[str, Any]) -> Any:
        """Where the product's own endpoint is; an empty address makes deliveries wait."""
        ctx = self.context()
        endpoint = ctx.get("webhook_endpoint", self.keys["endpoint"])
        return {"url": ctx.change(endpoint, url=str(body.get("url", "")))["url"]}

    def sign(self, body: dict[str, Any]) -> Any:
        """The signature header for any payload, now or at `timestamp`, with the endpoint's secret or `secret`."""
        if not isinstance(body.get("payload"), str):
            raise UnclearError('"payload" must be the exact text of the body')
        secret = body.get("secret", self.keys["webhook"])
        return {"signature": webhooks.sign(body["payload"], secret, body.get("timestamp"))}

    def next_card(self, body: dict[str, Any]) -> Any:
        """Decide the next confirmation, whatever the card; several add up."""
        if body.get("outcome") not in OUTCOMES:
            raise UnclearError(f'"outcome" must be one of {", ".join(OUTCOMES)}')
        outcomes = [*self.store.get_value("next_card", default=[]), body["outcome"]]
        self.store.set_value("next_card", outcomes)
        return {"next": outcomes}

    def slow(self, body: dict[str, Any]) -> Any:
        """Let requests take time after they began, so that a second one with the same key meets the first."""
        try:
            self.api.slowdowns.append(Slowdown(**body))
        except TypeError as error:
            raise UnclearError(str(error)) from error
        return [asdict(slowdown) for slowdown in self.api.slowdowns]

    def objects(self, _body: dict[str, Any], kind: str) -> Any:
        return [public(obj) for obj in self.store.every(kind, newest_first=False)]

    def authorize(self, body: dict[str, Any], ident: str) -> Any:
        """The bank's answer to a pending 3-D Secure request."""
        ctx = self.context()
        succeed = body.get("succeed", True) is True
        if ident.startswith("seti_"):
            return public(setups.authenticate(ctx, ctx.get("setup_intent", ident), succeed=succeed))
        return public(payments.authenticate(ctx, ctx.get("payment_intent", ident), succeed=succeed))

    def settle(self, body: dict[str, Any], ident: str) -> Any:
        """The end of `processing`."""
        ctx = self.context()
        intent = ctx.get("payment_intent", ident)
        return public(payments.finish_processing(ctx, intent, succeed=body.get("succeed", True) is True))

    def settle_refund(self, body: dict[str, Any], ident: str) -> Any:
        """A pending refund arrives, or a refund comes back."""
        ctx = self.context()
        return public(payments.finish_refund(ctx, ctx.get("refund", ident), succeed=body.get("succeed", True) is True))


def _read(text: bytes) -> dict[str, Any]:
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise UnclearError("the body must be a JSON object")
    return body


def _door(control: Control, action: Callable[..., Any]) -> Callable[[Request], Any]:
    async def door(request: Request) -> Response:
        text = await request.body()
        try:
            answer = action(_read(text), *request.path_params.values())
        except (UnclearError, json.JSONDecodeError) as error:
            control.store.roll_back()
            return JSONResponse({"error": str(error)}, 400)
        except StripeError as error:
            control.store.roll_back()
            return JSONResponse(error.body("control"), error.status)
        control.store.commit()
        control.courier.wake()
        return JSONResponse(answer)

    return door
