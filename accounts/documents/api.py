"""Documents over the API: a customer's own, described and to download, and sending more."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import api_view
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.current_user import require_user
from accounts.documents import services
from accounts.documents.downloads import version_response
from accounts.documents.limits import check_upload_allowed
from accounts.documents.serializers import CustomerDocumentSerializer, UploadSerializer
from accounts.models import CustomerDocument
from core.web.rest import validate_request

_VERSION = {
    "number": 1, "name": "organigramma.pdf", "kind": "pdf", "size": 48213, "added_at": "2026-11-24T09:00:00Z",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}  # fmt: skip
_UPLOAD = {
    "reference": "5b6f7c1e-3f0a-4d55-9a57-6f1c3b1f0d3e", "origin": "upload", "title": "organigramma.pdf",
    "note": "As of November.", "order_number": "", "created_at": "2026-11-24T09:00:00Z",
    "changed_at": "2026-11-24T09:00:00Z", "opened_at": None, "is_new": False, "may_be_deleted": True,
    "versions": [_VERSION],
}  # fmt: skip
_DELIVERABLE = _UPLOAD | {
    "reference": "c0a8f3d2-7d0e-4b2b-8a39-2f6f0f7f9b11", "origin": "deliverable", "title": "NIS2 gap analysis",
    "note": "", "order_number": "ORD-2026-00001", "is_new": True, "may_be_deleted": False,
    "versions": [_VERSION | {"number": 2, "name": "gap-analysis.pdf"}],
}  # fmt: skip
_SENT = OpenApiExample("sent", value=_UPLOAD, response_only=True)
_DELIVERED = OpenApiExample("delivered", value=_DELIVERABLE, response_only=True)


class DocumentList(ListAPIView[CustomerDocument]):
    serializer_class = CustomerDocumentSerializer
    queryset = CustomerDocument.objects.none()
    parser_classes = (MultiPartParser,)

    def get_queryset(self) -> Any:
        return CustomerDocument.objects.visible_to(self.request.user).for_list()

    @extend_schema(tags=["me"], examples=[_DELIVERED, _SENT])
    def get(self, request: Request) -> Response:
        """What was delivered and what was sent, the newest first. Listing opens nothing."""
        return super().list(request)

    @extend_schema(
        tags=["me"],
        request={"multipart/form-data": UploadSerializer},
        responses={
            201: OpenApiResponse(CustomerDocumentSerializer, "Kept.", [_SENT]),
            200: OpenApiResponse(CustomerDocumentSerializer, "The very same file was there already.", [_SENT]),
        },
    )
    def post(self, request: Request) -> Response:
        """Send a file. The same file under the same name is kept once: a repeated request does no harm."""
        user = require_user(request)
        values = validate_request(UploadSerializer, request)
        check_upload_allowed(user)
        addition = services.upload_document(
            customer=user, file=values["file"], note=values.get("note", ""), now=timezone.now()
        )
        status = HTTPStatus.CREATED if addition.is_new else HTTPStatus.OK
        return Response(CustomerDocumentSerializer(addition.document).data, status=status)


@extend_schema(methods=["GET"], responses=CustomerDocumentSerializer, examples=[_DELIVERED, _SENT], tags=["me"])
@extend_schema(methods=["DELETE"], responses={204: None}, tags=["me"])
@api_view(["GET", "DELETE"])
def document(request: Request, reference: UUID) -> Response:
    """One document; with that a delivery counts as read. DELETE takes back what was sent, until staff open it."""
    user = require_user(request)
    visible = CustomerDocument.objects.visible_to(user).prefetch_related("versions")
    own_document = get_object_or_404(visible, reference=reference)
    if request.method == "DELETE":
        services.delete_upload(document=own_document, actor=user)
        return Response(status=HTTPStatus.NO_CONTENT)
    data = CustomerDocumentSerializer(own_document).data
    services.mark_opened(document=own_document, actor=user, now=timezone.now())
    return Response(data)


@extend_schema(
    operation_id="me_documents_download",
    responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    tags=["me"],
)
@api_view(["GET"])
def download(request: Request, reference: UUID, version: int) -> HttpResponseBase:
    """The file of a version, as it came."""
    user = require_user(request)
    own_document = get_object_or_404(CustomerDocument.objects.visible_to(user), reference=reference)
    return version_response(request._request, own_document, version, user)
