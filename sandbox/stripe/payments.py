"""How a payment intent moves: confirmation, 3-D Secure, charge, capture, cancellation, refund.

`SETTLED` and `FAILED` are told of each intent that ends either way, so that invoices follow their payment.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import methods
from sandbox.stripe.cards import (
    CARDS,
    EXPIRED,
    GENERIC,
    INSUFFICIENT_FUNDS,
    NEEDS_AUTHENTICATION,
    Card,
    Decline,
)
from sandbox.stripe.context import Context, new_id, public
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.objects.payments import new_balance_transaction, new_charge, new_payment_intent, new_refund
from sandbox.stripe.params import Params, merge_metadata
from sandbox.stripe.store import Object

Listener = Callable[[Context, Object], None]
SETTLED: list[Listener] = []
FAILED: list[Listener] = []
ACTION_REQUIRED: list[Listener] = []

MINIMUM = {"eur": 50, "usd": 50, "gbp": 30, "chf": 50, "jpy": 50}
MAXIMUM = 99_999_999
CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}
CANCELABLE = {*CONFIRMABLE, "requires_capture"}
NEXT_CARD = {"decline": GENERIC, "insufficient_funds": INSUFFICIENT_FUNDS, "expired": EXPIRED}
COPIED_FIELDS = (
    "description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor",
    "statement_descriptor_suffix", "capture_method", "transfer_group",
)  # fmt: skip


@dataclass(frozen=True)
class Confirmation:
    """How a confirmation was asked for: `uses_sdk` by Stripe.js, `is_off_session` without the customer."""

    return_url: str | None = None
    uses_sdk: bool = False
    is_off_session: bool = False
    errors_on_action: bool = False


def state_error(intent: Object, action: str) -> StripeError:
    kind = "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"
    code = f"{intent['object']}_unexpected_state"
    return request_error(
        f"You cannot {action} this {kind} because it has a status of {intent['status']}.",
        code=code,
        **{intent["object"]: public(intent)},
    )


def check_amount(amount: int, currency: str) -> None:
    if amount < MINIMUM.get(currency, 50):
        raise request_error(
            f"Amount must be at least {MINIMUM.get(currency, 50) / 100:.2f} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > MAXIMUM:
        raise request_error("Amount must be no more than 999,999.99", code="amount_too_large", param="amount")


# making and changing -------------------------------------------------------------------------------------------------


def create_intent(ctx: Context, params: Params) -> Object:
    """A new intent, not yet confirmed."""
    check_amount(params["amount"], params["currency"])
    if "automatic_payment_methods" in params and "payment_method_types" in params:
        raise request_error(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types."
        )
    customer = ctx.get("customer", params["customer"], "customer") if params.get("customer") else None
    ctx = ctx.on_clock_of(customer)
    intent = new_payment_intent(ctx, params["amount"], params["currency"])
    automatic = params.get("automatic_payment_methods")
    if automatic and automatic["enabled"]:
        intent["automatic_payment_methods"] = {
            "allow_redirects": automatic.get("allow_redirects", "always"),
            "enabled": True,
        }
    elif automatic or "payment_method_types" in params:
        intent["automatic_payment_methods"] = None
    apply_params(ctx, intent, params)
    return ctx.add(intent, "payment_intent.created")


def apply_params(ctx: Context, intent: Object, params: Params) -> None:
    """Lay what create, update and confirm have in common over the intent, without saving."""
    if "customer" in params:
        intent["customer"] = ctx.get("customer", params["customer"], "customer")["id"] if params["customer"] else None
    intent.update({name: params[name] for name in COPIED_FIELDS if name in params})
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
    options = (params.get("payment_method_options") or {}).get("card") or {}
    intent["payment_method_options"]["card"].update(options)
    method = methods.from_params(ctx, params)
    if method:
        methods.check_usable(intent, method)
        intent["payment_method"] = method["id"]
        intent["status"] = "requires_confirmation"


def update_intent(ctx: Context, intent: Object, params: Params) -> Object:
    if intent["status"] not in CONFIRMABLE:
        raise state_error(intent, "update")
    if "amount" in params or "currency" in params:
        intent["amount"] = params.get("amount", intent["amount"])
        intent["currency"] = params.get("currency", intent["currency"])
        check_amount(intent["amount"], intent["currency"])
    if intent["status"] == "requires_action":
        # what the bank was asked to approve has changed, so its approval is asked again
        intent.update(status="requires_confirmation", next_action=None)
        intent.pop("_challenge", None)
    apply_params(ctx, intent, params)
    return ctx.save(intent)


# confirming ----------------------------------------------------------------------------------------------------------


def confirm(ctx: Context, intent: Object, how: Confirmation) -> Object:
    """Take the payment, ask for 3-D Secure, or raise the card's refusal, which stays on the intent."""
    if intent["status"] not in CONFIRMABLE:
        raise state_error(intent, "confirm")
    if not intent["payment_method"]:
        raise request_error(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    _check_return_url(intent, how)
    method = ctx.get("payment_method", intent["payment_method"], "payment_method")
    methods.check_usable(intent, method)
    intent.update(next_action=None, last_payment_error=None, _is_authenticated=False)
    outcomes = ctx.store.get_value("next_card", default=[])
    ctx.store.set_value("next_card", outcomes[1:])
    return _attempt(ctx, intent, method, how, outcomes[0] if outcomes else None)


def _check_return_url(intent: Object, how: Confirmation) -> None:
    automatic = intent["automatic_payment_methods"] or {"allow_redirects": "never"}
    if automatic["allow_redirects"] == "always" and not (
        how.return_url or how.is_off_session or intent.get("_invoice")
    ):
        raise request_error(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
        )


def _attempt(ctx: Context, intent: Object, method: Object, how: Confirmation, outcome: str | None) -> Object:
    card = CARDS[method["_number"]]
    if outcome in NEXT_CARD:
        return fail(ctx, intent, method, NEXT_CARD[outcome])
    asks = outcome == "require_action" or asks_authentication(card, method, intent, how)
    if asks and (how.is_off_session or how.errors_on_action) and not intent.get("_invoice"):
        return fail(ctx, intent, method, NEEDS_AUTHENTICATION)
    if asks:
        return _ask_authentication(ctx, intent, how)
    if outcome == "processing":
        ctx.change(intent, status="processing", processing=None)
        ctx.emit("payment_intent.processing", intent)
        return intent
    return settle(ctx, intent, method)


def asks_authentication(card: Card, method: Object, intent: Object, how: Confirmation) -> bool:
    three_d_secure = intent["payment_method_options"].get("card", {}).get("request_three_d_secure")
    if three_d_secure in {"any", "challenge"} and not how.is_off_session:
        return True
    rule = {
        "always": True,
        "on_session": not how.is_off_session,
        "unless_set_up": not method["_is_set_up"],
    }
    return rule.get(card.authentication, False)


def _ask_authentication(ctx: Context, intent: Object, how: Confirmation) -> Object:
    challenge = new_id("payatt", 30)
    intent.update(_challenge=challenge, _return_url=how.return_url, _uses_sdk=how.uses_sdk)
    ctx.change(intent, status="requires_action", next_action=next_action(ctx, intent, challenge, how))
    ctx.emit("payment_intent.requires_action", intent)
    for listener in ACTION_REQUIRED:
        listener(ctx, intent)
    return intent


def next_action(ctx: Context, intent: Object, challenge: str, how: Confirmation) -> Object:
    """Stripe.js opens the bank's page itself; a server is given an address to send the customer to."""
    page = f"{ctx.url}/3d_secure/{intent['id']}/{challenge}"
    if how.return_url and not how.uses_sdk:
        return {"type": "redirect_to_url", "redirect_to_url": {"return_url": how.return_url, "url": page}}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "type": "three_d_secure_redirect",
            "stripe_js": page,
            "source": challenge,
            "known_frame_issues": "false",
        },
    }


def authenticate(ctx: Context, intent: Object, *, succeed: bool) -> Object:
    """The bank's answer to the pending 3-D Secure request."""
    if intent["status"] != "requires_action":
        raise state_error(intent, "authenticate")
    method = ctx.get("payment_method", intent["payment_method"])
    intent.update(next_action=None, _is_authenticated=succeed)
    intent.pop("_challenge", None)
    try:
        if succeed:
            return settle(ctx, intent, method)
        return _fail_authentication(ctx, intent, method)
    except StripeError as error:
        if not error.keeps:
            raise
    return intent


def _fail_authentication(ctx: Context, intent: Object, method: Object) -> Object:
    error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": "We are unable to authenticate your payment method. Please choose a different payment method and "
        "try again.",
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    return _give_back(ctx, intent, error, None)


def settle(ctx: Context, intent: Object, method: Object) -> Object:
    """Charge the card: succeeded, requires_capture, or the card's own decline."""
    card = CARDS[method["_number"]]
    if card.decline:
        return fail(ctx, intent, method, card.decline)
    charge = new_charge(ctx, intent, method, card, None)
    methods.keep_after_payment(ctx, intent, method)
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        ctx.add(charge, "charge.succeeded")
        ctx.change(intent, status="requires_capture", amount_capturable=intent["amount"])
        ctx.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    charge.update(captured=True, amount_captured=intent["amount"])
    if intent["capture_method"] == "automatic":
        charge["balance_transaction"] = _book(ctx, charge)
    ctx.add(charge, "charge.succeeded")
    return _succeed(ctx, intent, charge, intent["amount"])


def _succeed(ctx: Context, intent: Object, charge: Object, amount: int) -> Object:
    ctx.change(intent, status="succeeded", amount_received=amount, amount_capturable=0, processing=None)
    ctx.emit("payment_intent.succeeded", intent)
    if not charge["balance_transaction"]:
        ctx.change(charge, "charge.updated", balance_transaction=_book(ctx, charge))
    for listener in SETTLED:
        listener(ctx, intent)
    return intent


def _book(ctx: Context, charge: Object) -> str:
    amount = charge["amount_captured"]
    fee = round(amount * 0.015) + 25
    return str(ctx.add(new_balance_transaction(ctx, charge, amount, "charge", fee))["id"])


def fail(ctx: Context, intent: Object, method: Object, decline: Decline) -> Object:
    """Leave a failed charge and the error on the intent, and raise it as Stripe answers it."""
    charge = ctx.add(new_charge(ctx, intent, method, CARDS[method["_number"]], decline), "charge.failed")
    error = {
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    _give_back(ctx, intent, error, charge["id"])
    details = {name: value for name, value in error.items() if name not in {"message", "type", "code", "doc_url"}}
    raise StripeError(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        keeps=True,
        payment_intent=copy.deepcopy(public(intent)),
        **details,
    )


def _give_back(ctx: Context, intent: Object, error: Object, charge: str | None) -> Object:
    intent["latest_charge"] = charge or intent["latest_charge"]
    ctx.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        processing=None,
        last_payment_error=error,
    )
    ctx.emit("payment_intent.payment_failed", intent)
    for listener in FAILED:
        listener(ctx, intent)
    return intent


def finish_processing(ctx: Context, intent: Object, *, succeed: bool) -> Object:
    """End the state `processing`, which only an asked-for outcome brings about."""
    if intent["status"] != "processing":
        raise state_error(intent, "settle")
    method = ctx.get("payment_method", intent["payment_method"])
    try:
        if succeed:
            return settle(ctx, intent, method)
        return fail(ctx, intent, method, GENERIC)
    except StripeError as error:
        if not error.keeps:
            raise
    return intent


# after the confirmation ----------------------------------------------------------------------------------------------


def capture(ctx: Context, intent: Object, params: Params) -> Object:
    if intent["status"] != "requires_capture":
        raise state_error(intent, "capture")
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise request_error(
            f"You cannot capture {amount}: only {intent['amount_capturable']} is capturable.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    charge = ctx.get("charge", intent["latest_charge"])
    charge.update(captured=True, amount_captured=amount)
    charge["balance_transaction"] = _book(ctx, charge)
    ctx.save(charge)
    ctx.emit("charge.captured", charge)
    intent["metadata"] = merge_metadata(intent["metadata"], params.get("metadata"))
    return _succeed(ctx, intent, charge, amount)


def cancel(ctx: Context, intent: Object, reason: str | None, *, by_invoice: bool = False) -> Object:
    if intent["status"] not in CANCELABLE:
        raise state_error(intent, "cancel")
    if intent.get("_invoice") and not by_invoice:
        raise request_error(
            "You cannot cancel this PaymentIntent because it was created by an invoice. Void the invoice instead.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    charge = ctx.find("charge", intent["latest_charge"])
    if intent["status"] == "requires_capture" and charge:
        ctx.change(charge, refunded=True, amount_refunded=charge["amount"])
        ctx.emit("charge.refunded", charge)
    intent.pop("_challenge", None)
    ctx.change(
        intent,
        status="canceled",
        canceled_at=ctx.now,
        cancellation_reason=reason,
        next_action=None,
        amount_capturable=0,
    )
    ctx.emit("payment_intent.canceled", intent)
    return intent


def create_refund(ctx: Context, charge: Object, params: Params) -> Object:
    """Give back all or part of what is left of the charge."""
    refundable = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise request_error(
            f"Charge {charge['id']} has not been captured and cannot be refunded.", code="charge_not_refundable"
        )
    if charge["refunded"] or refundable <= 0:
        raise request_error(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", refundable)
    if amount > refundable:
        raise request_error(
            f"Refund amount ({_money(amount, charge)}) is greater than unrefunded amount on charge "
            f"({_money(refundable, charge)})",
            param="amount",
        )
    refund = new_refund(ctx, charge, amount, reason=params.get("reason"), metadata=params.get("metadata"))
    fate = CARDS[ctx.get("payment_method", charge["payment_method"])["_number"]].refund
    refund.update(status="pending" if fate == "pending" else "succeeded", _fate=fate)
    ctx.add(refund)
    refund["balance_transaction"] = ctx.add(new_balance_transaction(ctx, refund, -amount, "refund", 0))["id"]
    ctx.save(refund)
    _reckon(ctx, charge, amount)
    ctx.emit("refund.created", refund)
    ctx.emit("charge.refunded", charge)
    before = copy.deepcopy(public(refund))
    refund["destination_details"]["card"].update(reference_status="available", reference="00000000000000000000000")
    return save_refund(ctx, refund, before)


def _money(amount: int, charge: Object) -> str:
    return f"{amount / 100:.2f} {charge['currency'].upper()}"


def _reckon(ctx: Context, charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    ctx.save(charge)


def save_refund(ctx: Context, refund: Object, before: Object) -> Object:
    ctx.save(refund, "refund.updated", before)
    ctx.save(refund, "charge.refund.updated", before)
    return refund


def finish_refund(ctx: Context, refund: Object, *, succeed: bool) -> Object:
    """What the bank says later: a pending refund arrives, or any refund comes back."""
    if refund["status"] not in {"pending", "succeeded"}:
        raise request_error(f"This refund is {refund['status']}.")
    before = copy.deepcopy(public(refund))
    if succeed:
        refund["status"] = "succeeded"
        return save_refund(ctx, refund, before)
    refund.update(status="failed", failure_reason="unknown")
    reversal = new_balance_transaction(ctx, refund, refund["amount"], "refund_failure", 0)
    refund["failure_balance_transaction"] = ctx.add(reversal)["id"]
    _reckon(ctx, ctx.get("charge", refund["charge"]), -refund["amount"])
    save_refund(ctx, refund, before)
    ctx.emit("refund.failed", refund)
    return refund


def confirmation_from(params: Params) -> Confirmation:
    off_session: Any = params.get("off_session", False)
    return Confirmation(
        return_url=params.get("return_url"),
        uses_sdk=params.get("use_stripe_sdk", False),
        is_off_session=off_session in {True, "one_off", "recurring"},
        errors_on_action=params.get("error_on_requires_action", False),
    )
