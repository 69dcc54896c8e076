"""Setup intents."""

from sandbox.stripe import payments, setups
from sandbox.stripe.api.endpoint import get, listing, matches, page, post, retrieve, within
from sandbox.stripe.api.payment_intents import AUTOMATIC, METHOD, REASONS, check_secret
from sandbox.stripe.context import Context
from sandbox.stripe.params import Params, Spec, array, boolean, choice, metadata, text, time_range, web_address
from sandbox.stripe.store import Object

COMMON: Spec = {
    **METHOD,
    "customer": text(),
    "description": text(1000, clearable=True),
    "metadata": metadata,
}
CREATE: Spec = {
    **COMMON,
    "automatic_payment_methods": AUTOMATIC,
    "confirm": boolean,
    "payment_method_types": array(choice("card")),
    "return_url": web_address,
    "usage": choice("off_session", "on_session"),
    "use_stripe_sdk": boolean,
}
CONFIRM: Spec = {**METHOD, "client_secret": text(), "return_url": web_address, "use_stripe_sdk": boolean}


def create(ctx: Context, params: Params) -> Object:
    intent = setups.create_setup(ctx, params)
    if params.get("confirm"):
        return setups.confirm_setup(ctx, intent, payments.confirmation_from(params))
    return intent


def retrieve_setup(ctx: Context, params: Params, ident: str) -> Object:
    return check_secret(ctx, ctx.get("setup_intent", ident), params)


def update(ctx: Context, params: Params, ident: str) -> Object:
    return setups.update_setup(ctx, ctx.get("setup_intent", ident), params)


def confirm(ctx: Context, params: Params, ident: str) -> Object:
    intent = check_secret(ctx, ctx.get("setup_intent", ident), params)
    if intent["status"] not in payments.CONFIRMABLE:
        raise payments.state_error(intent, "confirm")
    setups.apply_params(ctx, intent, params)
    return setups.confirm_setup(ctx, intent, payments.confirmation_from(params))


def cancel(ctx: Context, params: Params, ident: str) -> Object:
    return setups.cancel_setup(ctx, ctx.get("setup_intent", ident), params.get("cancellation_reason"))


def list_setups(ctx: Context, params: Params) -> Object:
    intents = (
        intent
        for intent in ctx.store.every("setup_intent")
        if matches(intent, params, "customer", "payment_method") and within(intent["created"], params.get("created"))
    )
    return page(intents, params, "/v1/setup_intents")


def list_attempts(ctx: Context, params: Params) -> Object:
    attempts = (entry for entry in ctx.store.every("setup_attempt") if matches(entry, params, "setup_intent"))
    return page(attempts, params, "/v1/setup_attempts")


ENDPOINTS = [
    post("/v1/setup_intents", create, CREATE),
    listing("/v1/setup_intents", list_setups, {"customer": text(), "payment_method": text(), "created": time_range}),
    get("/v1/setup_intents/{id}", retrieve_setup, {"client_secret": text()}, is_public=True),
    post("/v1/setup_intents/{id}", update, COMMON),
    post("/v1/setup_intents/{id}/confirm", confirm, CONFIRM, is_public=True),
    post("/v1/setup_intents/{id}/cancel", cancel, {"cancellation_reason": choice(*REASONS)}),
    listing("/v1/setup_attempts", list_attempts, {"setup_intent!": text()}),
    get("/v1/setup_attempts/{id}", retrieve("setup_attempt")),
]
