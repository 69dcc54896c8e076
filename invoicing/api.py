"""The API door of invoicing."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.courtesy_copy import draw_pdf
from invoicing.downloads import file_response
from invoicing.models import Invoice
from invoicing.serializers import InvoiceSerializer, TimelineStepSerializer
from invoicing.timeline import invoice_steps


@extend_schema(tags=["invoices"])
class InvoiceList(ListAPIView[Invoice]):
    """The caller's invoices, newest first."""

    serializer_class = InvoiceSerializer
    queryset = Invoice.objects.none()

    def get_queryset(self) -> Any:
        return Invoice.objects.visible_to(self.request.user).order_by("-issue_date", "-pk")


@extend_schema(tags=["invoices"])
class InvoiceDetail(RetrieveAPIView[Invoice]):
    """One invoice by its number."""

    serializer_class = InvoiceSerializer
    queryset = Invoice.objects.none()
    lookup_field = "number"

    def get_queryset(self) -> Any:
        return Invoice.objects.visible_to(self.request.user)


@extend_schema(
    operation_id="invoices_download",
    parameters=[OpenApiParameter("kind", location=OpenApiParameter.PATH, enum=("pdf", "xml"))],
    responses={(200, kind): OpenApiTypes.BINARY for kind in ("application/pdf", "application/xml")},
    tags=["invoices"],
)
@api_view(["GET"])
def download(request: Request, number: str, kind: str) -> HttpResponse:
    """The stored XML or its courtesy copy."""
    invoice = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    return file_response(draw_pdf(invoice=invoice) if kind == "pdf" else invoice.current_file().xml)


@extend_schema(tags=["invoices"], responses=TimelineStepSerializer(many=True))
@api_view(["GET"])
def timeline(request: Request, number: str) -> Response:
    """What has happened to the invoice so far, oldest first."""
    invoice = get_object_or_404(Invoice.objects.visible_to(request.user), number=number)
    return Response(TimelineStepSerializer(invoice_steps(invoice), many=True).data)
