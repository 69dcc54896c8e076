"""Payment intents and charges."""

from sandbox.stripe import methods, payments
from sandbox.stripe.api.endpoint import get, listing, matches, page, post, retrieve, within
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.params import (
    SHIPPING,
    Params,
    Spec,
    array,
    boolean,
    choice,
    currency,
    either,
    email,
    group,
    integer,
    merge_metadata,
    metadata,
    text,
    time_range,
    web_address,
)
from sandbox.stripe.store import Object

REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CARD_OPTIONS: Spec = {"card": group({"request_three_d_secure": choice("automatic", "any", "challenge")})}
METHOD: Spec = {
    "payment_method": text(),
    "payment_method_data": group(methods.METHOD_DATA),
    "payment_method_options": group(CARD_OPTIONS),
}
CONFIRMING: Spec = {
    "error_on_requires_action": boolean,
    "off_session": either("one_off", either("recurring", boolean)),
    "return_url": web_address,
    "use_stripe_sdk": boolean,
}
AUTOMATIC = group({"enabled!": boolean, "allow_redirects": choice("always", "never")})
COMMON: Spec = {
    **METHOD,
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "customer": text(clearable=True),
    "description": text(1000, clearable=True),
    "metadata": metadata,
    "receipt_email": email,
    "setup_future_usage": choice("off_session", "on_session", clearable=True),
    "shipping": group(SHIPPING, clearable=True),
    "statement_descriptor": text(22, clearable=True),
    "statement_descriptor_suffix": text(22, clearable=True),
    "transfer_group": text(),
}
CREATE: Spec = {
    **COMMON,
    **CONFIRMING,
    "amount!": integer(1),
    "currency!": currency,
    "automatic_payment_methods": AUTOMATIC,
    "confirm": boolean,
    "confirmation_method": choice("automatic"),
    "payment_method_types": array(choice("card")),
}
UPDATE: Spec = {**COMMON, "amount": integer(1), "currency": currency}
CONFIRM: Spec = {
    **METHOD,
    **CONFIRMING,
    "client_secret": text(),
    "receipt_email": email,
    "setup_future_usage": choice("off_session", "on_session", clearable=True),
    "shipping": group(SHIPPING, clearable=True),
}
CAPTURE: Spec = {"amount_to_capture": integer(1), "metadata": metadata}


def check_secret(ctx: Context, intent: Object, params: Params) -> Object:
    """With a publishable key only the holder of the client secret sees or confirms the intent."""
    secret = params.get("client_secret")
    if (ctx.publishable or secret is not None) and secret != intent["client_secret"]:
        if ctx.publishable and secret is None:
            raise StripeError(
                "Missing required param: client_secret.", code="parameter_missing", param="client_secret", started=False
            )
        raise request_error(
            f"No such {intent['object']}: '{intent['id']}'", code="resource_missing", param="intent", status=404
        )
    return intent


def create(ctx: Context, params: Params) -> Object:
    confirm_only = sorted(name for name in CONFIRMING if name in params)
    if confirm_only and not params.get("confirm"):
        raise StripeError(
            f"You must pass in `confirm=true` when using `{confirm_only[0]}`.", param=confirm_only[0], started=False
        )
    intent = payments.create_intent(ctx, params)
    if params.get("confirm"):
        return payments.confirm(_on_clock(ctx, intent), intent, payments.confirmation_from(params))
    return intent


def retrieve_intent(ctx: Context, params: Params, ident: str) -> Object:
    return check_secret(ctx, ctx.get("payment_intent", ident), params)


def update(ctx: Context, params: Params, ident: str) -> Object:
    return payments.update_intent(ctx, ctx.get("payment_intent", ident), params)


def confirm(ctx: Context, params: Params, ident: str) -> Object:
    intent = check_secret(ctx, ctx.get("payment_intent", ident), params)
    if intent["status"] not in payments.CONFIRMABLE:
        raise payments.state_error(intent, "confirm")
    payments.apply_params(ctx, intent, params)
    return payments.confirm(_on_clock(ctx, intent), intent, payments.confirmation_from(params))


def capture(ctx: Context, params: Params, ident: str) -> Object:
    return payments.capture(ctx, ctx.get("payment_intent", ident), params)


def cancel(ctx: Context, params: Params, ident: str) -> Object:
    return payments.cancel(ctx, ctx.get("payment_intent", ident), params.get("cancellation_reason"))


def list_intents(ctx: Context, params: Params) -> Object:
    intents = (
        intent
        for intent in ctx.store.every("payment_intent")
        if matches(intent, params, "customer") and within(intent["created"], params.get("created"))
    )
    return page(intents, params, "/v1/payment_intents")


def list_charges(ctx: Context, params: Params) -> Object:
    charges = (
        charge
        for charge in ctx.store.every("charge")
        if matches(charge, params, "customer", "payment_intent") and within(charge["created"], params.get("created"))
    )
    return page(charges, params, "/v1/charges")


def update_charge(ctx: Context, params: Params, ident: str) -> Object:
    charge = ctx.get("charge", ident)
    changes: Params = {name: params[name] for name in ("description", "receipt_email", "shipping") if name in params}
    changes["metadata"] = merge_metadata(charge["metadata"], params.get("metadata"))
    return ctx.change(charge, "charge.updated", **changes)


def list_balance_transactions(ctx: Context, params: Params) -> Object:
    transactions = (
        entry
        for entry in ctx.store.every("balance_transaction")
        if matches(entry, params, "source", "type", "currency") and within(entry["created"], params.get("created"))
    )
    return page(transactions, params, "/v1/balance_transactions")


def _on_clock(ctx: Context, intent: Object) -> Context:
    return ctx.on_clock_of(ctx.find("customer", intent["customer"]))


LIST: Spec = {"customer": text(), "created": time_range}
ENDPOINTS = [
    post("/v1/payment_intents", create, CREATE),
    listing("/v1/payment_intents", list_intents, LIST),
    get("/v1/payment_intents/{id}", retrieve_intent, {"client_secret": text()}, is_public=True),
    post("/v1/payment_intents/{id}", update, UPDATE),
    post("/v1/payment_intents/{id}/confirm", confirm, CONFIRM, is_public=True),
    post("/v1/payment_intents/{id}/capture", capture, CAPTURE),
    post("/v1/payment_intents/{id}/cancel", cancel, {"cancellation_reason": choice(*REASONS)}),
    listing("/v1/charges", list_charges, {**LIST, "payment_intent": text()}),
    get("/v1/charges/{id}", retrieve("charge")),
    post(
        "/v1/charges/{id}",
        update_charge,
        {
            "description": text(clearable=True),
            "metadata": metadata,
            "receipt_email": email,
            "shipping": group(SHIPPING),
        },
    ),
    listing(
        "/v1/balance_transactions",
        list_balance_transactions,
        {"created": time_range, "currency": currency, "source": text(), "type": text()},
    ),
    get("/v1/balance_transactions/{id}", retrieve("balance_transaction")),
]
