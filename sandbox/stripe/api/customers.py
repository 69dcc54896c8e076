"""Customers, their tax ids and their balance."""

from sandbox.stripe import methods
from sandbox.stripe.api.endpoint import delete, get, listing, matches, page, post, within
from sandbox.stripe.billing import subscriptions
from sandbox.stripe.context import Context
from sandbox.stripe.errors import missing, request_error
from sandbox.stripe.objects.billing import new_balance_entry
from sandbox.stripe.objects.catalogue import new_customer, new_tax_id
from sandbox.stripe.params import (
    ADDRESS,
    SHIPPING,
    Params,
    Spec,
    array,
    choice,
    currency,
    email,
    group,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
)
from sandbox.stripe.store import Object

INVOICE_SETTINGS: Spec = {
    "default_payment_method": text(clearable=True),
    "footer": text(clearable=True),
    "custom_fields": array(group({"name!": text(40), "value!": text(140)}), limit=4, clearable=True),
}
UPDATE: Spec = {
    "address": group(ADDRESS, clearable=True),
    "balance": integer(),
    "description": text(clearable=True),
    "email": email,
    "invoice_prefix": text(12),
    "invoice_settings": group(INVOICE_SETTINGS),
    "metadata": metadata,
    "name": text(256, clearable=True),
    "next_invoice_sequence": integer(1),
    "phone": text(20, clearable=True),
    "preferred_locales": array(text(), clearable=True),
    "shipping": group(SHIPPING, clearable=True),
    "tax_exempt": choice("none", "exempt", "reverse", clearable=True),
}
TAX_ID: Spec = {"type!": choice("eu_vat", "gb_vat", "ch_vat", "us_ein", "no_vat", "sm_vat"), "value!": text(50)}
CREATE: Spec = {
    **UPDATE,
    "payment_method": text(),
    "tax_id_data": array(group(TAX_ID)),
    "test_clock": text(),
}


def create(ctx: Context, params: Params) -> Object:
    tax_ids = params.pop("tax_id_data", [])
    method_id = params.pop("payment_method", None)
    if "test_clock" in params:
        clock = ctx.get("test_helpers.test_clock", params["test_clock"], "test_clock")
        ctx = ctx.at(clock["frozen_time"])
    customer = new_customer(ctx)
    _apply(ctx, customer, params, customer_is_new=True)
    ctx.add(customer, "customer.created")
    if method_id:
        methods.attach(ctx, methods.get_method(ctx, method_id, "payment_method"), customer)
    for data in tax_ids:
        _add_tax_id(ctx, customer, data)
    return customer


def _apply(ctx: Context, customer: Object, params: Params, *, customer_is_new: bool = False) -> Object:
    changes = {name: value for name, value in params.items() if name != "expand"}
    changes["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))
    if params.get("address"):
        changes["address"] = {**dict.fromkeys(ADDRESS), **params["address"]}
    if params.get("tax_exempt", "none") is None:
        changes["tax_exempt"] = "none"
    settings = params.get("invoice_settings")
    if settings:
        if settings.get("default_payment_method"):
            _check_default(ctx, customer, settings["default_payment_method"])
        changes["invoice_settings"] = {**customer["invoice_settings"], **settings}
    if customer_is_new:
        customer.update(changes)
        return customer
    return ctx.change(customer, "customer.updated", **changes)


def _check_default(ctx: Context, customer: Object, method: str) -> None:
    payment_method = ctx.find("payment_method", method)
    if payment_method is None or payment_method["customer"] != customer["id"]:
        raise request_error(
            f"The customer does not have a payment method with the ID {method}. The payment method must be attached to "
            "the customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    customer = ctx.store.find(ident)
    if customer is None or customer["object"] != "customer":
        raise missing("customer", ident)
    return customer


def update(ctx: Context, params: Params, ident: str) -> Object:
    return _apply(ctx, ctx.get("customer", ident), params)


def remove(ctx: Context, _params: Params, ident: str) -> Object:
    customer = ctx.get("customer", ident)
    subscriptions.cancel_all_of(ctx.on_clock_of(customer), customer)
    ctx.emit("customer.deleted", customer)
    deleted_customer = {"id": ident, "object": "customer", "deleted": True}
    ctx.store.save(deleted_customer)
    return deleted_customer


def list_customers(ctx: Context, params: Params) -> Object:
    customers = (
        customer
        for customer in ctx.store.every("customer")
        if not customer.get("deleted")
        and matches(customer, params, "email", "test_clock")
        and (customer["test_clock"] is None or "test_clock" in params)
        and within(customer["created"], params.get("created"))
    )
    return page(customers, params, "/v1/customers")


def _add_tax_id(ctx: Context, customer: Object, data: Params) -> Object:
    value = data["value"].replace(" ", "").upper()
    if data["type"] == "eu_vat" and not (value[:2].isalpha() and 4 <= len(value) <= 14):
        raise request_error(f"Invalid value for {data['type']}.", code="tax_id_invalid", param="value")
    return ctx.add(new_tax_id(ctx, customer, data["type"], value), "customer.tax_id.created")


def create_tax_id(ctx: Context, params: Params, ident: str) -> Object:
    return _add_tax_id(ctx, ctx.get("customer", ident), params)


def list_tax_ids(ctx: Context, params: Params, ident: str) -> Object:
    ctx.get("customer", ident)
    entries = (entry for entry in ctx.store.every("tax_id") if entry["customer"] == ident)
    return page(entries, params, f"/v1/customers/{ident}/tax_ids")


def _get_tax_id(ctx: Context, ident: str, tax_id: str) -> Object:
    entry = ctx.get("tax_id", tax_id)
    if entry["customer"] != ident:
        raise missing("tax_id", tax_id)
    return entry


def retrieve_tax_id(ctx: Context, _params: Params, ident: str, tax_id: str) -> Object:
    return _get_tax_id(ctx, ident, tax_id)


def remove_tax_id(ctx: Context, _params: Params, ident: str, tax_id: str) -> Object:
    entry = _get_tax_id(ctx, ident, tax_id)
    ctx.emit("customer.tax_id.deleted", entry)
    ctx.store.remove(tax_id)
    return {"id": tax_id, "object": "tax_id", "deleted": True}


def adjust_balance(ctx: Context, params: Params, ident: str) -> Object:
    customer = ctx.get("customer", ident)
    ctx = ctx.on_clock_of(customer)
    balance = customer["balance"] + params["amount"]
    entry = new_balance_entry(ctx, customer, params["amount"], balance, params["currency"], "adjustment")
    entry.update(description=params.get("description"), metadata=params.get("metadata") or {})
    ctx.add(entry)
    ctx.change(customer, "customer.updated", balance=balance, currency=params["currency"])
    return entry


def list_balance(ctx: Context, params: Params, ident: str) -> Object:
    ctx.get("customer", ident)
    transactions = (entry for entry in ctx.store.every("customer_balance_transaction") if entry["customer"] == ident)
    return page(transactions, params, f"/v1/customers/{ident}/balance_transactions")


ADJUST: Spec = {"amount!": integer(), "currency!": currency, "description": text(350), "metadata": metadata}
ENDPOINTS = [
    post("/v1/customers", create, CREATE),
    listing("/v1/customers", list_customers, {"created": time_range, "email": text(), "test_clock": text()}),
    get("/v1/customers/{id}", retrieve),
    post("/v1/customers/{id}", update, UPDATE),
    delete("/v1/customers/{id}", remove),
    post("/v1/customers/{id}/tax_ids", create_tax_id, TAX_ID),
    listing("/v1/customers/{id}/tax_ids", list_tax_ids),
    get("/v1/customers/{id}/tax_ids/{tax_id}", retrieve_tax_id),
    delete("/v1/customers/{id}/tax_ids/{tax_id}", remove_tax_id),
    post("/v1/customers/{id}/balance_transactions", adjust_balance, ADJUST),
    listing("/v1/customers/{id}/balance_transactions", list_balance),
]
