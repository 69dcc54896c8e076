"""The API door of billing."""

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.current_user import require_user
from billing.models import Cart, Order, Service
from billing.ordering import services
from billing.payments import services as payments
from billing.serializers import (
    CartItemSerializer,
    CartSerializer,
    OrderSerializer,
    PaymentIntentSerializer,
    PlaceOrderSerializer,
    ServiceSerializer,
)
from core.web.languages import current_language
from core.web.rest import validate_request


@extend_schema(tags=["services"], auth=[])
class ServiceList(ListAPIView[Service]):
    """What is on offer, in the order of the catalogue."""

    permission_classes = [AllowAny]
    serializer_class = ServiceSerializer
    queryset = Service.objects.none()

    def get_queryset(self) -> Any:
        return Service.objects.listed()


@extend_schema(tags=["services"], auth=[])
class ServiceDetail(RetrieveAPIView[Service]):
    """One service by its slug."""

    permission_classes = [AllowAny]
    serializer_class = ServiceSerializer
    queryset = Service.objects.none()
    lookup_field = "slug"

    def get_queryset(self) -> Any:
        return Service.objects.listed()


@extend_schema(methods=["GET"], responses=CartSerializer, tags=["orders"])
@extend_schema(methods=["PUT"], request=CartItemSerializer, responses=CartSerializer, tags=["orders"])
@api_view(["GET", "PUT"])
def cart(request: Request) -> Response:
    """The caller's cart; PUT sets the quantity of one service, 0 takes it out. Prices are the catalogue's."""
    user_cart = services.find_cart(token=None, user=require_user(request))
    if request.method == "PUT":
        values = validate_request(CartItemSerializer, request)
        service = get_object_or_404(Service, slug=values["service"], is_active=True)
        user_cart = services.put_into_cart(
            cart=user_cart, user=require_user(request), service=service, quantity=values["quantity"]
        )
    return Response(CartSerializer(_cart_view(user_cart)).data)


def _cart_view(cart: Cart | None) -> dict[str, Any]:
    return {"lines": list(cart.lines()) if cart else [], **services.cart_sums(cart)}


@extend_schema(tags=["orders"])
class OrderList(ListAPIView[Order]):
    """The caller's orders, newest first."""

    serializer_class = OrderSerializer
    queryset = Order.objects.none()

    def get_queryset(self) -> Any:
        mine = Order.objects.visible_to(self.request.user)
        return mine.prefetch_related("lines__service", "payments__invoice").order_by("-created_at", "-pk")

    @extend_schema(request=PlaceOrderSerializer, responses={201: OrderSerializer}, tags=["orders"])
    def post(self, request: Request) -> Response:
        """Place an order from the cart, billed to the profile."""
        values = validate_request(PlaceOrderSerializer, request)
        order = services.place_order(
            user=require_user(request),
            language=current_language(),
            terms_accepted=values["terms_accepted"],
            now=timezone.now(),
        )
        return Response(OrderSerializer(order).data, status=201)


@extend_schema(tags=["orders"])
class OrderDetail(RetrieveAPIView[Order]):
    """One order by its number."""

    serializer_class = OrderSerializer
    queryset = Order.objects.none()
    lookup_field = "number"

    def get_queryset(self) -> Any:
        return Order.objects.visible_to(self.request.user).prefetch_related("lines__service", "payments__invoice")


@extend_schema(request=None, responses=PaymentIntentSerializer, tags=["orders"])
@api_view(["POST"])
def payment_intent(request: Request, number: str) -> Response:
    """The order's PaymentIntent, to be confirmed with Stripe.js; Stripe's event marks the order paid."""
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    intent = payments.prepare_payment(order=order)
    key = settings.STRIPE_PUBLISHABLE_KEY
    answer = {"client_secret": intent.client_secret, "publishable_key": key, "status": intent.status}
    return Response(PaymentIntentSerializer(answer).data)


@extend_schema(request=None, responses=OrderSerializer, tags=["orders"])
@api_view(["POST"])
def cancel(request: Request, number: str) -> Response:
    """Cancel an order that is not paid."""
    order = get_object_or_404(Order.objects.visible_to(request.user), number=number)
    payments.cancel_order(order=order, actor=require_user(request), now=timezone.now())
    order.refresh_from_db()
    return Response(OrderSerializer(order).data)
