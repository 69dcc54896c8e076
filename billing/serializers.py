"""Shapes of the billing API. Prices, owners and states are never writable."""

from typing import Any

from rest_framework import serializers

from billing.models import Category, Order, OrderLine, Service
from billing.models.orders import MAX_QUANTITY


class ServiceSerializer(serializers.ModelSerializer[Service]):
    category: serializers.SlugRelatedField[Category] = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    name = serializers.CharField(read_only=True)
    tagline = serializers.CharField(read_only=True)
    lead = serializers.CharField(read_only=True)

    class Meta:
        model = Service
        fields = (
            "slug", "category", "subject", "kind", "pricing", "price", "price_to", "name", "tagline", "lead",
            "is_buyable",
        )  # fmt: skip
        read_only_fields = fields


class CartItemSerializer(serializers.Serializer[Any]):
    service = serializers.SlugField()
    quantity = serializers.IntegerField(min_value=0, max_value=MAX_QUANTITY, default=1)


class CartLineSerializer(serializers.Serializer[Any]):
    service = serializers.CharField(source="service.slug")
    name = serializers.CharField(source="service.name")
    quantity = serializers.IntegerField()
    unit_price = serializers.DecimalField(source="service.price", max_digits=12, decimal_places=2)
    net_amount = serializers.DecimalField(max_digits=12, decimal_places=2)


class CartSerializer(serializers.Serializer[Any]):
    lines = CartLineSerializer(many=True)
    net_amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    vat_rate = serializers.DecimalField(max_digits=5, decimal_places=2)
    vat_amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    gross_amount = serializers.DecimalField(max_digits=12, decimal_places=2)


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    service: serializers.SlugRelatedField[Service] = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    net_amount = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)

    class Meta:
        model = OrderLine
        fields = ("service", "description", "quantity", "unit_price", "net_amount")
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, read_only=True)
    invoice = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = (
            "number", "status", "net_amount", "vat_rate", "vat_amount", "gross_amount", "created_at", "invoice",
            "lines",
        )  # fmt: skip
        read_only_fields = fields

    def get_invoice(self, order: Order) -> str | None:
        invoices = (payment.invoice.successor() for payment in order.payments.all() if payment.invoice)
        return next((invoice.number for invoice in invoices), None)


class PlaceOrderSerializer(serializers.Serializer[Any]):
    terms_accepted = serializers.BooleanField()


class PaymentIntentSerializer(serializers.Serializer[Any]):
    client_secret = serializers.CharField()
    publishable_key = serializers.CharField()
    status = serializers.CharField()
