"""The stand-in's objects and parameters against two outside sources: Stripe's published example objects and the types
of the stripe SDK, both made by Stripe from its own API description."""

import importlib
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from sandbox.stripe import StripeStandIn
from sandbox.stripe.api import ENDPOINTS
from tests.sandbox.conftest import Running, running

SDK_CLASSES: dict[str, Any] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "customer_balance_transaction": stripe.CustomerBalanceTransaction,
    "discount": stripe.Discount,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "refund": stripe.Refund,
    "setup_attempt": stripe.SetupAttempt,
    "setup_intent": stripe.SetupIntent,
    "subscription": stripe.Subscription,
    "tax_id": stripe.TaxId,
    "tax_rate": stripe.TaxRate,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}

# Fields of the published example that the stand-in's object does not have, or has otherwise, and why.
DEVIATIONS: dict[tuple[str, str], str] = {
    ("charge", "refunds"): "only with expand[]=refunds, as in every version since 2022-11-15",
    ("invoice", "subscription"): "a field that the API moved to parent.subscription_details",
    ("payment_method", "metadata.order_id"): "the example's own metadata",
}


# a life that leaves every kind of object behind ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, authority: Any) -> Iterator[Running]:
    with running(StripeStandIn(tmp_path_factory.mktemp("stripe")), authority) as stand_in:
        live_through_everything(stand_in)
        yield stand_in


def live_through_everything(desk: Running) -> None:
    api = stripe.StripeClient(desk.env["STRIPE_SECRET_KEY"], base_addresses={"api": desk.url}).v1
    clock = api.test_helpers.test_clocks.create({"frozen_time": 1_800_000_000})
    customer = api.customers.create(
        {
            "email": "anna@example.com",
            "name": "Anna",
            "address": {"city": "Torino", "country": "IT"},
            "tax_id_data": [{"type": "eu_vat", "value": "IT00743110157"}],
            "test_clock": clock.id,
        }
    )
    api.customers.balance_transactions.create(customer.id, {"amount": -100, "currency": "eur"})
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    pay_once(api, customer.id)
    bill_by_subscription(api, customer.id)
    api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_800_000_000 + 32 * 86_400})
    api.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    api.billing_portal.sessions.create({"customer": customer.id, "return_url": "https://shop.example/"})
    api.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["invoice.paid"]})


def pay_once(api: Any, customer: str) -> None:
    intent = api.payment_intents.create(
        {
            "amount": 12_200,
            "currency": "eur",
            "customer": customer,
            "confirm": True,
            "payment_method": "pm_card_visa",
            "return_url": "https://shop.example/",
            "setup_future_usage": "off_session",
            "shipping": {"name": "Anna", "address": {"city": "Torino", "country": "IT"}},
        }
    )
    api.refunds.create({"payment_intent": intent.id, "amount": 2_200, "reason": "requested_by_customer"})
    api.payment_intents.create({"amount": 500, "currency": "eur", "capture_method": "manual"})
    secure = {"amount": 900, "currency": "eur", "confirm": True, "return_url": "https://shop.example/"}
    api.payment_intents.create({**secure, "payment_method": "pm_card_threeDSecure2Required"})
    with pytest.raises(stripe.CardError):
        api.payment_intents.create({**secure, "payment_method": "pm_card_chargeDeclined"})
    api.setup_intents.create(
        {"customer": customer, "confirm": True, "payment_method": "pm_card_visa", "return_url": "https://shop.example/"}
    )


def bill_by_subscription(api: Any, customer: str) -> None:
    product = api.products.create({"name": "DPO as a service"})
    price = {"product": product.id, "currency": "eur", "recurring": {"interval": "month"}}
    small = api.prices.create({**price, "unit_amount": 20_000})
    large = api.prices.create({**price, "unit_amount": 50_000})
    rate = api.tax_rates.create({"display_name": "IVA", "inclusive": False, "percentage": 22})
    coupon = api.coupons.create({"percent_off": 10, "duration": "forever"})
    code = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    subscription = api.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": small.id}],
            "default_tax_rates": [rate.id],
            "discounts": [{"promotion_code": code.id}],
        }
    )
    item = subscription["items"].data[0].id
    api.subscriptions.update(
        subscription.id,
        {"items": [{"id": item, "price": large.id}], "proration_behavior": "always_invoice"},
    )
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    api.invoice_items.create({"customer": customer, "amount": 700, "currency": "eur", "description": "Extra"})


def objects(desk: Running, kind: str) -> list[dict[str, Any]]:
    return desk.get(f"/objects/{kind}")


# Stripe's published examples -----------------------------------------------------------------------------------------

KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


def compare(example: Any, ours: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """What the example has and we have not, or have in another JSON type. Null fits everything on either side."""
    if example is None or ours is None:
        return
    if KINDS[type(example)] != KINDS[type(ours)]:
        yield path, f"{KINDS[type(ours)]} instead of {KINDS[type(example)]}"
    elif isinstance(example, dict):
        for name, value in example.items():
            where = f"{path}.{name}" if path else name
            if name not in ours:
                yield where, "missing"
            else:
                yield from compare(value, ours[name], where)
    elif isinstance(example, list) and example and ours:
        yield from compare(example[0], ours[0], f"{path}[]")


def deviations(desk: Running, shared: Path, kind: str) -> dict[tuple[str, str], str]:
    example = json.loads((shared / "stripe" / "fixtures3.json").read_text())["resources"][kind]
    examples = objects(desk, kind)
    assert examples, f"no {kind} came into being"
    return {
        (kind, path): trouble
        for ours in examples
        for path, trouble in compare(example, ours)
        if not path.startswith("data.object")  # an event carries any object; each is checked by itself
    }


@pytest.mark.parametrize("kind", sorted(SDK_CLASSES))
def test_object_has_the_fields_and_types_of_the_published_example(desk: Running, shared: Path, kind: str):
    differences = deviations(desk, shared, kind)

    assert differences.keys() == {key for key in DEVIATIONS if key[0] == kind}


# the SDK's types -----------------------------------------------------------------------------------------------------


class Names(dict[str, Any]):
    """Names in the SDK's annotations; those it imports only for type checkers are looked up in the package."""

    def __missing__(self, name: str) -> Any:
        return getattr(stripe, name, getattr(stripe.test_helpers, name, Any))


def hints(cls: type) -> dict[str, Any]:
    scope = Names()
    own = [
        base
        for base in inspect.getmro(cls)
        if "__annotations__" in vars(base) and base.__module__.startswith("stripe.")
    ]
    annotations_by_name: dict[str, Any] = {}
    for base in reversed(own):
        module = vars(sys.modules[base.__module__])
        for name, annotation in vars(base)["__annotations__"].items():
            if not name.startswith("_") and base is not stripe.StripeObject:
                holder = types.new_class("Holder")
                holder.__annotations__ = {name: annotation}
                annotations_by_name[name] = typing.get_type_hints(holder, dict(module), scope)[name]
    return {name: kind for name, kind in annotations_by_name.items() if typing.get_origin(kind) is not typing.ClassVar}


def is_optional(kind: Any) -> bool:
    return type(None) in typing.get_args(kind) or kind is Any


def mismatches(kind: Any, value: Any, path: str) -> list[str]:
    """Where the value does not fit the SDK's type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, typing.TypeVar):
        return []
    if origin in {typing.Union, types.UnionType}:
        tries = [mismatches(option, value, path) for option in arguments]
        return min(tries, key=len)
    if origin is typing.Literal:
        return [] if value in arguments else [f"{path}: {value!r} is none of {arguments}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [
            text for place, entry in enumerate(value) for text in mismatches(arguments[0], entry, f"{path}[{place}]")
        ]
    if origin is stripe.ListObject:
        return [text for entry in value["data"] for text in mismatches(arguments[0], entry, f"{path}.data")]
    if inspect.isclass(origin) or (inspect.isclass(kind) and issubclass(kind, dict)):
        return [] if isinstance(value, dict) else [f"{path}: not an object"]
    if inspect.isclass(kind) and issubclass(kind, stripe.StripeObject):
        return object_mismatches(kind, value, path) if isinstance(value, dict) else [f"{path}: not an object"]
    python_type = {int: int, str: str, bool: bool, float: (int, float), Decimal: str, type(None): type(None)}[kind]
    fits = isinstance(value, python_type) and (kind is bool or not isinstance(value, bool))
    return [] if fits else [f"{path}: {value!r} is not {kind.__name__}"]


def object_mismatches(cls: type, value: dict[str, Any], path: str) -> list[str]:
    hints_by_name = hints(cls)
    problems = [f"{path}.{name}: not in the SDK" for name in value if name not in hints_by_name]
    for name, kind in hints_by_name.items():
        if value.get(name) is not None:
            problems += mismatches(kind, value[name], f"{path}.{name}")
        elif not is_optional(kind):
            problems.append(f"{path}.{name}: missing")
    return problems


@pytest.mark.parametrize("kind", sorted(SDK_CLASSES))
def test_object_fits_the_sdk_types(desk: Running, kind: str):
    objs = objects(desk, kind)

    assert objs, f"no {kind} came into being"
    problems = {text for ours in objs for text in object_mismatches(SDK_CLASSES[kind], ours, kind)}
    assert sorted(problems) == []


def test_objects_in_events_fit_the_sdk_types(desk: Running):
    problems = set()
    for event in objects(desk, "event"):
        obj = event["data"]["object"]
        if obj["object"] in SDK_CLASSES and not obj.get("deleted"):
            problems |= set(object_mismatches(SDK_CLASSES[obj["object"]], obj, event["type"]))
    assert sorted(problems) == []


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"amount": "12"}, "payment_intent.amount: '12' is not int"),
        ({"amount": None}, "payment_intent.amount: missing"),
        ({"surprise": 1}, "payment_intent.surprise: not in the SDK"),
        ({"next_action": {"type": 7}}, "payment_intent.next_action.type: 7 is not str"),
    ],
)
def test_the_comparison_itself_notices(desk: Running, change: dict[str, Any], trouble: str):
    intent = {**objects(desk, "payment_intent")[0], **change}

    assert object_mismatches(stripe.PaymentIntent, intent, "payment_intent") == [trouble]


def test_event_types_are_those_of_the_sdk(desk: Running):
    sdk_types = set(typing.get_args(hints(stripe.Event)["type"]))

    assert {event["type"] for event in objects(desk, "event")} - sdk_types == set()


# parameters ----------------------------------------------------------------------------------------------------------

PARAMETERS = {
    "POST /v1/payment_intents": "payment_intent_create",
    "GET /v1/payment_intents": "payment_intent_list",
    "POST /v1/payment_intents/{id}": "payment_intent_modify",
    "POST /v1/payment_intents/{id}/confirm": "payment_intent_confirm",
    "POST /v1/payment_intents/{id}/capture": "payment_intent_capture",
    "POST /v1/payment_intents/{id}/cancel": "payment_intent_cancel",
    "POST /v1/setup_intents": "setup_intent_create",
    "GET /v1/setup_intents": "setup_intent_list",
    "POST /v1/setup_intents/{id}": "setup_intent_modify",
    "POST /v1/setup_intents/{id}/confirm": "setup_intent_confirm",
    "POST /v1/payment_methods": "payment_method_create",
    "POST /v1/payment_methods/{id}": "payment_method_modify",
    "GET /v1/payment_methods": "payment_method_list",
    "POST /v1/customers": "customer_create",
    "POST /v1/customers/{id}": "customer_modify",
    "GET /v1/customers": "customer_list",
    "POST /v1/customers/{id}/tax_ids": "customer_tax_id_create",
    "POST /v1/customers/{id}/balance_transactions": "customer_balance_transaction_create",
    "GET /v1/charges": "charge_list",
    "POST /v1/charges/{id}": "charge_modify",
    "GET /v1/balance_transactions": "balance_transaction_list",
    "POST /v1/refunds": "refund_create",
    "GET /v1/refunds": "refund_list",
    "POST /v1/products": "product_create",
    "POST /v1/products/{id}": "product_modify",
    "GET /v1/products": "product_list",
    "POST /v1/prices": "price_create",
    "POST /v1/prices/{id}": "price_modify",
    "GET /v1/prices": "price_list",
    "POST /v1/coupons": "coupon_create",
    "POST /v1/promotion_codes": "promotion_code_create",
    "GET /v1/promotion_codes": "promotion_code_list",
    "POST /v1/tax_rates": "tax_rate_create",
    "POST /v1/subscriptions": "subscription_create",
    "GET /v1/subscriptions": "subscription_list",
    "POST /v1/subscriptions/{id}": "subscription_modify",
    "DELETE /v1/subscriptions/{id}": "subscription_cancel",
    "POST /v1/subscription_items": "subscription_item_create",
    "POST /v1/subscription_items/{id}": "subscription_item_modify",
    "DELETE /v1/subscription_items/{id}": "subscription_item_delete",
    "POST /v1/invoices": "invoice_create",
    "GET /v1/invoices": "invoice_list",
    "POST /v1/invoices/{id}": "invoice_modify",
    "POST /v1/invoices/{id}/pay": "invoice_pay",
    "POST /v1/invoices/create_preview": "invoice_create_preview",
    "POST /v1/invoiceitems": "invoice_item_create",
    "GET /v1/invoiceitems": "invoice_item_list",
    "GET /v1/invoice_payments": "invoice_payment_list",
    "GET /v1/events": "event_list",
    "POST /v1/webhook_endpoints": "webhook_endpoint_create",
    "POST /v1/webhook_endpoints/{id}": "webhook_endpoint_modify",
}
# `client_secret` is what Stripe.js sends with a publishable key; server libraries have no need of it.
BROWSER_ONLY = {"client_secret"}


@pytest.mark.parametrize("route", sorted(PARAMETERS))
def test_parameters_are_the_sdks(route: str):
    endpoint = next(entry for entry in ENDPOINTS if f"{entry.method} {entry.path}" == route)
    module = importlib.import_module(f"stripe.params._{PARAMETERS[route]}_params")
    name = "".join(part.title() for part in PARAMETERS[route].split("_")) + "Params"
    sdk_params = set(getattr(module, name).__annotations__)

    ours = {parameter.rstrip("!") for parameter in endpoint.params}

    assert ours - sdk_params - BROWSER_ONLY - {"expand"} == set()


def test_required_parameters_are_required(desk: Running):
    key = desk.env["STRIPE_SECRET_KEY"]
    answer = requests.post(f"{desk.url}/v1/payment_intents", data={"currency": "eur"}, auth=(key, ""), timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "parameter_missing"
    assert answer.json()["error"]["param"] == "amount"
