"""Coupons and promotion codes."""

from sandbox.stripe.api.endpoint import delete, get, listing, matches, page, post, retrieve, within
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, missing, request_error
from sandbox.stripe.objects.catalogue import new_coupon, new_promotion_code
from sandbox.stripe.params import (
    Params,
    Spec,
    boolean,
    choice,
    currency,
    group,
    integer,
    merge_metadata,
    metadata,
    number,
    text,
    time_range,
)
from sandbox.stripe.store import Object

COUPON: Spec = {
    "id": text(),
    "amount_off": integer(1),
    "currency": currency,
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": integer(1, 240),
    "max_redemptions": integer(1),
    "metadata": metadata,
    "name": text(40),
    "percent_off": number(0.01, 100),
    "redeem_by": integer(1),
}
RESTRICTIONS: Spec = {
    "first_time_transaction": boolean,
    "minimum_amount": integer(1),
    "minimum_amount_currency": currency,
}
PROMOTION: Spec = {
    "promotion!": group({"type!": choice("coupon"), "coupon!": text()}),
    "active": boolean,
    "code": text(500),
    "customer": text(),
    "expires_at": integer(1),
    "max_redemptions": integer(1),
    "metadata": metadata,
    "restrictions": group(RESTRICTIONS),
}


def create_coupon(ctx: Context, params: Params) -> Object:
    if ("amount_off" in params) == ("percent_off" in params):
        raise StripeError("You must pass one of `percent_off` or `amount_off`.", started=False)
    if "amount_off" in params and "currency" not in params:
        raise StripeError("You must pass currency when passing amount_off.", param="currency", started=False)
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise StripeError(
            "You must pass duration_in_months when, and only when, duration is repeating.",
            param="duration_in_months",
            started=False,
        )
    if params.get("id") and ctx.store.find(params["id"]):
        raise request_error("Coupon already exists.", code="resource_already_exists", param="id")
    fields = {name: value for name, value in params.items() if name != "expand"}
    return ctx.add(new_coupon(ctx, **fields), "coupon.created")


def update_coupon(ctx: Context, params: Params, ident: str) -> Object:
    coupon = ctx.get("coupon", ident)
    changes: Object = {"metadata": merge_metadata(coupon["metadata"], params.get("metadata"))}
    if "name" in params:
        changes["name"] = params["name"]
    return ctx.change(coupon, "coupon.updated", **changes)


def remove_coupon(ctx: Context, _params: Params, ident: str) -> Object:
    coupon = ctx.get("coupon", ident)
    ctx.emit("coupon.deleted", coupon)
    ctx.store.remove(ident)
    return {"id": ident, "object": "coupon", "deleted": True}


def list_coupons(ctx: Context, params: Params) -> Object:
    coupons = (entry for entry in ctx.store.every("coupon") if within(entry["created"], params.get("created")))
    return page(coupons, params, "/v1/coupons")


def create_promotion(ctx: Context, params: Params) -> Object:
    coupon = ctx.find("coupon", params["promotion"]["coupon"])
    if coupon is None:
        raise missing("coupon", params["promotion"]["coupon"], "promotion[coupon]")
    if params.get("customer"):
        ctx.get("customer", params["customer"], "customer")
    code = params.get("code")
    active_codes = (entry for entry in ctx.store.every("promotion_code") if entry["active"])
    if code and any(entry["code"].lower() == code.lower() for entry in active_codes):
        raise request_error(f"An active promotion code with `code: {code}` already exists.", param="code")
    fields = {name: value for name, value in params.items() if name not in {"expand", "promotion"}}
    return ctx.add(new_promotion_code(ctx, coupon["id"], **fields), "promotion_code.created")


def update_promotion(ctx: Context, params: Params, ident: str) -> Object:
    entry = ctx.get("promotion_code", ident)
    changes: Object = {"metadata": merge_metadata(entry["metadata"], params.get("metadata"))}
    if "active" in params:
        changes["active"] = params["active"]
    return ctx.change(entry, "promotion_code.updated", **changes)


def list_promotions(ctx: Context, params: Params) -> Object:
    promotions = (
        entry
        for entry in ctx.store.every("promotion_code")
        if matches(entry, params, "active", "customer")
        and ("code" not in params or entry["code"].lower() == params["code"].lower())
        and ("coupon" not in params or entry["promotion"]["coupon"] == params["coupon"])
        and within(entry["created"], params.get("created"))
    )
    return page(promotions, params, "/v1/promotion_codes")


ENDPOINTS = [
    post("/v1/coupons", create_coupon, COUPON),
    listing("/v1/coupons", list_coupons, {"created": time_range}),
    get("/v1/coupons/{id}", retrieve("coupon")),
    post("/v1/coupons/{id}", update_coupon, {"metadata": metadata, "name": text(40, clearable=True)}),
    delete("/v1/coupons/{id}", remove_coupon),
    post("/v1/promotion_codes", create_promotion, PROMOTION),
    listing(
        "/v1/promotion_codes",
        list_promotions,
        {"active": boolean, "code": text(), "coupon": text(), "created": time_range, "customer": text()},
    ),
    get("/v1/promotion_codes/{id}", retrieve("promotion_code")),
    post("/v1/promotion_codes/{id}", update_promotion, {"active": boolean, "metadata": metadata}),
]
