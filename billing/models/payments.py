"""Payments by Stripe: ours are the truth, written from events that are kept before they are believed."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.orders import Order
from invoicing.models import Invoice


class StripeCustomer(models.Model):
    """Our user as Stripe knows them; `reference` is the idempotency key of its making."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="stripe_customer")
    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    stripe_customer_id = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.stripe_customer_id or str(self.reference)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def to_invoice(self) -> "PaymentQuerySet":
        return self.filter(status=Payment.Status.SUCCEEDED, flag="", invoice=None, invoice_error="")


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
    invoice_error = models.TextField(_("why there is no invoice"), blank=True)

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


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def due(self, now: datetime) -> "StripeEventQuerySet":
        """Not done yet and not being put off."""
        return self.filter(state=StripeEvent.State.PENDING, next_try_at__lte=now)

    def of_customer(self, stripe_customer_id: str) -> "StripeEventQuerySet":
        """About one customer of Stripe's, or about something of theirs."""
        about = Q(payload__data__object__id=stripe_customer_id) | Q(payload__data__object__customer=stripe_customer_id)
        return self.filter(about)


class StripeEvent(models.Model):
    """The inbox of webhooks: an event is kept before it is answered, and worked on afterwards."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        DONE = "done", _("done")
        FAILED = "failed", _("given up")

    BACKOFF: ClassVar[tuple[timedelta, ...]] = tuple(
        timedelta(seconds=seconds) for seconds in (5, 20, 60, 300, 900, 3600, 3600, 3600)
    )

    event_id = models.CharField(primary_key=True, max_length=64)
    type = models.CharField(_("type"), max_length=80)
    payload = models.JSONField(_("content"))
    state = models.CharField(
        _("state"), max_length=7, choices=State.choices, default=State.PENDING, db_default="pending"
    )
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0, db_default=0)
    error = models.TextField(_("error"), blank=True, default="", db_default="")
    mirror_error = models.TextField(_("mirror's error"), blank=True, default="", db_default="")
    received_at = models.DateTimeField(_("received"))
    next_try_at = models.DateTimeField(_("next try"))
    done_at = models.DateTimeField(_("done"), null=True)

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], condition=Q(state="pending"), name="billing_stripeevent_due")
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "done", "failed"]), name="billing_stripeevent_state"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.type}"

    def put_off(self, now: datetime, error: str) -> None:
        """Try again later, or leave it to a person after the last try."""
        self.attempts += 1
        self.error = error
        if self.attempts > len(self.BACKOFF):
            self.state = self.State.FAILED
        else:
            self.next_try_at = now + self.BACKOFF[self.attempts - 1]
        self.save(update_fields=["attempts", "error", "state", "next_try_at"])

    def finish(self, now: datetime, mirror_error: str) -> None:
        self.state, self.done_at, self.error, self.mirror_error = self.State.DONE, now, "", mirror_error
        self.save(update_fields=["state", "done_at", "error", "mirror_error"])

    def forget_content(self) -> None:
        """Keep what the event is about and drop what it tells; handlers ask Stripe for the object anyway."""
        told = self.payload["data"]["object"]
        kept = {name: told[name] for name in ("id", "object") if name in told}
        self.payload = {"id": self.event_id, "type": self.type, "data": {"object": kept}}
        self.save(update_fields=["payload"])
