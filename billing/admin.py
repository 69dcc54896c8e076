"""The back office's view of catalogue, orders and payments.

Money and states change by actions that call the services.
"""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.documents.buttons import share_button
from billing.clients.stripe_mirror import MIRRORED
from billing.models import Category, Order, OrderEvent, OrderLine, Payment, Service, ServiceItem, StripeEvent
from billing.ordering import services
from billing.payments import services as payments
from core.admin import (
    AuditedAdmin,
    QueueAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    YesFilter,
    amount,
    another_try,
    badge,
    confirmed_action,
)
from core.templatetags.ui import eur, rate

_ORDER_LOOKS = {
    "awaiting_payment": "warn",
    "paid": "now",
    "processing": "now",
    "completed": "done",
    "cancelled": "stop",
}
_PAYMENT_LOOKS = {
    "created": "now",
    "requires_action": "warn",
    "processing": "now",
    "failed": "warn",
    "canceled": "stop",
    "succeeded": "done",
}


@admin.register(Category)
class CategoryAdmin(AuditedAdmin):
    list_display = ("name_it", "name_en", "slug", "seal", "position")
    list_editable = ("position",)
    search_fields = ("name_it", "name_en", "slug")
    prepopulated_fields = {"slug": ("name_it",)}
    ordering = ("position", "pk")


class ServiceItemInline(TabularInline):
    model = ServiceItem
    extra = 0
    fields = ("kind", "position", "label_it", "title_it", "text_it", "label_en", "title_en", "text_en")
    ordering = ("kind", "position", "pk")
    tab = True


@admin.register(Service)
class ServiceAdmin(AuditedAdmin):
    list_display = ("name_it", "category", "kind", "pricing", "shown_price", "is_active", "position")
    list_filter = ("category", "kind", "pricing", "is_active", "subject")
    list_editable = ("position",)
    list_select_related = ("category",)
    search_fields = ("name_it", "name_en", "slug", "tagline_it")
    prepopulated_fields = {"slug": ("name_it",)}
    ordering = ("category__position", "position", "pk")
    inlines = (ServiceItemInline,)
    fieldsets = (
        (None, {"fields": (("category", "subject"), ("slug", "position", "is_active"))}),
        (_("Price"), {"fields": (("kind", "pricing"), ("price", "price_to"))}),
        (
            _("Italian"),
            {
                "fields": (
                    "name_it",
                    "tagline_it",
                    "lead_it",
                    "problem_it",
                    "solution_it",
                    ("audience_it", "duration_it"),
                    "law_note_it",
                    "seo_it",
                ),
                "classes": ("tab",),
            },
        ),
        (
            _("English"),
            {
                "fields": (
                    "name_en",
                    "tagline_en",
                    "lead_en",
                    "problem_en",
                    "solution_en",
                    ("audience_en", "duration_en"),
                    "law_note_en",
                    "seo_en",
                ),
                "classes": ("tab",),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj=None):
        return () if request.user.has_perm("billing.set_price") else ("kind", "pricing", "price", "price_to")

    @display(description=_("price"), ordering="price")
    def shown_price(self, service: Service):
        return "–" if service.price is None else eur(service.price)


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = ("description", "quantity", "price")
    readonly_fields = ("price",)
    verbose_name_plural = _("Lines of the order")

    price = amount("unit_price", _("net price"))


class OrderEventInline(ReadOnlyInline):
    model = OrderEvent
    fields = ("at", "kind", "actor", "text")
    ordering = ("at", "pk")
    verbose_name_plural = _("History")


@display(description=_("why there is no invoice"))
def invoice_error(payment: Payment):
    request = getattr(payment, "invoice_request", None)
    return (request and request.last_error) or "–"


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = (
        "status_badge", "shown_amount", "card", "three_d_secure", "flag", "invoice_link", invoice_error,
        "succeeded_at",
    )  # fmt: skip
    readonly_fields = fields

    status_badge = badge("status", _("status"), _PAYMENT_LOOKS)
    shown_amount = amount("amount", _("amount"))

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("invoice", "invoice_request")

    @display(description=_("invoice"))
    def invoice_link(self, payment: Payment):
        if not payment.invoice:
            return "–"
        url = reverse("admin:invoicing_invoice_change", args=[payment.invoice_id])
        return format_html('<a href="{}">{}</a>', url, payment.invoice)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    view_on_site = False  # the customer's page is the customer's alone
    list_display = ("number", "created_at", "user", "buyer", "status_badge", "total")
    list_filter = ("status", "kind")
    search_fields = ("number", "user__email", "company_name", "last_name", "vat_number")
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "status_badge", "user"),
                    ("created_at", "terms_accepted_at"),
                    ("net", "vat_percent", "vat", "total"),
                )
            },
        ),
        (
            _("Billed to"),
            {
                "fields": (
                    "buyer",
                    ("vat_number", "tax_code"),
                    ("recipient_code", "pec"),
                    ("street", "postcode", "city", "province", "country"),
                )
            },
        ),
    )
    readonly_fields = ("buyer", "status_badge", "net", "vat_percent", "vat", "total")
    inlines = (OrderLineInline, PaymentInline, OrderEventInline)
    actions_detail = ("start_work", "complete_work", "share_document", "cancel_order")

    status_badge = badge("status", _("status"), _ORDER_LOOKS)
    share_document = share_button(lambda order: order.user, lambda order: order.number)
    net = amount("net_amount", _("net"))
    vat = amount("vat_amount", _("VAT"))
    total = amount("gross_amount", _("total"))

    @display(description=_("billed to"))
    def buyer(self, order: Order):
        return order.display_name

    @display(description=_("VAT rate"))
    def vat_percent(self, order: Order):
        return rate(order.vat_rate)

    @confirmed_action(
        needs="billing.advance_order",
        description=_("Start work"),
        question=_("The customer sees the order as in progress. There is no way back to “paid”."),
        is_offered=lambda order: Order.Status.PROCESSING in Order.ALLOWED[order.status],
    )
    def start_work(self, request: HttpRequest, order: Order) -> str:
        return self._advance(request, order, Order.Status.PROCESSING)

    @confirmed_action(
        needs="billing.advance_order",
        description=_("Work completed"),
        question=_("The customer sees the order as completed. There is no way back."),
        is_offered=lambda order: Order.Status.COMPLETED in Order.ALLOWED[order.status],
    )
    def complete_work(self, request: HttpRequest, order: Order) -> str:
        return self._advance(request, order, Order.Status.COMPLETED)

    @confirmed_action(
        needs="billing.cancel_order",
        description=_("Cancel order"),
        question=_("The order and its payment at Stripe are cancelled; the customer cannot pay any more."),
        is_offered=lambda order: Order.Status.CANCELLED in Order.ALLOWED[order.status],
        variant=ActionVariant.DANGER,
    )
    def cancel_order(self, request: HttpRequest, order: Order) -> str:
        payments.cancel_order(order=order, actor=request.user, now=timezone.now())
        return gettext("Done, and written into the order's history.")

    def _advance(self, request: HttpRequest, order: Order, status: Order.Status) -> str:
        services.advance_order(order=order, status=status, actor=request.user, now=timezone.now())
        return gettext("Done, and written into the order's history.")


class FlaggedFilter(admin.SimpleListFilter):
    title = _("to check")
    parameter_name = "flagged"

    def lookups(self, request, model_admin):
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.exclude(flag="") if self.value() == "yes" else queryset.filter(flag="")


class UninvoicedFilter(YesFilter):
    title = _("paid without invoice")
    parameter_name = "uninvoiced"

    def narrow(self, queryset):
        return queryset.without_invoice()


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "order", "shown_amount", "status_badge", "card", "flag", "invoice")
    list_filter = ("status", FlaggedFilter, UninvoicedFilter, "three_d_secure")
    search_fields = ("order__number", "stripe_payment_intent_id", "order__user__email")
    list_select_related = ("order", "invoice", "invoice_request")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    fieldsets = (
        (None, {"fields": (("order", "invoice"), ("status_badge", "shown_amount", "succeeded_at"))}),
        (_("Card"), {"fields": (("card", "three_d_secure"), "error")}),
        (_("To check"), {"fields": ("flag", invoice_error)}),
        ("Stripe", {"fields": (("stripe_payment_intent_id", "created_at"),)}),
    )
    readonly_fields = ("status_badge", "shown_amount", invoice_error)
    actions_detail = ("invoice_again",)

    status_badge = badge("status", _("status"), _PAYMENT_LOOKS)
    shown_amount = amount("amount", _("amount"))

    @confirmed_action(
        needs="invoicing.issue_invoice",
        description=_("Issue the invoice"),
        question=_("The invoice gets its number and is sent to SDI. It can be corrected by a credit note only."),
        is_offered=lambda payment: hasattr(payment, "invoice_request") and not payment.invoice_id,
    )
    def invoice_again(self, request: HttpRequest, payment: Payment) -> str:
        invoice = payments.invoice_again(payment=payment)
        self.record(request, payment, "invoiced")
        return gettext("Invoice %(number)s is issued.") % {"number": invoice}


@admin.register(StripeEvent)
class StripeEventAdmin(QueueAdmin):
    list_display = ("event_id", "type", "received_at", "state_badge", "attempts", "done_at", "last_error")
    list_filter = ("state", "type")
    search_fields = ("event_id", "type")
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    fields = (
        ("event_id", "type"), ("state_badge", "attempts", "next_try_at"), ("received_at", "done_at"),
        "last_error", "mirror_error", "payload",
    )  # fmt: skip
    readonly_fields = ("state_badge",)

    try_again = another_try(
        description=_("Process again"),
        question=_("The event is worked on once more. What it already did is not done twice."),
        answer=_("The event is back in the queue."),
        verb="retried",
        is_offered=lambda event: event.state == StripeEvent.State.FAILED or event.mirror_error != "",
        revive=lambda event: payments.retry_event(event_id=event.pk),
    )


@admin.register(*MIRRORED)
class MirrorAdmin(ReadOnlyAdmin):
    """Stripe's objects as Stripe has them, for comparing with ours."""

    list_display = ("id", "created", "livemode")
    list_filter = ("livemode",)
    search_fields = ("id",)
    ordering = ("-created", "-pk")
    fields = ("id", "created", "livemode", "stripe_data")
