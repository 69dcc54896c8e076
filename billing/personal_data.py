"""What carts, orders and payments know of a person, and what Stripe's mirror holds beside."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from billing.clients.stripe_mirror import forget_customer
from billing.models import (
    Cart,
    CartItem,
    InvoiceRequest,
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    StripeCustomer,
    StripeEvent,
)
from core.privacy import QUEUE_COLUMNS, Blocker, DataCategory, Outcome, Person, Table, same

_CART = DataCategory(_("Cart"), Outcome.ERASED, _("What you meant to buy."))
_ORDERS = DataCategory(
    _("Orders and payments"),
    Outcome.KEPT,
    _(
        "They are what the invoices rest on, and are kept as long: ten years (art. 2220 of the Italian civil code). "
        "Cancelled orders lose name and address."
    ),
)
_STRIPE = DataCategory(
    _("Your entry at Stripe, our payment provider"),
    Outcome.ERASED,
    _(
        "With saved cards and our copies of what Stripe told us of you. Stripe itself keeps the payments made, as the "
        "law asks of it."
    ),
)
_WITHOUT_INVOICE = {"status": Order.Status.CANCELLED, "payments__invoice": None}


def _orders(person: Person) -> QuerySet[Order]:
    return Order.objects.filter(user=person.user)


def _rows_of(model: Any, path: str) -> Any:
    return lambda person: model.objects.filter(**{f"{path}__user": person.user})


def _stripe_id(person: Person) -> str:
    """As Stripe calls them; what fits nothing when they never paid."""
    row = StripeCustomer.objects.filter(user=person.user).first()
    return (row and row.stripe_customer_id) or "-"


def _events(person: Person) -> QuerySet[StripeEvent]:
    return StripeEvent.objects.of_customer(_stripe_id(person))


def _query_mirror(name: str, path: str = "stripe_data__customer") -> Callable[[Person], QuerySet[Any]]:
    return lambda person: apps.get_model("djstripe", name).objects.filter(**{path: _stripe_id(person)})


_COPY = same("id", "created", "livemode")
TABLES = (
    Table(
        model="billing.Cart",
        category=_CART,
        rows=lambda person: Cart.objects.filter(user=person.user),
        columns=same("updated_at"),
        left_out={"id": "a number of ours", "token": "opens the cart", "user": "the person"},
    ),
    Table(
        model="billing.CartItem",
        category=_CART,
        rows=_rows_of(CartItem, "cart"),
        columns={"service": "service__slug"} | same("quantity"),
        left_out={"id": "a number of ours", "cart": "there is one"},
    ),
    Table(
        model="billing.Order",
        category=_ORDERS,
        rows=_orders,
        columns=same(
            "number",
            "status",
            "language",
            "net_amount",
            "vat_rate",
            "vat_amount",
            "gross_amount",
            "terms_accepted_at",
            "created_at",
            *FiscalIdentity.FISCAL_FIELDS,
        ),
        left_out={"id": "a number of ours", "user": "the person"},
    ),
    Table(
        model="billing.OrderLine",
        category=_ORDERS,
        rows=_rows_of(OrderLine, "order"),
        columns={"order": "order__number", "service": "service__slug"} | same("description", "quantity", "unit_price"),
        left_out={"id": "a number of ours"},
    ),
    Table(
        model="billing.OrderEvent",
        category=_ORDERS,
        rows=_rows_of(OrderEvent, "order"),
        columns={"order": "order__number"} | same("kind", "at", "text"),
        left_out={"id": "a number of ours", "actor": "the person, or somebody else"},
    ),
    Table(
        model="billing.Payment",
        category=_ORDERS,
        rows=_rows_of(Payment, "order"),
        columns={"order": "order__number", "invoice": "invoice__number"}
        | same(
            "stripe_payment_intent_id",
            "amount",
            "currency",
            "status",
            "card",
            "three_d_secure",
            "error",
            "created_at",
            "succeeded_at",
        ),
        left_out={
            "id": "a number of ours",
            "reference": "a number of ours",
            "flag": "what we have to check",
        },
    ),
    Table(
        model="billing.InvoiceRequest",
        category=_ORDERS,
        rows=_rows_of(InvoiceRequest, "payment__order"),
        columns={"payment": "payment__stripe_payment_intent_id"} | same("state", "created_at"),
        left_out={**QUEUE_COLUMNS, "id": "a number of ours"},
    ),
    Table(
        model="billing.StripeCustomer",
        category=_STRIPE,
        rows=lambda person: StripeCustomer.objects.filter(user=person.user),
        columns=same("stripe_customer_id"),
        left_out={"id": "a number of ours", "reference": "a number of ours", "user": "the person"},
    ),
    Table(
        model="billing.StripeEvent",
        category=_STRIPE,
        rows=_events,
        columns=same("event_id", "type", "received_at"),
        left_out={
            **QUEUE_COLUMNS,
            "state": "how the work on it went",
            "payload": "holds keys of payments; what it says is in payments and in the copies of Stripe’s objects",
            "mirror_error": "how the work on it went",
            "done_at": "how the work on it went",
        },
    ),
    Table(
        model="djstripe.Customer",
        category=_STRIPE,
        rows=_query_mirror("Customer", "id"),
        columns=_COPY | {"email": "stripe_data__email", "name": "stripe_data__name", "address": "stripe_data__address"},
    ),
    Table(
        model="djstripe.PaymentMethod",
        category=_STRIPE,
        rows=_query_mirror("PaymentMethod"),
        columns=_COPY
        | {
            "billing_details": "stripe_data__billing_details",
            "brand": "stripe_data__card__brand",
            "last4": "stripe_data__card__last4",
            "expires": "stripe_data__card__exp_year",
        },
    ),
    Table(
        model="djstripe.PaymentIntent",
        category=_STRIPE,
        rows=_query_mirror("PaymentIntent"),
        columns=_COPY
        | {
            "amount": "stripe_data__amount",
            "status": "stripe_data__status",
            "description": "stripe_data__description",
            "receipt_email": "stripe_data__receipt_email",
        },
    ),
    Table(
        model="djstripe.Charge",
        category=_STRIPE,
        rows=_query_mirror("Charge"),
        columns=_COPY
        | same("amount", "currency", "status")
        | {"billing_details": "stripe_data__billing_details", "receipt_email": "stripe_data__receipt_email"},
    ),
)
_UNUSED = "no event we ask Stripe for brings one; erased with the customer all the same"
NOT_PERSONAL = dict.fromkeys(
    (
        "djstripe.ApplicationFee", "djstripe.ApplicationFeeRefund", "djstripe.Discount", "djstripe.Dispute",
        "djstripe.Invoice", "djstripe.InvoiceItem", "djstripe.LineItem", "djstripe.Mandate", "djstripe.Refund",
        "djstripe.Session", "djstripe.SetupIntent", "djstripe.Source", "djstripe.SourceTransaction",
        "djstripe.Subscription", "djstripe.SubscriptionItem", "djstripe.SubscriptionSchedule", "djstripe.TaxId",
        "djstripe.UpcomingInvoice",
    ),
    _UNUSED,
)  # fmt: skip


def blockers(person: Person, _now: datetime) -> Iterable[Blocker]:
    """One for each order that is not at its end, with what to do about it."""
    status = Order.Status
    open_ = {
        status.AWAITING_PAYMENT: _("Order %(number)s awaits payment. Pay or cancel it first."),
        status.PAID: _("Order %(number)s is paid and not completed. Wait until the work is done, or write to us."),
        status.PROCESSING: _(
            "Order %(number)s is paid and not completed. Wait until the work is done, or write to us."
        ),
    }
    to_check = _("The payment of order %(number)s is being checked. Please write to us.")
    to_invoice = _("The invoice of order %(number)s has yet to be issued. Please write to us if it does not come.")
    for order in _orders(person).prefetch_related("payments").order_by("pk"):
        paid = [payment for payment in order.payments.all() if payment.status == Payment.Status.SUCCEEDED]
        text = open_.get(status(order.status))
        if text is None and any(payment.flag for payment in paid):
            text = to_check
        if text is None and any(payment.invoice_id is None for payment in paid):
            text = to_invoice
        if text is not None:
            yield Blocker(text % {"number": order.number}, order.get_absolute_url())


def erase(person: Person, _now: datetime) -> None:
    """The entry at Stripe goes by a sweep afterwards (`payments.delete_at_stripe`), which its row here asks for."""
    Cart.objects.filter(user=person.user).delete()
    cancelled = _orders(person).filter(**_WITHOUT_INVOICE)
    Payment.objects.filter(order__in=cancelled).update(card="", error="")
    cancelled_ids = list(cancelled.values_list("pk", flat=True))
    blank = dict.fromkeys(FiscalIdentity.FISCAL_FIELDS, "") | {"kind": FiscalIdentity.Kind.PERSON, "country": "IT"}
    Order.objects.filter(pk__in=cancelled_ids).update(**blank)
    for event in _events(person):
        event.forget_content()
    forget_customer(_stripe_id(person))
