"""Events of the last 30 days, and which of them the endpoints have not taken."""

from sandbox.stripe.api.endpoint import get, listing, page, within
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError
from sandbox.stripe.params import Params, array, boolean, text, time_range
from sandbox.stripe.store import Object
from sandbox.stripe.webhooks import count_undelivered

RETENTION_S = 30 * 86_400


def as_now(ctx: Context, event: Object) -> Object:
    return {**event, "pending_webhooks": count_undelivered(ctx.store, event["id"])}


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    return as_now(ctx, ctx.get("event", ident))


def _is_of_type(event: Object, pattern: str) -> bool:
    return bool(event["type"] == pattern or (pattern.endswith("*") and event["type"].startswith(pattern[:-1])))


def list_events(ctx: Context, params: Params) -> Object:
    if "type" in params and "types" in params:
        raise StripeError("You may only specify one of these parameters: type, types.", started=False)
    patterns = [params["type"]] if "type" in params else params.get("types", ["*"])
    events = (
        event
        for event in ctx.store.every("event")
        if event["created"] > ctx.now - RETENTION_S
        and any(_is_of_type(event, kind) for kind in patterns)
        and within(event["created"], params.get("created"))
        and (
            "delivery_success" not in params
            or params["delivery_success"] == (not count_undelivered(ctx.store, event["id"]))
        )
    )
    event_page = page(events, params, "/v1/events")
    return {**event_page, "data": [as_now(ctx, event) for event in event_page["data"]]}


ENDPOINTS = [
    listing(
        "/v1/events",
        list_events,
        {"created": time_range, "delivery_success": boolean, "type": text(), "types": array(text(), limit=20)},
    ),
    get("/v1/events/{id}", retrieve),
]
