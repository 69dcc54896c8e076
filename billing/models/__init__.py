"""Tables of what is sold, ordered and paid."""

from billing.models.catalogue import Category, Service, ServiceItem
from billing.models.orders import Cart, CartItem, Order, OrderEvent, OrderLine
from billing.models.payments import InvoiceRequest, Payment, StripeCustomer, StripeEvent

__all__ = [
    "Cart",
    "CartItem",
    "Category",
    "InvoiceRequest",
    "Order",
    "OrderEvent",
    "OrderLine",
    "Payment",
    "Service",
    "ServiceItem",
    "StripeCustomer",
    "StripeEvent",
]
