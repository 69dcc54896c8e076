"""The back office's view of catalogue, orders and payments.

Money and states change by actions that call the services.
"""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from billing import payments, services
from billing.models import Category, Order, OrderEvent, OrderLine, Payment, Service, ServiceItem, StripeEvent
from core.admin import AuditedAdmin, ReadOnlyAdmin, ReadOnlyInline
from core.errors import DomainError
from core.templatetags.ui import eur

_ORDER_LABELS = {
    "awaiting_payment": "warning",
    "paid": "info",
    "processing": "info",
    "completed": "success",
    "cancelled": "danger",
}
_PAYMENT_LABELS = {
    "created": "info",
    "requires_action": "warning",
    "processing": "info",
    "failed": "warning",
    "canceled": "danger",
    "succeeded": "success",
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

    @display(description=_("price"), ordering="price")
    def shown_price(self, service: Service):
        return "–" if service.price is None else eur(service.price)


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = ("description", "quantity", "unit_price")


class OrderEventInline(ReadOnlyInline):
    model = OrderEvent
    fields = ("at", "kind", "actor", "text")
    ordering = ("at", "pk")
    verbose_name_plural = _("History")


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = ("status", "amount", "card", "three_d_secure", "flag", "invoice_link", "invoice_error", "succeeded_at")
    readonly_fields = fields

    @display(description=_("invoice"))
    def invoice_link(self, payment: Payment):
        if not payment.invoice:
            return "–"
        url = reverse("admin:invoicing_invoice_change", args=[payment.invoice_id])
        return format_html('<a href="{}">{}</a>', url, payment.invoice)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
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
                    ("number", "status"),
                    ("user", "created_at", "terms_accepted_at"),
                    ("net_amount", "vat_rate", "vat_amount", "gross_amount"),
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
    readonly_fields = ("buyer",)
    inlines = (OrderLineInline, PaymentInline, OrderEventInline)
    actions_detail = ("start_work", "complete_work", "cancel_order")

    @display(description=_("customer"))
    def buyer(self, order: Order):
        return order.display_name

    @display(description=_("total"), ordering="gross_amount")
    def total(self, order: Order):
        return eur(order.gross_amount)

    @display(description=_("status"), ordering="status", label=_ORDER_LABELS)
    def status_badge(self, order: Order):
        return order.status, order.get_status_display()

    @action(description=_("Start work"), permissions=["advance"])
    def start_work(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._advance(request, object_id, Order.Status.PROCESSING)

    @action(description=_("Work completed"), permissions=["advance"])
    def complete_work(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._advance(request, object_id, Order.Status.COMPLETED)

    @action(description=_("Cancel order"), permissions=["advance"])
    def cancel_order(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def cancel(order: Order) -> None:
            payments.cancel_order(order=order, actor=request.user, now=timezone.now())

        return self._do(request, object_id, cancel)

    def has_advance_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return bool(request.user.is_staff)

    def _advance(self, request: HttpRequest, object_id: int, status: Order.Status) -> HttpResponse:
        def advance(order: Order) -> None:
            services.advance_order(order=order, status=status, actor=request.user, now=timezone.now())

        return self._do(request, object_id, advance)

    def _do(self, request: HttpRequest, object_id: int, change) -> HttpResponse:
        try:
            change(Order.objects.get(pk=object_id))
        except DomainError as error:
            messages.error(request, str(error.message))
        else:
            messages.success(request, _("Done, and written into the order's history."))
        return redirect(reverse("admin:billing_order_change", args=[object_id]))


class FlaggedFilter(admin.SimpleListFilter):
    title = _("to check")
    parameter_name = "flagged"

    def lookups(self, request, model_admin):
        return [("yes", _("yes"))]

    def queryset(self, request, queryset):
        return queryset.exclude(flag="") if self.value() == "yes" else queryset


class UninvoicedFilter(admin.SimpleListFilter):
    title = _("paid without invoice")
    parameter_name = "uninvoiced"

    def lookups(self, request, model_admin):
        return [("yes", _("yes"))]

    def queryset(self, request, queryset):
        return queryset.exclude(invoice_error="") if self.value() == "yes" else queryset


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "order", "amount_eur", "status_badge", "card", "flag", "invoice")
    list_filter = ("status", FlaggedFilter, UninvoicedFilter, "three_d_secure")
    search_fields = ("order__number", "stripe_payment_intent_id", "order__user__email")
    list_select_related = ("order", "invoice")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    actions_detail = ("invoice_again",)

    @display(description=_("amount"), ordering="amount")
    def amount_eur(self, payment: Payment):
        return eur(payment.amount)

    @display(description=_("status"), ordering="status", label=_PAYMENT_LABELS)
    def status_badge(self, payment: Payment):
        return payment.status, payment.get_status_display()

    @action(description=_("Issue the invoice"), permissions=["invoice"])
    def invoice_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        payment = Payment.objects.select_related("order").get(pk=object_id)
        payments.invoice_payment(payment=payment, now=timezone.now())
        payment.refresh_from_db()
        if payment.invoice:
            messages.success(request, _("Invoice %(number)s is issued.") % {"number": payment.invoice})
        else:
            messages.error(request, payment.invoice_error or _("This payment cannot be invoiced."))
        return redirect(reverse("admin:billing_payment_change", args=[object_id]))

    def has_invoice_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return bool(request.user.is_staff)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("event_id", "type", "received_at", "state", "attempts", "done_at", "error")
    list_filter = ("state", "type")
    search_fields = ("event_id", "type")
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    actions_detail = ("process_again",)

    @action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        payments.retry_event(event_id=object_id, now=timezone.now())
        messages.success(request, _("The event is back in the queue."))
        return redirect(reverse("admin:billing_stripeevent_change", args=[object_id]))

    def has_process_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.is_staff)
