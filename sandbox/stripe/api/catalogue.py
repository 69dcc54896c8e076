"""Products and prices."""

from sandbox.stripe.api.endpoint import delete, get, listing, matches, page, post, retrieve, within
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.catalogue import new_price, new_product
from sandbox.stripe.params import (
    Params,
    Spec,
    array,
    boolean,
    choice,
    currency,
    group,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
)
from sandbox.stripe.store import Object

RECURRING: Spec = {"interval!": choice("day", "week", "month", "year"), "interval_count": integer(1, 36)}
PRODUCT: Spec = {
    "active": boolean,
    "description": text(40_000, clearable=True),
    "images": array(text(), limit=8, clearable=True),
    "marketing_features": array(group({"name!": text(80)}), limit=15, clearable=True),
    "metadata": metadata,
    "name": text(250),
    "shippable": boolean,
    "statement_descriptor": text(22),
    "tax_code": text(clearable=True),
    "unit_label": text(12, clearable=True),
    "url": text(clearable=True),
}
PRICE_DATA: Spec = {
    "currency!": currency,
    "unit_amount": integer(0),
    "recurring": group(RECURRING),
    "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
    "metadata": metadata,
}
CREATE_PRODUCT: Spec = {
    **{name: check for name, check in PRODUCT.items() if name != "name"},
    "name!": text(250),
    "id": text(),
    "default_price_data": group(PRICE_DATA),
    "type": choice("service", "good"),
}
PRICE_UPDATE: Spec = {
    "active": boolean,
    "lookup_key": text(200, clearable=True),
    "metadata": metadata,
    "nickname": text(clearable=True),
    "tax_behavior": choice("exclusive", "inclusive", "unspecified"),
    "transfer_lookup_key": boolean,
}
CREATE_PRICE: Spec = {
    **PRICE_UPDATE,
    **PRICE_DATA,
    "unit_amount": integer(0, 99_999_999),
    "product": text(),
    "product_data": group(
        {"name!": text(250), "id": text(), "metadata": metadata, "active": boolean, "unit_label": text(12)}
    ),
    "billing_scheme": choice("per_unit"),
}


def create_product(ctx: Context, params: Params) -> Object:
    fields = {name: value for name, value in params.items() if name not in {"expand", "default_price_data"}}
    if fields.get("id") and ctx.store.find(fields["id"]):
        raise request_error("Product already exists.", code="resource_already_exists", param="id")
    fields["metadata"] = merge_metadata({}, params.get("metadata"))
    product = ctx.add(new_product(ctx, **fields), "product.created")
    if "default_price_data" in params:
        price = add_price(ctx, {**params["default_price_data"], "product": product["id"]})
        ctx.change(product, "product.updated", default_price=price["id"])
    return product


def update_product(ctx: Context, params: Params, ident: str) -> Object:
    product = ctx.get("product", ident)
    changes = {name: value for name, value in params.items() if name != "expand"}
    changes["metadata"] = merge_metadata(product["metadata"], params.get("metadata"))
    if changes.get("default_price"):
        ctx.get("price", changes["default_price"], "default_price")
    return ctx.change(product, "product.updated", **changes, updated=ctx.now)


def remove_product(ctx: Context, _params: Params, ident: str) -> Object:
    product = ctx.get("product", ident)
    if any(price["product"] == ident for price in ctx.store.every("price")):
        raise request_error("This product cannot be deleted because it has one or more user-created prices.")
    ctx.emit("product.deleted", product)
    ctx.store.remove(ident)
    return {"id": ident, "object": "product", "deleted": True}


def list_products(ctx: Context, params: Params) -> Object:
    products = (
        product
        for product in ctx.store.every("product")
        if matches(product, params, "active", "url", "shippable")
        and ("ids" not in params or product["id"] in params["ids"])
        and within(product["created"], params.get("created"))
    )
    return page(products, params, "/v1/products")


def add_price(ctx: Context, params: Params) -> Object:
    """A price from `price_data` or the parameters of `POST /v1/prices`."""
    if "unit_amount" not in params:
        raise StripeError("Missing required param: unit_amount.", code="parameter_missing", param="unit_amount")
    names = ("active", "currency", "lookup_key", "nickname", "recurring", "tax_behavior", "unit_amount")
    fields = {name: params[name] for name in names if name in params}
    fields["metadata"] = merge_metadata({}, params.get("metadata"))
    return ctx.add(new_price(ctx, params["product"], **fields), "price.created")


def create_price(ctx: Context, params: Params) -> Object:
    if ("product" in params) == ("product_data" in params):
        raise StripeError("You must specify either `product` or `product_data`.", param="product", started=False)
    if "product_data" in params:
        params["product"] = create_product(ctx, params["product_data"])["id"]
    ctx.get("product", params["product"], "product")
    _free_lookup_key(ctx, params)
    return add_price(ctx, params)


def _free_lookup_key(ctx: Context, params: Params) -> None:
    key = params.get("lookup_key")
    holder = next((price for price in ctx.store.every("price") if key and price["lookup_key"] == key), None)
    if holder is None:
        return
    if not params.get("transfer_lookup_key"):
        raise request_error(
            f"A price (`{holder['id']}`) already uses that lookup key.",
            code="resource_already_exists",
            param="lookup_key",
        )
    ctx.change(holder, "price.updated", lookup_key=None)


def update_price(ctx: Context, params: Params, ident: str) -> Object:
    price = ctx.get("price", ident)
    if params.get("lookup_key") != price["lookup_key"]:
        _free_lookup_key(ctx, params)
    changes = {name: value for name, value in params.items() if name not in {"expand", "transfer_lookup_key"}}
    changes["metadata"] = merge_metadata(price["metadata"], params.get("metadata"))
    return ctx.change(price, "price.updated", **changes)


def list_prices(ctx: Context, params: Params) -> Object:
    keys = params.get("lookup_keys")
    prices = (
        price
        for price in ctx.store.every("price")
        if matches(price, params, "active", "currency", "product", "type")
        and (keys is None or price["lookup_key"] in keys)
        and within(price["created"], params.get("created"))
    )
    return page(prices, params, "/v1/prices")


ENDPOINTS = [
    post("/v1/products", create_product, CREATE_PRODUCT),
    listing(
        "/v1/products",
        list_products,
        {"active": boolean, "created": time_range, "ids": array(text()), "shippable": boolean, "url": text()},
    ),
    get("/v1/products/{id}", retrieve("product")),
    post("/v1/products/{id}", update_product, {**PRODUCT, "default_price": text(clearable=True)}),
    delete("/v1/products/{id}", remove_product),
    post("/v1/prices", create_price, CREATE_PRICE),
    listing(
        "/v1/prices",
        list_prices,
        {
            "active": boolean,
            "created": time_range,
            "currency": currency,
            "lookup_keys": array(text(), limit=10),
            "product": text(),
            "type": choice("one_time", "recurring"),
        },
    ),
    get("/v1/prices/{id}", retrieve("price")),
    post("/v1/prices/{id}", update_price, PRICE_UPDATE),
]
