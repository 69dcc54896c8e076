"""Webhook endpoints. The secret is told once, in the answer to the creation."""

from sandbox.stripe.api.endpoint import delete, get, listing, page, post
from sandbox.stripe.context import API_VERSION, Context
from sandbox.stripe.errors import missing
from sandbox.stripe.objects.catalogue import new_webhook_endpoint
from sandbox.stripe.params import (
    Params,
    Spec,
    array,
    boolean,
    choice,
    merge_metadata,
    metadata,
    text,
    web_address,
)
from sandbox.stripe.store import Object

UPDATE: Spec = {
    "description": text(clearable=True),
    "disabled": boolean,
    "enabled_events": array(text()),
    "metadata": metadata,
    "url": web_address,
}
CREATE: Spec = {
    "api_version": choice(API_VERSION),
    "description": text(clearable=True),
    "enabled_events!": array(text()),
    "metadata": metadata,
    "url!": web_address,
}


def create(ctx: Context, params: Params) -> Object:
    fields: Params = {name: params[name] for name in ("api_version", "description") if name in params}
    fields["metadata"] = merge_metadata({}, params.get("metadata"))
    endpoint = ctx.add(new_webhook_endpoint(ctx, params["url"], params["enabled_events"], **fields))
    return {**endpoint, "secret": endpoint["_secret"]}


def find(ctx: Context, ident: str) -> Object:
    endpoint = ctx.find("webhook_endpoint", ident)
    if endpoint is None or not endpoint["url"]:
        raise missing("webhook endpoint", ident)
    return endpoint


def retrieve(ctx: Context, _params: Params, ident: str) -> Object:
    return find(ctx, ident)


def update(ctx: Context, params: Params, ident: str) -> Object:
    endpoint = find(ctx, ident)
    changes: Params = {name: params[name] for name in ("description", "enabled_events", "url") if name in params}
    changes["metadata"] = merge_metadata(endpoint["metadata"], params.get("metadata"))
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    return ctx.change(endpoint, **changes)


def remove(ctx: Context, _params: Params, ident: str) -> Object:
    find(ctx, ident)
    ctx.store.remove(ident)
    ctx.store.database.execute(
        "UPDATE deliveries SET state = 'dropped' WHERE endpoint = ? AND state = 'pending'", (ident,)
    )
    return {"id": ident, "object": "webhook_endpoint", "deleted": True}


def list_endpoints(ctx: Context, params: Params) -> Object:
    endpoints = (endpoint for endpoint in ctx.store.every("webhook_endpoint") if endpoint["url"])
    return page(endpoints, params, "/v1/webhook_endpoints")


ENDPOINTS = [
    post("/v1/webhook_endpoints", create, CREATE),
    listing("/v1/webhook_endpoints", list_endpoints),
    get("/v1/webhook_endpoints/{id}", retrieve),
    post("/v1/webhook_endpoints/{id}", update, UPDATE),
    delete("/v1/webhook_endpoints/{id}", remove),
]
