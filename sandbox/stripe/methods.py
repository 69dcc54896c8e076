"""Payment methods: made from a card's fields or a ready-made name, attached to a customer, used once or kept."""

import time

from sandbox.stripe.cards import CARDS, LIVE_CARD, Card, Decline, find_ready_made, passes_luhn
from sandbox.stripe.context import Context
from sandbox.stripe.errors import StripeError, missing, request_error
from sandbox.stripe.objects.payments import new_payment_method
from sandbox.stripe.params import ADDRESS, Params, Spec, choice, email, group, integer, metadata, text
from sandbox.stripe.store import Object

BILLING_DETAILS: Spec = {
    "address": group(ADDRESS, clearable=True),
    "email": email,
    "name": text(clearable=True),
    "phone": text(clearable=True),
    "tax_id": text(clearable=True),
}
CARD: Spec = {
    "number": text(30),
    "exp_month": integer(),
    "exp_year": integer(),
    "cvc": text(10),
    "token": text(),
    "networks": group({"preferred": choice("visa", "mastercard", "cartes_bancaires")}),
}
METHOD_DATA: Spec = {
    "type!": choice("card"),
    "card": group(CARD),
    "billing_details": group(BILLING_DETAILS),
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "metadata": metadata,
}


def card_error(decline: Decline, param: str | None = None) -> StripeError:
    return StripeError(
        decline.message,
        status=402,
        kind="card_error",
        code=decline.code,
        param=param,
        decline_code=decline.decline_code,
    )


def from_card(ctx: Context, params: Params) -> Object:
    """A payment method from `payment_method_data` or the parameters of `POST /v1/payment_methods`."""
    card_params = params.get("card") or {}
    card: Card | None
    if "token" in card_params:
        card = find_ready_made(card_params["token"], "tok_")
        if card is None:
            raise missing("token", card_params["token"], "card[token]")
        month, year = 12, time.gmtime(ctx.now).tm_year + 8
    else:
        card, month, year = _read_card(ctx, card_params)
    cvc_check = "unchecked" if "cvc" in card_params else None
    method = new_payment_method(
        ctx,
        card,
        month,
        year,
        cvc_check=cvc_check,
        billing_details=params.get("billing_details"),
        allow_redisplay=params.get("allow_redisplay"),
        metadata=params.get("metadata"),
    )
    return ctx.add(method)


def _read_card(ctx: Context, card_params: Params) -> tuple[Card, int, int]:
    for name in ("number", "exp_month", "exp_year"):
        if name not in card_params:
            raise request_error(
                f"Missing required param: card[{name}].", code="parameter_missing", param=f"card[{name}]"
            )
    number = card_params["number"].replace(" ", "").replace("-", "")
    month, year = card_params["exp_month"], card_params["exp_year"] + (2000 if card_params["exp_year"] < 100 else 0)
    today = time.gmtime(ctx.now)
    if not (number.isdigit() and 12 <= len(number) <= 19 and passes_luhn(number)):
        raise card_error(Decline("incorrect_number", None, "Your card number is incorrect."), "number")
    if not 1 <= month <= 12:
        raise card_error(Decline("invalid_expiry_month", None, "Your card's expiration month is invalid."), "exp_month")
    if not (today.tm_year, today.tm_mon) <= (year, month) <= (today.tm_year + 50, 12):
        raise card_error(Decline("invalid_expiry_year", None, "Your card's expiration year is invalid."), "exp_year")
    card = CARDS.get(number)
    if card is None:
        raise card_error(LIVE_CARD)
    cvc = card_params.get("cvc", "123" if card.brand != "amex" else "1234")
    if not cvc.isdigit() or len(cvc) not in ({3, 4} if card.brand == "amex" else {3}):
        raise card_error(Decline("invalid_cvc", None, "Your card's security code is invalid."), "cvc")
    return card, month, year


def get_method(ctx: Context, ident: str, param: str | None = None) -> Object:
    """The payment method; a ready-made name such as pm_card_visa makes a new one."""
    card = find_ready_made(ident, "pm_card_")
    if card:
        year = time.gmtime(ctx.now).tm_year + 8
        return ctx.add(new_payment_method(ctx, card, 12, year, cvc_check=None))
    method = ctx.find("payment_method", ident)
    if method is None:
        raise missing("PaymentMethod", ident, param)
    return method


def from_params(ctx: Context, params: Params) -> Object | None:
    """What `payment_method` or `payment_method_data` of an intent's parameters name."""
    if params.get("payment_method_data"):
        if params.get("payment_method"):
            raise request_error("You may only specify one of these parameters: payment_method, payment_method_data.")
        return from_card(ctx, params["payment_method_data"])
    if params.get("payment_method"):
        return get_method(ctx, params["payment_method"], "payment_method")
    return None


def check_usable(intent: Object, method: Object) -> None:
    if method["customer"] and method["customer"] != intent["customer"]:
        raise request_error(
            f"The PaymentMethod {method['id']} belongs to the Customer {method['customer']}. Please include the "
            "Customer in the `customer` parameter.",
            param="payment_method",
        )
    if method["_is_used_up"]:
        raise request_error(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )


def attach(ctx: Context, method: Object, customer: Object) -> Object:
    if method["_is_used_up"]:
        check_usable({"customer": None}, method)
    if method["customer"] and method["customer"] != customer["id"]:
        raise request_error(
            "The payment method you provided has already been attached to a customer.", param="customer"
        )
    card = CARDS[method["_number"]]
    if card.decline and not card.is_attachable:
        raise card_error(card.decline)
    if method["customer"]:
        return method
    _check_cvc(method, card)
    return ctx.save(ctx.change(method, customer=customer["id"]), "payment_method.attached")


def _check_cvc(method: Object, card: Card) -> None:
    if method["card"]["checks"]["cvc_check"] == "unchecked":
        method["card"]["checks"]["cvc_check"] = card.cvc_check


def detach(ctx: Context, method: Object) -> Object:
    if not method["customer"]:
        raise request_error(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        )
    customer = ctx.find("customer", method["customer"])
    owner = method["customer"]
    method.update(customer=None, _is_used_up=True)
    ctx.save(method)
    ctx.emit("payment_method.detached", method, {"customer": owner})
    if customer and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        ctx.change(customer, "customer.updated", invoice_settings=settings)
    return method


def keep_after_payment(ctx: Context, intent: Object, method: Object) -> None:
    """Save the method on the customer when the intent asked for it; otherwise it served its one payment."""
    _check_cvc(method, CARDS[method["_number"]])
    if intent["setup_future_usage"] and intent["customer"]:
        method["_is_set_up"] = method["_is_set_up"] or intent["setup_future_usage"] == "off_session"
        if not method["customer"]:
            ctx.change(method, customer=intent["customer"])
            ctx.emit("payment_method.attached", method)
    elif not method["customer"]:
        method["_is_used_up"] = True
    ctx.save(method)
