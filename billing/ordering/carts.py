"""Which cart belongs to a request: the customer's, or the guest's that the session remembers."""

from typing import Any

from accounts.current_user import user_of
from billing.models import Cart, CartItem
from billing.ordering.services import adopt_cart, find_cart

CART_KEY = "cart"


def cart_of(request: Any) -> Cart | None:
    """The visitor's cart, if there is one; a guest's cart is taken along at the first page after login."""
    token, user = request.session.get(CART_KEY), user_of(request)
    if user and token:
        del request.session[CART_KEY]
        return adopt_cart(token=token, user=user)
    return find_cart(token=token, user=user)


def remember_cart(request: Any, cart: Cart) -> None:
    """Let a guest's session know its cart."""
    if user_of(request) is None:
        request.session[CART_KEY] = str(cart.token)


def cart_count(request: Any) -> int:
    """How many services are in the visitor's cart: one query, as every page asks; none for a guest without a cart."""
    user, items = user_of(request), CartItem.objects.on_offer()
    if CART_KEY in request.session:
        items = items.filter(cart=cart_of(request))
    elif user:
        items = items.filter(cart__user=user)
    else:
        return 0
    return sum(items.values_list("quantity", flat=True))
