"""Shapes of the invoices API."""

from typing import Any

from rest_framework import serializers

from invoicing.models import Invoice


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    order = serializers.CharField(source="reference", read_only=True)

    class Meta:
        model = Invoice
        fields = (
            "number", "document_type", "issue_date", "order", "net_amount", "vat_amount", "gross_amount", "state",
            "sdi_identifier",
        )  # fmt: skip
        read_only_fields = fields


class TimelineStepSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    title = serializers.CharField()
    text = serializers.CharField()
    mark = serializers.CharField()
