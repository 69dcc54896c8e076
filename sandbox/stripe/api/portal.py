"""Billing portal: configurations and sessions."""

import secrets
import time

from sandbox.stripe.api.endpoint import get, listing, matches, page, post, retrieve
from sandbox.stripe.context import Context, new_id
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.billing import new_portal_configuration
from sandbox.stripe.params import (
    Params,
    Spec,
    boolean,
    choice,
    group,
    merge_metadata,
    metadata,
    text,
    web_address,
)
from sandbox.stripe.store import Object

CONFIGURATION = "billing_portal.configuration"
FEATURES: Spec = {
    "invoice_history": group({"enabled!": boolean}),
    "payment_method_update": group({"enabled!": boolean}),
    "subscription_cancel": group({"enabled!": boolean, "mode": choice("at_period_end", "immediately")}),
}
CONFIGURE: Spec = {
    "business_profile": group(
        {"headline": text(60, clearable=True), "privacy_policy_url": web_address, "terms_of_service_url": web_address}
    ),
    "default_return_url": web_address,
    "features": group(FEATURES),
    "metadata": metadata,
    "name": text(clearable=True),
}
FLOW: Spec = {
    "type!": choice("payment_method_update", "subscription_cancel"),
    "subscription_cancel": group({"subscription!": text()}),
}
SESSION: Spec = {
    "configuration": text(),
    "customer!": text(),
    "flow_data": group(FLOW),
    "locale": choice("auto", "it", "en"),
    "return_url": web_address,
}


def default(ctx: Context) -> Object:
    configurations = (entry for entry in ctx.store.every(CONFIGURATION) if entry["is_default"])
    return next(configurations, None) or ctx.add(new_portal_configuration(ctx, is_default=True))


def configure(ctx: Context, params: Params) -> Object:
    if "features" not in params:
        raise StripeError(
            "Missing required param: features.", code="parameter_missing", param="features", started=False
        )
    configuration = new_portal_configuration(ctx)
    _apply(configuration, params)
    return ctx.add(configuration, f"{CONFIGURATION}.created")


def _apply(configuration: Object, params: Params) -> None:
    for name, values in params.get("features", {}).items():
        configuration["features"][name] = {**configuration["features"][name], **values}
    configuration["business_profile"] = {**configuration["business_profile"], **params.get("business_profile", {})}
    configuration.update({name: params[name] for name in ("default_return_url", "name") if name in params})
    configuration["metadata"] = merge_metadata(configuration["metadata"], params.get("metadata"))


def update(ctx: Context, params: Params, ident: str) -> Object:
    configuration = ctx.get(CONFIGURATION, ident)
    _apply(configuration, params)
    configuration["updated"] = ctx.now
    ctx.save(configuration)
    ctx.emit(f"{CONFIGURATION}.updated", configuration, {})
    return configuration


def list_configurations(ctx: Context, params: Params) -> Object:
    configurations = (
        entry for entry in ctx.store.every(CONFIGURATION) if matches(entry, params, "active", "is_default")
    )
    return page(configurations, params, "/v1/billing_portal/configurations")


def create_session(ctx: Context, params: Params) -> Object:
    customer = ctx.get("customer", params["customer"], "customer")
    configuration = ctx.get(CONFIGURATION, params["configuration"]) if "configuration" in params else default(ctx)
    flow = params.get("flow_data")
    if flow and flow["type"] == "subscription_cancel":
        subscription = ctx.get("subscription", flow.get("subscription_cancel", {}).get("subscription", ""), "flow_data")
        if subscription["customer"] != customer["id"]:
            raise request_error(
                f"No such subscription: '{subscription['id']}'", code="resource_missing", param="flow_data"
            )
    token = f"test_{secrets.token_urlsafe(32)}"
    session = {
        "id": new_id("bps"),
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": ctx.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(flow) if flow else None,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{ctx.url}/p/session/{token}",
        "_token": token,
        "_made_at": time.time(),
    }
    return ctx.add(session, "billing_portal.session.created")


def _flow(data: Params) -> Object:
    cancels = data["type"] == "subscription_cancel"
    return {
        "after_completion": {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"},
        "subscription_cancel": {"retention": None, **data["subscription_cancel"]} if cancels else None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": data["type"],
    }


ENDPOINTS = [
    post("/v1/billing_portal/configurations", configure, CONFIGURE),
    listing("/v1/billing_portal/configurations", list_configurations, {"active": boolean, "is_default": boolean}),
    get("/v1/billing_portal/configurations/{id}", retrieve(CONFIGURATION)),
    post("/v1/billing_portal/configurations/{id}", update, CONFIGURE),
    post("/v1/billing_portal/sessions", create_session, SESSION),
]
