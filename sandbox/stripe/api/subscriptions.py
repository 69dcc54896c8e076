"""Subscriptions and their items."""

from collections.abc import Iterator

from sandbox.stripe.api.catalogue import RECURRING
from sandbox.stripe.api.endpoint import delete, get, listing, matches, page, post, retrieve, within
from sandbox.stripe.billing import subscriptions
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, missing
from sandbox.stripe.params import (
    Check,
    Params,
    Spec,
    array,
    boolean,
    choice,
    currency,
    either,
    group,
    integer,
    metadata,
    text,
    time_range,
)
from sandbox.stripe.store import Object

STATUSES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing",
    "unpaid",
)  # fmt: skip
PRORATION = choice("create_prorations", "always_invoice", "none")
DISCOUNTS: Check = array(group({"coupon": text(), "promotion_code": text(), "discount": text()}), clearable=True)
PRICE_DATA: Spec = {
    "currency!": currency,
    "product!": text(),
    "recurring!": group(RECURRING),
    "unit_amount!": integer(0),
    "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
}
ITEM: Spec = {
    "metadata": metadata,
    "price": text(),
    "price_data": group(PRICE_DATA),
    "quantity": integer(0),
    "tax_rates": array(text(), clearable=True),
}
ITEM_CHANGE: Spec = {**ITEM, "id": text(), "deleted": boolean}
CANCELLATION: Spec = {
    "comment": text(clearable=True),
    "feedback": choice(
        "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
        "too_expensive", "unused", clearable=True,
    ),
}  # fmt: skip
PAYMENT_SETTINGS: Spec = {
    "save_default_payment_method": choice("off", "on_subscription"),
    "payment_method_types": array(choice("card"), clearable=True),
}
COMMON: Spec = {
    "cancel_at": integer(1, clearable=True),
    "cancel_at_period_end": boolean,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0),
    "default_payment_method": text(clearable=True),
    "default_tax_rates": array(text(), clearable=True),
    "description": text(500, clearable=True),
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "off_session": boolean,
    "payment_settings": group(PAYMENT_SETTINGS),
    "proration_behavior": PRORATION,
    "trial_settings": group(
        {"end_behavior!": group({"missing_payment_method!": choice("cancel", "create_invoice", "pause")})}
    ),
}
CREATE: Spec = {
    **COMMON,
    "billing_mode": group({"type!": choice("flexible")}),
    "customer!": text(),
    "items!": array(group(ITEM), limit=20),
    "payment_behavior": choice("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    "trial_end": either("now", integer(1)),
    "trial_period_days": integer(1, 730),
}
UPDATE: Spec = {
    **COMMON,
    "billing_cycle_anchor": choice("now", "unchanged"),
    "cancellation_details": group(CANCELLATION, clearable=True),
    "items": array(group(ITEM_CHANGE), limit=20),
    "payment_behavior": choice("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    "proration_date": integer(1),
    "trial_end": choice("now"),
}
CANCEL: Spec = {"cancellation_details": group(CANCELLATION), "invoice_now": boolean, "prorate": boolean}


def create(ctx: Context, params: Params) -> Object:
    if "trial_end" in params and "trial_period_days" in params:
        raise StripeError("You may only specify one of these parameters: trial_end, trial_period_days.", started=False)
    _check_items(params["items"])
    return subscriptions.create(ctx, params)


def _check_items(items: list[Params]) -> None:
    for entry in items:
        if "id" not in entry and "price" not in entry and "price_data" not in entry:
            raise StripeError(
                "Missing required param: items[0][price].",
                code="parameter_missing",
                param="items[0][price]",
                started=False,
            )


def update(ctx: Context, params: Params, ident: str) -> Object:
    _check_items(params.get("items", []))
    return subscriptions.update(ctx, ctx.get("subscription", ident), params)


def cancel(ctx: Context, params: Params, ident: str) -> Object:
    return subscriptions.cancel(ctx, ctx.get("subscription", ident), params)


def resume(ctx: Context, _params: Params, ident: str) -> Object:
    return subscriptions.resume(ctx, ctx.get("subscription", ident))


def list_subscriptions(ctx: Context, params: Params) -> Object:
    return page(_filter(ctx, params), params, "/v1/subscriptions")


def _filter(ctx: Context, params: Params) -> Iterator[Object]:
    status = params.get("status")
    for entry in ctx.store.every("subscription"):
        has_ended = entry["status"] in {"canceled", "incomplete_expired"}
        visibility = {None: entry["status"] != "canceled", "all": True, "ended": has_ended}
        prices = {item["price"]["id"] for item in entry["items"]["data"]}
        if (
            visibility.get(status, entry["status"] == status)
            and matches(entry, params, "customer", "collection_method", "test_clock")
            and ("price" not in params or params["price"] in prices)
            and within(entry["created"], params.get("created"))
        ):
            yield entry


def _holder(ctx: Context, ident: str) -> tuple[Object, Object]:
    for entry in ctx.store.every("subscription"):
        for item in entry["items"]["data"]:
            if item["id"] == ident:
                return entry, item
    raise missing("subscription_item", ident)


def list_items(ctx: Context, params: Params) -> Object:
    entry = ctx.get("subscription", params["subscription"], "subscription")
    return page(entry["items"]["data"], params, "/v1/subscription_items")


def retrieve_item(ctx: Context, _params: Params, ident: str) -> Object:
    return _holder(ctx, ident)[1]


def create_item(ctx: Context, params: Params) -> Object:
    entry = ctx.get("subscription", params["subscription"], "subscription")
    ids = {item["id"] for item in entry["items"]["data"]}
    _change_item(ctx, entry, params, {})
    return next(item for item in entry["items"]["data"] if item["id"] not in ids)


def update_item(ctx: Context, params: Params, ident: str) -> Object:
    entry, _ = _holder(ctx, ident)
    _change_item(ctx, entry, params, {"id": ident})
    return _holder(ctx, ident)[1]


def remove_item(ctx: Context, params: Params, ident: str) -> Object:
    entry, _ = _holder(ctx, ident)
    _change_item(ctx, entry, params, {"id": ident, "deleted": True})
    return {"id": ident, "object": "subscription_item", "deleted": True}


def _change_item(ctx: Context, entry: Object, params: Params, item: Params) -> None:
    item_params = {name: params[name] for name in ITEM if name in params}
    others = {name: params[name] for name in CHANGE if name in params}
    subscriptions.update(ctx, entry, {**others, "items": [{**item_params, **item}]})


CHANGE: Spec = {
    "payment_behavior": choice("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    "proration_behavior": PRORATION,
    "proration_date": integer(1),
}
ENDPOINTS = [
    post("/v1/subscriptions", create, CREATE),
    listing(
        "/v1/subscriptions",
        list_subscriptions,
        {
            "collection_method": choice("charge_automatically", "send_invoice"),
            "created": time_range,
            "customer": text(),
            "price": text(),
            "status": choice(*STATUSES),
            "test_clock": text(),
        },
    ),
    get("/v1/subscriptions/{id}", retrieve("subscription")),
    post("/v1/subscriptions/{id}", update, UPDATE),
    delete("/v1/subscriptions/{id}", cancel, CANCEL),
    post("/v1/subscriptions/{id}/resume", resume),
    listing("/v1/subscription_items", list_items, {"subscription!": text()}),
    post("/v1/subscription_items", create_item, {**ITEM, **CHANGE, "subscription!": text()}),
    get("/v1/subscription_items/{id}", retrieve_item),
    post("/v1/subscription_items/{id}", update_item, {**ITEM, **CHANGE}),
    delete(
        "/v1/subscription_items/{id}",
        remove_item,
        {name: check for name, check in CHANGE.items() if name != "payment_behavior"},
    ),
]
