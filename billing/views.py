"""The HTML door of billing: catalogue, cart, checkout, orders."""

from contextlib import suppress

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.current_user import require_user, user_of
from accounts.forms import BillingProfileForm
from accounts.models import BillingProfile
from accounts.services import save_billing_profile
from billing.models import Category, Order, Payment, Service
from billing.ordering import services
from billing.ordering.carts import cart_of, remember_cart
from billing.ordering.page import order_page
from billing.ordering.timeline import order_timeline
from billing.payments import services as payments
from core.errors import DomainError
from core.web.languages import current_language


@login_not_required
@require_safe
def list_services(request: HttpRequest) -> HttpResponse:
    """The catalogue, narrowed by category and by words in either language."""
    queryset = Service.objects.listed()
    # PostgreSQL takes no NUL
    category_slug, words = (request.GET.get(name, "").replace("\0", "").strip()[:80] for name in ("categoria", "q"))
    if category_slug:
        queryset = queryset.filter(category__slug=category_slug)
    if words:
        queryset = queryset.matching(words)
    categories = Category.objects.order_by("position", "pk")
    context = {"services": queryset, "categories": categories, "chosen": category_slug, "words": words}
    return render(request, "billing/services.html", context)


@login_not_required
@require_safe
def show_service(request: HttpRequest, slug: str) -> HttpResponse:
    service = get_object_or_404(Service.objects.listed().prefetch_related("items"), slug=slug)
    parts: dict[str, list[object]] = {}
    for item in sorted(service.items.all(), key=lambda item: (item.position, item.pk)):
        parts.setdefault(item.kind, []).append(item)
    sums = services.sums_of(service.price) if service.is_buyable and service.price else None
    return render(request, "billing/service.html", {"service": service, "parts": parts, "sums": sums})


@login_not_required
@require_safe
def show_cart(request: HttpRequest) -> HttpResponse:
    cart = cart_of(request)
    lines = list(cart.lines()) if cart else []
    return render(request, "billing/cart.html", {"lines": lines, "sums": services.cart_sums(cart)})


@login_not_required
@require_POST
def add_to_cart(request: HttpRequest, slug: str) -> HttpResponse:
    service = get_object_or_404(Service, slug=slug, is_active=True)
    try:
        cart = services.add_to_cart(cart=cart_of(request), user=user_of(request), service=service)
    except DomainError as error:
        messages.error(request, str(error.message))
        return redirect(service)
    remember_cart(request, cart)
    messages.success(request, _("%(name)s is in your cart.") % {"name": service.name})
    return redirect("billing:show_cart")


@login_not_required
@require_POST
def change_cart(request: HttpRequest, slug: str) -> HttpResponse:
    cart, service = cart_of(request), get_object_or_404(Service, slug=slug)
    try:
        quantity = int(request.POST.get("quantity", ""))
    except ValueError:
        quantity = -1
    if cart:
        try:
            services.set_quantity(cart=cart, service=service, quantity=quantity)
        except DomainError as error:
            messages.error(request, str(error.message))
    return redirect("billing:show_cart")


@require_http_methods(["GET", "HEAD", "POST"])
def check_out(request: HttpRequest) -> HttpResponse:
    """Billing details and terms; the order is placed here, paid on the next page."""
    cart = cart_of(request)
    lines = list(cart.lines()) if cart else []
    if not lines:
        return redirect("billing:show_cart")
    profile = BillingProfile.objects.filter(user=require_user(request)).first()
    form = BillingProfileForm(request.POST if request.method == "POST" else None, instance=profile)
    terms = request.POST.get("terms") == "on"
    if request.method == "POST":
        if not terms:
            form.add_error(None, _("Please confirm that you have read the terms of sale."))
        if form.is_valid():
            try:
                return prepare_payment(request, _place(request, form, terms=terms).number)
            except DomainError as error:
                form.add_error(None, str(error.message))
    context = {"form": form, "lines": lines, "sums": services.cart_sums(cart), "terms": terms}
    return render(request, "billing/checkout.html", context, status=400 if form.errors else 200)


def _place(request: HttpRequest, form: BillingProfileForm, *, terms: bool) -> Order:
    save_billing_profile(user=require_user(request), values=form.cleaned_data)
    return services.place_order(
        user=require_user(request), language=current_language(), terms_accepted=terms, now=timezone.now()
    )


@never_cache
@require_safe
def pay_order(request: HttpRequest, number: str) -> HttpResponse:
    """The Payment Element. Nothing on this page marks the order paid: Stripe's event does."""
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    if not order.is_payable:
        return redirect(order)
    intent = payments.find_intent(order)
    if intent is None:
        error = payments.PaymentProviderDownError()
        return render(request, "billing/pay.html", {"order": order, "error": error.message}, status=error.status)
    element = {
        "publishableKey": settings.STRIPE_PUBLISHABLE_KEY,
        "clientSecret": intent.client_secret,
        "returnUrl": request.build_absolute_uri(order.get_absolute_url()),
        "locale": translation.get_language(),
        "failed": _("The payment did not go through. Nothing has been charged: try another card."),
    }
    if intent.status in ("succeeded", "processing"):
        return redirect(order)
    context = {
        "order": order,
        "element": element,
        "lines": order.lines.order_by("pk"),
        "stripe_js": settings.STRIPE_JS_URL,
    }
    return render(request, "billing/pay.html", context)


@require_POST
def prepare_payment(request: HttpRequest, number: str) -> HttpResponse:
    """Make the order payable at Stripe: after the checkout, or once more when Stripe did not answer then."""
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    with suppress(DomainError):  # the page it leads to says what is wrong
        payments.prepare_payment(order=order)
    return redirect("billing:pay_order", order.number)


@require_safe
def list_orders(request: HttpRequest) -> HttpResponse:
    page = Paginator(Order.objects.visible_to(request.user).for_table(), 20).get_page(request.GET.get("pagina"))
    return render(request, "billing/orders.html", {"page": page, "section": "orders"})


def _find_payment(order: Order) -> Payment | None:
    """The order's payment, with the invoice that stands for it now."""
    payment = order.payments.exclude(status="canceled").select_related("invoice").first()
    if payment and payment.invoice:
        payment.invoice = payment.invoice.successor()
    return payment


@never_cache
@require_safe
def show_order(request: HttpRequest, number: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    payment = _find_payment(order)
    has_failed = order.is_payable and request.GET.get("redirect_status") == "failed"
    just_paid = order.is_payable and "payment_intent" in request.GET and not has_failed
    # where the switches of language and theme lead back to: Stripe's secret in the address stays out of the page
    here = f"{request.path}?payment_intent=" if just_paid else request.path
    context = {
        "order": order,
        "lines": order.lines.order_by("pk"),
        "payment": payment,
        "invoice": payment.invoice if payment else None,
        "steps": order_timeline(order, payment),
        "order_page": order_page(order, payment, has_failed=has_failed, just_paid=just_paid, here=here),
        "here": here,
        "section": "orders",
    }
    return render(request, "billing/order.html", context)


@never_cache
@require_safe
def order_state(request: HttpRequest, number: str) -> JsonResponse:
    """What the waiting page asks: where the order is, and whether anything has changed."""
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    payment = _find_payment(order)
    invoice = payment.invoice if payment else None
    return JsonResponse(
        {
            "status": order.status,
            "payment": payment.status if payment else "",
            "invoice": invoice.number if invoice else "",
            "invoice_state": invoice.state if invoice else "",
        }
    )


@require_POST
def cancel_order(request: HttpRequest, number: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    try:
        payments.cancel_order(order=order, actor=require_user(request), now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _("Order %(number)s is cancelled.") % {"number": order.number})
    return redirect(order)
