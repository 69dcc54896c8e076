"""How objects are shown: `expand[]`, fields that appear only when asked for, and what a publishable key may see."""

import copy
from collections.abc import Callable
from typing import Any

from sandbox.stripe.context import Context, public
from sandbox.stripe.errors import request_error
from sandbox.stripe.store import Object

MAX_EXPANSIONS = 4
EXPANDABLE = {
    "account_tax_ids", "application", "balance_transaction", "charge", "configuration", "coupon", "credit_note",
    "customer", "default_payment_method", "default_price", "default_source", "discount", "discounts",
    "failure_balance_transaction", "invoice", "latest_attempt", "latest_charge", "latest_invoice", "latest_revision",
    "mandate", "on_behalf_of", "payment_intent", "payment_method", "pending_setup_intent", "product",
    "promotion_code", "review", "schedule", "setup_intent", "single_use_mandate", "source", "source_transfer",
    "source_transfer_reversal", "subscription", "test_clock", "transfer_reversal",
}  # fmt: skip
INTENT_FIELDS = {
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "last_setup_error", "livemode", "next_action", "payment_method",
    "payment_method_configuration_details", "payment_method_types", "processing", "receipt_email",
    "setup_future_usage", "shipping", "source", "status", "usage",
}  # fmt: skip


def _list_of(kind: str, field: str, url: str) -> Callable[[Context, Object], Object]:
    def include(ctx: Context, obj: Object) -> Object:
        data = [public(entry) for entry in ctx.store.every(kind) if entry.get(field) == obj["id"]]
        return {"object": "list", "data": data, "has_more": False, "url": url.format(id=obj["id"])}

    return include


def _subscriptions(ctx: Context, customer: Object) -> Object:
    listing = _list_of("subscription", "customer", "/v1/customers/{id}/subscriptions")(ctx, customer)
    return {**listing, "data": [entry for entry in listing["data"] if entry["status"] != "canceled"]}


def _sources(_ctx: Context, customer: Object) -> Object:
    return {"object": "list", "data": [], "has_more": False, "url": f"/v1/customers/{customer['id']}/sources"}


def _confirmation_secret(ctx: Context, invoice: Object) -> Object | None:
    payments = ctx.store.every("invoice_payment")
    own = next((entry for entry in payments if entry["invoice"] == invoice["id"] and entry["is_default"]), None)
    if own is None or own["payment"]["type"] != "payment_intent":
        return None
    intent = ctx.get("payment_intent", own["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _currency_options(_ctx: Context, price: Object) -> Object:
    fields = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {field: price[field] for field in fields}}


def _nothing(_ctx: Context, _obj: Object) -> None:
    return None


INCLUDABLE: dict[tuple[str, str], Callable[[Context, Object], Any]] = {
    ("charge", "refunds"): _list_of("refund", "charge", "/v1/charges/{id}/refunds"),
    ("customer", "sources"): _sources,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax_ids"): _list_of("tax_id", "customer", "/v1/customers/{id}/tax_ids"),
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _list_of("invoice_payment", "invoice", "/v1/invoice_payments?invoice={id}"),
    ("coupon", "applies_to"): _nothing,
    ("price", "currency_options"): _currency_options,
    ("price", "tiers"): _nothing,
}


def show(ctx: Context, obj: Object, expansions: list[str]) -> Object:
    """The answer to one request."""
    body: Object = copy.deepcopy(public(obj))
    if obj.get("object") == "webhook_endpoint" and "secret" in obj:
        body["secret"] = obj["secret"]
    if ctx.publishable and obj["object"] in {"payment_intent", "setup_intent"}:
        body = {name: value for name, value in body.items() if name in INTENT_FIELDS}
    for path in expansions:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > MAX_EXPANSIONS:
            raise request_error(
                f"You cannot expand more than {MAX_EXPANSIONS} levels of a property. Property: {path}", param="expand"
            )
        _expand(ctx, body, parts, path)
    return body


def _expand(ctx: Context, value: Any, parts: list[str], path: str) -> None:
    if not parts or value is None:
        return
    if isinstance(value, list):
        for entry in value:
            _expand(ctx, entry, parts, path)
        return
    if not isinstance(value, dict):
        raise _not_expandable(path)
    head, rest = parts[0], parts[1:]
    include = INCLUDABLE.get((value.get("object", ""), head))
    if include and head not in value:
        value[head] = include(ctx, value)
    if head not in value:
        raise _not_expandable(path)
    if head not in EXPANDABLE and not isinstance(value[head], (dict, list)) and not include:
        raise _not_expandable(path)
    value[head] = _fetch(ctx, value[head], path)
    _expand(ctx, value[head], rest, path)


def _fetch(ctx: Context, value: Any, path: str) -> Any:
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        return [_fetch(ctx, entry, path) for entry in value]
    if isinstance(value, str):
        obj = ctx.store.find(value)
        if obj is None:
            raise _not_expandable(path)
        return copy.deepcopy(public(obj))
    return value


def _not_expandable(path: str) -> Exception:
    return request_error(f"This property cannot be expanded ({path}).", param="expand")
