"""Refunds."""

import copy

from sandbox.stripe import payments
from sandbox.stripe.api.endpoint import get, listing, matches, page, post, retrieve, within
from sandbox.stripe.context import Context, public
from sandbox.stripe.errors import StripeError, request_error
from sandbox.stripe.params import Params, Spec, choice, integer, merge_metadata, metadata, text, time_range
from sandbox.stripe.store import Object

CREATE: Spec = {
    "amount": integer(1),
    "charge": text(),
    "payment_intent": text(),
    "metadata": metadata,
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
}


def create(ctx: Context, params: Params) -> Object:
    if "charge" not in params and "payment_intent" not in params:
        raise StripeError(
            "One of the following params should be provided for this request: payment_intent or charge.", started=False
        )
    return payments.create_refund(ctx, find_charge(ctx, params), params)


def find_charge(ctx: Context, params: Params) -> Object:
    if "payment_intent" not in params:
        return ctx.get("charge", params["charge"], "charge")
    intent = ctx.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise request_error(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    charge: str = params["charge"] if "charge" in params else intent["latest_charge"]
    return ctx.get("charge", charge, "charge")


def update(ctx: Context, params: Params, ident: str) -> Object:
    refund = ctx.get("refund", ident)
    before = copy.deepcopy(public(refund))
    refund["metadata"] = merge_metadata(refund["metadata"], params.get("metadata"))
    return payments.save_refund(ctx, refund, before)


def list_refunds(ctx: Context, params: Params) -> Object:
    refunds = (
        refund
        for refund in ctx.store.every("refund")
        if matches(refund, params, "charge", "payment_intent") and within(refund["created"], params.get("created"))
    )
    return page(refunds, params, "/v1/refunds")


def list_of_charge(ctx: Context, params: Params, ident: str) -> Object:
    ctx.get("charge", ident)
    refunds = (refund for refund in ctx.store.every("refund") if refund["charge"] == ident)
    return page(refunds, params, f"/v1/charges/{ident}/refunds")


ENDPOINTS = [
    post("/v1/refunds", create, CREATE),
    listing("/v1/refunds", list_refunds, {"charge": text(), "payment_intent": text(), "created": time_range}),
    get("/v1/refunds/{id}", retrieve("refund")),
    post("/v1/refunds/{id}", update, {"metadata": metadata}),
    listing("/v1/charges/{id}/refunds", list_of_charge),
]
