"""Tax rates, as subscriptions and invoices use them."""

from sandbox.stripe.api.endpoint import get, listing, matches, page, post, retrieve
from sandbox.stripe.context import Context
from sandbox.stripe.objects.catalogue import new_tax_rate
from sandbox.stripe.params import Params, Spec, boolean, choice, merge_metadata, metadata, number, text
from sandbox.stripe.store import Object

UPDATE: Spec = {
    "active": boolean,
    "country": text(2),
    "description": text(),
    "display_name": text(50),
    "jurisdiction": text(200),
    "metadata": metadata,
    "state": text(),
    "tax_type": choice("vat", "gst", "sales_tax"),
}
CREATE: Spec = {
    **{name: check for name, check in UPDATE.items() if name != "display_name"},
    "display_name!": text(50),
    "inclusive!": boolean,
    "percentage!": number(0, 100),
}


def create(ctx: Context, params: Params) -> Object:
    fields = {name: value for name, value in params.items() if name != "expand"}
    fields["metadata"] = merge_metadata({}, params.get("metadata"))
    return ctx.add(new_tax_rate(ctx, **fields), "tax_rate.created")


def update(ctx: Context, params: Params, ident: str) -> Object:
    rate = ctx.get("tax_rate", ident)
    changes = {name: value for name, value in params.items() if name != "expand"}
    changes["metadata"] = merge_metadata(rate["metadata"], params.get("metadata"))
    return ctx.change(rate, "tax_rate.updated", **changes)


def list_rates(ctx: Context, params: Params) -> Object:
    rates = (rate for rate in ctx.store.every("tax_rate") if matches(rate, params, "active", "inclusive"))
    return page(rates, params, "/v1/tax_rates")


ENDPOINTS = [
    post("/v1/tax_rates", create, CREATE),
    listing("/v1/tax_rates", list_rates, {"active": boolean, "inclusive": boolean}),
    get("/v1/tax_rates/{id}", retrieve("tax_rate")),
    post("/v1/tax_rates/{id}", update, UPDATE),
]
