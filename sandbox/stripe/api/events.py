"""Events of the last 30 days, and which of them the endpoints have not taken."""

from sandbox.stripe.api.endpoint import get, listing, page, within
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.params import Params, array, boolean, text, time_range
from sandbox.stripe.store import Object
from sandbox.stripe.webhooks import undelivered

KEPT_S = 30 * 86_400


def as_now(ctx: Context, event: Object) -> Object:
    return {**event, "pending_webhooks": undelivered(ctx.store, event["id"])}


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    return as_now(ctx, ctx.get("event", ident))


def _is_of_type(event: Object, wanted: str) -> bool:
    return bool(event["type"] == wanted or (wanted.endswith("*") and event["type"].startswith(wanted[:-1])))


def list_events(ctx: Context, params: Params) -> Object:
    if "type" in params and "types" in params:
        raise StripeError("You may only specify one of these parameters: type, types.", started=False)
    wanted = [params["type"]] if "type" in params else params.get("types", ["*"])
    found = (
        event
        for event in ctx.store.every("event")
        if event["created"] > ctx.now - KEPT_S
        and any(_is_of_type(event, kind) for kind in wanted)
        and within(event["created"], params.get("created"))
        and (
            "delivery_success" not in params or params["delivery_success"] == (not undelivered(ctx.store, event["id"]))
        )
    )
    found_page = page(found, params, "/v1/events")
    return {**found_page, "data": [as_now(ctx, event) for event in found_page["data"]]}


ENDPOINTS = [
    listing(
        "/v1/events",
        list_events,
        {"created": time_range, "delivery_success": boolean, "type": text(), "types": array(text(), limit=20)},
    ),
    get("/v1/events/{id}", retrieve),
]
