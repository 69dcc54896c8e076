"""Test clocks."""

from sandbox.stripe.api.endpoint import delete, get, listing, page, post, retrieve
from sandbox.stripe.billing import clock as clocks
from sandbox.stripe.context import Context
from sandbox.stripe.objects.billing import new_test_clock
from sandbox.stripe.params import Params, integer, text
from sandbox.stripe.store import Object

KIND = "test_helpers.test_clock"


def create(ctx: Context, params: Params) -> Object:
    clock = new_test_clock(ctx, params["frozen_time"], params.get("name"))
    return ctx.add(clock, f"{KIND}.created")


def advance(ctx: Context, params: Params, ident: str) -> Object:
    return clocks.advance(ctx, ctx.get(KIND, ident), params["frozen_time"])


def remove(ctx: Context, _params: Params, ident: str) -> Object:
    """With the clock go its customers and their subscriptions, as at Stripe."""
    clock = ctx.get(KIND, ident)
    for kind in ("customer", "subscription", "invoice", "invoiceitem"):
        for obj in list(ctx.store.every(kind)):
            if obj.get("test_clock") == ident:
                ctx.store.remove(obj["id"])
    ctx.emit(f"{KIND}.deleted", clock)
    ctx.store.remove(ident)
    return {"id": ident, "object": KIND, "deleted": True}


def list_clocks(ctx: Context, params: Params) -> Object:
    return page(ctx.store.every(KIND), params, "/v1/test_helpers/test_clocks")


ENDPOINTS = [
    post("/v1/test_helpers/test_clocks", create, {"frozen_time!": integer(1), "name": text(300)}),
    listing("/v1/test_helpers/test_clocks", list_clocks),
    get("/v1/test_helpers/test_clocks/{id}", retrieve(KIND)),
    post("/v1/test_helpers/test_clocks/{id}/advance", advance, {"frozen_time!": integer(1)}),
    delete("/v1/test_helpers/test_clocks/{id}", remove),
]
