"""Carts and orders: what customers and staff do with them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingProfile, User
from billing import tax
from billing.models import Cart, CartItem, Order, OrderLine, Service
from billing.models.orders import MAX_QUANTITY, order_sums
from core import audit
from core.errors import DomainError, InvalidInputError
from core.numbering import next_number
from notifications.services import Recipient, notify


class NotBuyableError(DomainError):
    """A service that is not sold through the cart (any more)."""

    code = "not_buyable"
    message = _("This service cannot be put into the cart. Write to us for an offer.")


class EmptyCartError(DomainError):
    """There is nothing to order."""

    code = "cart_empty"
    message = _("Your cart is empty.")


class ProfileMissingError(DomainError):
    """The order needs a billing profile first."""

    code = "profile_missing"
    message = _("Please fill in your billing details first.")


def find_cart(*, token: str | None, user: User | None) -> Cart | None:
    """The customer's cart, or the guest's cart known by its token."""
    if user:
        return Cart.objects.filter(user=user).first()
    return Cart.objects.filter(token=str(token), user=None).first() if _is_uuid(token) else None


@transaction.atomic
def add_to_cart(*, cart: Cart | None, user: User | None, service: Service, quantity: int = 1) -> Cart:
    """Put a service into the cart, making one if needed; the price is the catalogue's, whatever was asked."""
    if not service.is_buyable:
        raise NotBuyableError
    cart = cart or _new_cart(user)
    item, created = CartItem.objects.get_or_create(
        cart=cart, service=service, defaults={"quantity": _quantity(quantity)}
    )
    if not created:
        set_quantity(cart=cart, service=service, quantity=item.quantity + quantity)
    return cart


@transaction.atomic
def put_into_cart(*, cart: Cart | None, user: User, service: Service, quantity: int) -> Cart | None:
    """Make the cart hold exactly so many of a service; 0 takes it out."""
    if quantity == 0 or (cart and cart.items.filter(service=service).exists()):
        if cart:
            set_quantity(cart=cart, service=service, quantity=quantity)
        return cart
    return add_to_cart(cart=cart, user=user, service=service, quantity=quantity)


def set_quantity(*, cart: Cart, service: Service, quantity: int) -> None:
    """Change how many; 0 takes the line away."""
    lines = CartItem.objects.filter(cart=cart, service=service)
    if quantity == 0:
        lines.delete()
    else:
        lines.update(quantity=_quantity(quantity))


@transaction.atomic
def adopt_cart(*, token: str | None, user: User) -> Cart | None:
    """After login: the guest's cart becomes the customer's, or is poured into the one they had."""
    guest = find_cart(token=token, user=None)
    own = Cart.objects.filter(user=user).first()
    if guest is None:
        return own
    if own is None:
        guest.user = user
        guest.save(update_fields=["user", "updated_at"])
        return guest
    for item in guest.items.select_related("service"):
        cart_item, created = CartItem.objects.get_or_create(
            cart=own, service=item.service, defaults={"quantity": item.quantity}
        )
        if not created:
            cart_item.quantity = min(MAX_QUANTITY, max(cart_item.quantity, item.quantity))
            cart_item.save(update_fields=["quantity"])
    guest.delete()
    return own


def sums_of(net: Decimal) -> dict[str, Decimal]:
    """What a net amount costs an Italian customer: net, rate, VAT, gross."""
    return order_sums(net, tax.vat_rate("IT"))


def cart_sums(cart: Cart | None) -> dict[str, Decimal]:
    """What the cart costs now: net, rate, VAT, gross."""
    net = sum((item.net_amount for item in cart.lines()), Decimal(0)) if cart else Decimal(0)
    return sums_of(net)


@transaction.atomic
def place_order(*, user: User, language: str, terms_accepted: bool, now: datetime) -> Order:
    """Turn the customer's cart into an order at the catalogue's prices, billed to their profile, and empty the cart."""
    if not terms_accepted:
        message = _("Please confirm that you have read the terms of sale.")
        raise InvalidInputError(message, code="terms", field="terms_accepted")
    profile = BillingProfile.objects.filter(user=user).first()
    if profile is None:
        raise ProfileMissingError
    # the lock makes a double click wait; it then finds the cart empty
    cart = Cart.objects.select_for_update().filter(user=user).first()
    lines = list(cart.lines()) if cart else []
    if cart is None or not lines:
        raise EmptyCartError
    net = sum((item.net_amount for item in lines), Decimal(0))
    year = timezone.localdate(now).year
    order = Order.objects.create(
        number=f"ORD-{year}-{next_number('order', year):05d}",
        user=user,
        language=language,
        terms_accepted_at=now,
        **order_sums(net, tax.vat_rate(profile.country)),
        **profile.fiscal_values(),
    )
    with translation.override(language):  # the words on the order are the customer's, whoever places it
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                service=item.service,
                description=item.service.name,
                quantity=item.quantity,
                unit_price=item.service.price or Decimal(0),
            )
            for item in lines
        )
    cart.items.all().delete()
    order.note(Order.Status.AWAITING_PAYMENT, actor=user, now=now)
    audit.record(action="order.placed", target=order, actor=user, gross=str(order.gross_amount))
    notify(
        to=Recipient.of(user),
        kind="order_received",
        context={"order": order, "lines": list(order.lines.order_by("pk"))},
    )
    return order


@transaction.atomic
def advance_order(*, order: Order, status: "Order.Status", actor: User, now: datetime) -> None:
    """Staff move an order on: work started, work completed."""
    locked = Order.objects.select_for_update().get(pk=order.pk)
    before = locked.status
    locked.move_to(status, actor=actor, now=now)
    moved = {"status": [before, str(status)]}
    audit.record(action=f"order.{status}", target=locked, actor=actor, changes=moved)


def clear_old_carts(*, now: datetime, days: int = 60) -> int:
    """Forget guests' carts nobody touched for so long; returns how many."""
    old = Cart.objects.filter(user=None, updated_at__lt=now - timedelta(days=days))
    return old.delete()[0]


def _new_cart(user: User | None) -> Cart:
    if user is None:
        return Cart.objects.create()
    try:
        with transaction.atomic():
            return Cart.objects.create(user=user)
    except IntegrityError:  # two clicks at once
        return Cart.objects.get(user=user)


def _quantity(value: int) -> int:
    if not 1 <= value <= MAX_QUANTITY:
        message = _("The quantity must be between 1 and %(max)d.") % {"max": MAX_QUANTITY}
        raise InvalidInputError(message, code="quantity", field="quantity")
    return value


def _is_uuid(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
