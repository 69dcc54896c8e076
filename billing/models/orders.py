"""Carts and orders. An order keeps its own copy of names, prices and the buyer: later changes do not touch it."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from accounts.models import User
from billing.models.catalogue import Service, buyable
from core.errors import DomainError
from core.money import vat_on

MAX_QUANTITY = 20


class Cart(models.Model):
    """What somebody means to buy; a guest's cart is known by its token in the session, a customer's by its user."""

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="cart"
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.token)

    def lines(self) -> models.QuerySet["CartItem"]:
        """What is still on offer, priced by the catalogue of this moment."""
        return self.items.on_offer().select_related("service").order_by("pk")


class CartItemQuerySet(models.QuerySet["CartItem"]):
    def on_offer(self) -> "CartItemQuerySet":
        """Without what has left the catalogue since it was put into the cart."""
        return self.filter(buyable("service__"))


class CartItem(models.Model):
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="items")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveSmallIntegerField(default=1)

    objects = CartItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cart", "service"], name="billing_cartitem_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=MAX_QUANTITY), name="billing_cartitem_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.service}"

    @property
    def net_amount(self) -> Decimal:
        return (self.service.price or Decimal(0)) * self.quantity


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: User | AnonymousUser | None) -> "OrderQuerySet":
        """A customer's own; nothing for a guest, nor what an erased account left (whose column is NULL)."""
        return self.filter(user=user) if user and user.is_authenticated else self.none()

    def numbers(self) -> list[str]:
        """The numbers alone, the latest first."""
        return list(self.order_by("-created_at", "-pk").values_list("number", flat=True))

    def for_table(self) -> "OrderQuerySet":
        """The latest first, with what the table of orders shows and no more (`billing/_orders_table.html`)."""
        shown = self.only("number", "created_at", "status", "gross_amount")
        return shown.prefetch_related("lines").order_by("-created_at", "-pk")


class IllegalMoveError(DomainError):
    """A step the order cannot take from where it is."""

    code = "order_state"

    def __init__(self, order: "Order") -> None:
        super().__init__(_("The order is %(state)s: this is not possible now.") % {"state": order.get_status_display()})


class Order(FiscalIdentity):
    """A purchase. Its sums are fixed when it is placed; only `move_to` changes its status."""

    class Status(models.TextChoices):
        AWAITING_PAYMENT = "awaiting_payment", _("awaiting payment")
        PAID = "paid", _("paid")
        PROCESSING = "processing", _("in progress")
        COMPLETED = "completed", _("completed")
        CANCELLED = "cancelled", _("cancelled")

    ALLOWED: ClassVar[dict[str, frozenset[str]]] = {
        Status.AWAITING_PAYMENT: frozenset({Status.PAID, Status.CANCELLED}),
        Status.PAID: frozenset({Status.PROCESSING}),
        Status.PROCESSING: frozenset({Status.COMPLETED}),
        Status.COMPLETED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    number = models.CharField(_("number"), max_length=16, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", verbose_name=_("customer")
    )
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.AWAITING_PAYMENT)
    language = models.CharField(max_length=2, default="it")
    net_amount = models.DecimalField(_("net"), max_digits=12, decimal_places=2)
    vat_rate = models.DecimalField(_("VAT rate"), max_digits=5, decimal_places=2)
    vat_amount = models.DecimalField(_("VAT"), max_digits=12, decimal_places=2)
    gross_amount = models.DecimalField(_("total"), max_digits=12, decimal_places=2)
    terms_accepted_at = models.DateTimeField(_("terms accepted"))
    created_at = models.DateTimeField(_("placed"), auto_now_add=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["awaiting_payment", "paid", "processing", "completed", "cancelled"]),
                name="billing_order_status",
            ),
            models.CheckConstraint(
                condition=Q(gross_amount=models.F("net_amount") + models.F("vat_amount"), gross_amount__gt=0),
                name="billing_order_sum",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("billing:show_order", args=[self.number])

    @property
    def is_payable(self) -> bool:
        return self.status == self.Status.AWAITING_PAYMENT

    def move_to(self, status: "Order.Status", *, actor: User | None, now: datetime, text: str = "") -> None:
        """Take one allowed step and write it into the history; the caller holds the row's lock."""
        if status not in self.ALLOWED[self.Status(self.status)]:
            raise IllegalMoveError(self)
        self.status = status
        self.save(update_fields=["status"])
        self.note(status, actor=actor, now=now, text=text)

    def note(self, kind: str, *, actor: User | None, now: datetime, text: str = "") -> "OrderEvent":
        return OrderEvent.objects.create(order=self, kind=kind, at=now, actor=actor, text=text)


class OrderLine(models.Model):
    """What was bought, by the name and price it had."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(_("description"), max_length=200)
    quantity = models.PositiveSmallIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("net price"), max_digits=12, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.description}"

    @property
    def net_amount(self) -> Decimal:
        return self.unit_price * self.quantity


class OrderEvent(models.Model):
    """One line of an order's history: a status reached, or something else worth telling."""

    class Kind(models.TextChoices):
        AWAITING_PAYMENT = "awaiting_payment", _("Order received")
        PAID = "paid", _("Payment confirmed")
        PROCESSING = "processing", _("Work started")
        COMPLETED = "completed", _("Work completed")
        CANCELLED = "cancelled", _("Order cancelled")
        PAYMENT_FAILED = "payment_failed", _("Payment not successful")
        PAYMENT_FLAGGED = "payment_flagged", _("Payment to be checked")
        INVOICE_REFUSED = "invoice_refused", _("Invoice to be completed")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(_("event"), max_length=16, choices=Kind.choices)
    at = models.DateTimeField(_("when"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("who")
    )
    text = models.TextField(_("text"), blank=True)

    def __str__(self) -> str:
        return f"{self.order} {self.kind}"


def order_sums(net: Decimal, rate: Decimal) -> dict[str, Decimal]:
    """The sums of an order as its columns: VAT once on the whole net amount, as the invoice will have it."""
    vat = vat_on(net, rate)
    return {"net_amount": net, "vat_rate": rate, "vat_amount": vat, "gross_amount": net + vat}
