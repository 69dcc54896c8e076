"""Payments by Stripe: ours are the truth, written from events that are kept before they are believed."""

import uuid
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import Order
from core.queue import QueuedRow, QueueQuerySet, seconds
from invoicing.models import Invoice


class StripeCustomer(models.Model):
    """Our user as Stripe knows them; `reference` is the idempotency key of its making."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="stripe_customer")
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_customer_id = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.stripe_customer_id or str(self.reference)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def without_invoice(self) -> "PaymentQuerySet":
        """Settled, and no invoice could be issued: a person has to look at the data."""
        return self.filter(invoice_request__state=InvoiceRequest.State.FAILED)


class Payment(models.Model):
    """One PaymentIntent for one order. A card that fails is tried again on the same intent."""

    class Status(models.TextChoices):
        CREATED = "created", _("created")
        REQUIRES_ACTION = "requires_action", _("waiting for the bank's confirmation")
        PROCESSING = "processing", _("processing")
        FAILED = "failed", _("not successful")
        CANCELED = "canceled", _("cancelled")
        SUCCEEDED = "succeeded", _("paid")

    # What can still change; a success is never undone by a late or repeated event.
    FINAL: ClassVar[frozenset[str]] = frozenset({Status.SUCCEEDED, Status.CANCELED})

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments", verbose_name=_("order"))
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_payment_intent_id = models.CharField(_("Stripe"), max_length=64, blank=True)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="eur")
    status = models.CharField(_("status"), max_length=15, choices=Status.choices, default=Status.CREATED)
    card = models.CharField(_("card"), max_length=40, blank=True, help_text=_("brand and last four digits"))
    three_d_secure = models.BooleanField("3-D Secure", default=False)
    error = models.CharField(_("error"), max_length=300, blank=True)
    flag = models.CharField(
        _("to check"), max_length=200, blank=True, help_text=_("why the money does not fit the order")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    succeeded_at = models.DateTimeField(_("paid"), null=True)
    invoice = models.OneToOneField(
        Invoice, null=True, on_delete=models.PROTECT, related_name="payment", verbose_name=_("invoice")
    )

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["created", "requires_action", "processing", "failed", "canceled", "succeeded"]),
                name="billing_payment_status",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=~Q(status="canceled"), name="billing_payment_one_per_order"
            ),
            models.UniqueConstraint(
                fields=["stripe_payment_intent_id"],
                condition=~Q(stripe_payment_intent_id=""),
                name="billing_payment_intent_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.stripe_payment_intent_id}"


class InvoiceRequest(QueuedRow):
    """The invoice that a settled payment is owed: written with the payment's success, done with the invoice itself."""

    payment = models.OneToOneField(Payment, on_delete=models.CASCADE, related_name="invoice_request")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = QueueQuerySet["InvoiceRequest"].as_manager()

    class Meta(QueuedRow.Meta):
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="billing_invoicerequest_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id} {self.state}"


class StripeEventQuerySet(QueueQuerySet["StripeEvent"]):
    def of_customer(self, stripe_customer_id: str) -> "StripeEventQuerySet":
        """About one customer of Stripe's, or about something of theirs."""
        about = Q(payload__data__object__id=stripe_customer_id) | Q(payload__data__object__customer=stripe_customer_id)
        return self.filter(about)


class StripeEvent(QueuedRow):
    """The inbox of webhooks: an event is kept before it is answered, and worked on afterwards."""

    LEASE = timedelta(minutes=3)  # longer than the calls to Stripe that one event can lead to
    BACKOFF = seconds(5, 20, 60, 300, 900, 3600, 3600, 3600)

    event_id = models.CharField(primary_key=True, max_length=64)
    type = models.CharField(_("type"), max_length=80)
    payload = models.JSONField(_("content"))
    mirror_error = models.TextField(_("mirror's error"), blank=True, default="", db_default="")
    received_at = models.DateTimeField(_("received"))
    done_at = models.DateTimeField(_("done"), null=True)

    objects = StripeEventQuerySet.as_manager()

    class Meta(QueuedRow.Meta):
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        constraints: ClassVar = [
            *QueuedRow.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running", "done", "failed"]), name="billing_stripeevent_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.type}"

    def forget_content(self) -> None:
        """Keep what the event is about and drop what it tells; handlers ask Stripe for the object anyway."""
        stripe_object = self.payload["data"]["object"]
        identity = {name: stripe_object[name] for name in ("id", "object") if name in stripe_object}
        self.payload = {"id": self.event_id, "type": self.type, "data": {"object": identity}}
        self.save(update_fields=["payload"])
