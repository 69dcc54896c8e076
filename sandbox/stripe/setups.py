"""How a setup intent moves: a card is checked, authenticated if its bank asks, and kept for later."""

import copy

from sandbox.stripe import methods
from sandbox.stripe.cards import CARDS, Decline
from sandbox.stripe.context import Context, new_id, public
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.payments import new_setup_intent
from sandbox.stripe.params import Params, merge_metadata
from sandbox.stripe.payments import CONFIRMABLE, NEXT_CARD, Confirmation, Listener, next_action, state_error
from sandbox.stripe.store import Object

SUCCEEDED: list[Listener] = []


def create_setup(ctx: Context, params: Params) -> Object:
    customer = ctx.get("customer", params["customer"], "customer") if params.get("customer") else None
    intent = new_setup_intent(ctx.on_clock_of(customer))
    automatic = params.get("automatic_payment_methods")
    if automatic and automatic["enabled"]:
        intent["automatic_payment_methods"] = {
            "allow_redirects": automatic.get("allow_redirects", "always"),
            "enabled": True,
        }
    elif automatic or "payment_method_types" in params:
        intent["automatic_payment_methods"] = None
    intent["usage"] = params.get("usage", "off_session")
    apply_params(ctx, intent, params)
    return ctx.add(intent, "setup_intent.created")


def apply_params(ctx: Context, intent: Object, params: Params) -> None:
    if "customer" in params:
        intent["customer"] = ctx.get("customer", params["customer"], "customer")["id"] if params["customer"] else None
    if "description" in params:
        intent["description"] = params["description"]
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    options = (params.get("payment_method_options") or {}).get("card") or {}
    intent["payment_method_options"]["card"].update(options)
    method = methods.from_params(ctx, params)
    if method:
        methods.check_usable(intent, method)
        intent.update(payment_method=method["id"], status="requires_confirmation")


def update_setup(ctx: Context, intent: Object, params: Params) -> Object:
    if intent["status"] not in CONFIRMABLE:
        raise state_error(intent, "update")
    apply_params(ctx, intent, params)
    return ctx.save(intent)


def confirm_setup(ctx: Context, intent: Object, how: Confirmation) -> Object:
    if intent["status"] not in CONFIRMABLE:
        raise state_error(intent, "confirm")
    if not intent["payment_method"]:
        raise request_error(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            setup_intent=public(intent),
        )
    method = ctx.get("payment_method", intent["payment_method"])
    methods.check_usable(intent, method)
    intent.update(next_action=None, last_setup_error=None)
    outcomes = ctx.store.get_value("next_card", default=[])
    ctx.store.set_value("next_card", outcomes[1:])
    outcome = outcomes[0] if outcomes else None
    card = CARDS[method["_number"]]
    if outcome in NEXT_CARD:
        return fail(ctx, intent, method, NEXT_CARD[outcome])
    if outcome == "require_action" or card.authentication != "never":
        return _ask_authentication(ctx, intent, how)
    return finish(ctx, intent, method)


def _ask_authentication(ctx: Context, intent: Object, how: Confirmation) -> Object:
    challenge = new_id("setatt", 30)
    intent.update(_challenge=challenge, _return_url=how.return_url, _uses_sdk=how.uses_sdk)
    ctx.change(intent, status="requires_action", next_action=next_action(ctx, intent, challenge, how))
    ctx.emit("setup_intent.requires_action", intent)
    return intent


def authenticate(ctx: Context, intent: Object, *, succeed: bool) -> Object:
    """The bank's answer to the pending 3-D Secure request."""
    if intent["status"] != "requires_action":
        raise state_error(intent, "authenticate")
    method = ctx.get("payment_method", intent["payment_method"])
    intent.update(next_action=None)
    intent.pop("_challenge", None)
    try:
        if succeed:
            return finish(ctx, intent, method)
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        )
        return fail(ctx, intent, method, Decline("setup_intent_authentication_failure", None, message))
    except StripeError as error:
        if not error.keeps:
            raise
    return intent


def finish(ctx: Context, intent: Object, method: Object) -> Object:
    card = CARDS[method["_number"]]
    if card.decline and not card.is_attachable:
        return fail(ctx, intent, method, card.decline)
    if intent["customer"] and not method["customer"]:
        methods.attach(ctx, method, ctx.get("customer", intent["customer"]))
    method["_is_set_up"] = intent["usage"] == "off_session"
    ctx.save(method)
    intent["latest_attempt"] = _record(ctx, intent, method, None)
    ctx.change(intent, status="succeeded")
    ctx.emit("setup_intent.succeeded", intent)
    for listener in SUCCEEDED:
        listener(ctx, intent)
    return intent


def fail(ctx: Context, intent: Object, method: Object, decline: Decline) -> Object:
    kind = "invalid_request_error" if decline.code.startswith("setup_intent") else "card_error"
    error: Object = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": public(method),
        "type": kind,
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    intent["latest_attempt"] = _record(ctx, intent, method, error)
    ctx.change(intent, status="requires_payment_method", payment_method=None, last_setup_error=error)
    ctx.emit("setup_intent.setup_failed", intent)
    raise StripeError(
        decline.message,
        status=402,
        kind=kind,
        code=decline.code,
        keeps=True,
        decline_code=decline.decline_code,
        payment_method=public(method),
        setup_intent=copy.deepcopy(public(intent)),
    )


def cancel_setup(ctx: Context, intent: Object, reason: str | None) -> Object:
    if intent["status"] not in CONFIRMABLE:
        raise state_error(intent, "cancel")
    intent.pop("_challenge", None)
    ctx.change(intent, status="canceled", cancellation_reason=reason, next_action=None)
    ctx.emit("setup_intent.canceled", intent)
    return intent


def _record(ctx: Context, intent: Object, method: Object, error: Object | None) -> str:
    card = method["card"]
    attempt = {
        "id": new_id("setatt"),
        "object": "setup_attempt",
        "application": None,
        "created": ctx.now,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "checks": dict(card["checks"]),
                "country": card["country"],
                "exp_month": card["exp_month"],
                "exp_year": card["exp_year"],
                "fingerprint": card["fingerprint"],
                "funding": card["funding"],
                "last4": card["last4"],
                "network": card["brand"],
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "setup_error": error,
        "setup_intent": intent["id"],
        "status": "failed" if error else "succeeded",
        "usage": intent["usage"],
    }
    return str(ctx.add(attempt)["id"])
