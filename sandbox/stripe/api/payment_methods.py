"""Payment methods."""

from sandbox.stripe import methods
from sandbox.stripe.api.endpoint import get, listing, matches, page, post
from sandbox.stripe.context import Context
from sandbox.stripe.errors import missing
from sandbox.stripe.objects.payments import new_billing_details
from sandbox.stripe.params import Params, Spec, choice, group, integer, merge_metadata, metadata, text
from sandbox.stripe.store import Object

UPDATE: Spec = {
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "billing_details": group(methods.BILLING_DETAILS),
    "card": group({"exp_month": integer(1, 12), "exp_year": integer(2000, 2100)}),
    "metadata": metadata,
}


def create(ctx: Context, params: Params) -> Object:
    return methods.from_card(ctx, params)


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    return methods.get_method(ctx, ident)


def update(ctx: Context, params: Params, ident: str) -> Object:
    method = methods.get_method(ctx, ident)
    changes: Object = {"metadata": merge_metadata(method["metadata"], params.get("metadata"))}
    if "billing_details" in params:
        changes["billing_details"] = new_billing_details({**method["billing_details"], **params["billing_details"]})
    if "card" in params:
        changes["card"] = {**method["card"], **params["card"]}
    if "allow_redisplay" in params:
        changes["allow_redisplay"] = params["allow_redisplay"]
    event = "payment_method.updated" if method["customer"] else None
    return ctx.change(method, event, **changes)


def attach(ctx: Context, params: Params, ident: str) -> Object:
    customer = ctx.get("customer", params["customer"], "customer")
    return methods.attach(ctx, methods.get_method(ctx, ident), customer)


def detach(ctx: Context, _params: Params, ident: str) -> Object:
    return methods.detach(ctx, methods.get_method(ctx, ident))


def list_attached(ctx: Context, params: Params) -> list[Object]:
    entries = ctx.store.every("payment_method")
    return [entry for entry in entries if entry["customer"] and matches(entry, params, "customer", "type")]


def list_methods(ctx: Context, params: Params) -> Object:
    if "customer" in params:
        ctx.get("customer", params["customer"], "customer")
    return page(list_attached(ctx, params), params, "/v1/payment_methods")


def list_of_customer(ctx: Context, params: Params, ident: str) -> Object:
    customer = ctx.get("customer", ident)
    entries = list_attached(ctx, {**params, "customer": customer["id"]})
    return page(entries, params, f"/v1/customers/{ident}/payment_methods")


def retrieve_of_customer(ctx: Context, _params: Params, ident: str, method: str) -> Object:
    payment_method = methods.get_method(ctx, method)
    if payment_method["customer"] != ctx.get("customer", ident)["id"]:
        raise missing("PaymentMethod", method)
    return payment_method


KIND: Spec = {"type": choice("card")}
ENDPOINTS = [
    post("/v1/payment_methods", create, methods.METHOD_DATA, is_public=True),
    listing("/v1/payment_methods", list_methods, {**KIND, "customer": text()}),
    get("/v1/payment_methods/{id}", retrieve),
    post("/v1/payment_methods/{id}", update, UPDATE),
    post("/v1/payment_methods/{id}/attach", attach, {"customer!": text()}),
    post("/v1/payment_methods/{id}/detach", detach),
    listing("/v1/customers/{id}/payment_methods", list_of_customer, KIND),
    get("/v1/customers/{id}/payment_methods/{method}", retrieve_of_customer),
]
