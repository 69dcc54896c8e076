"""How a program in the browser gets the CSRF token that the API asks of whoever comes with the session cookie."""

from typing import Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response


class CsrfTokenSerializer(serializers.Serializer[Any]):
    csrf_token = serializers.CharField(help_text="For the header X-CSRFToken.")


@extend_schema(operation_id="auth_csrf_retrieve", responses=CsrfTokenSerializer, tags=["auth"], auth=[{}])  # type: ignore[list-item]
@api_view(["GET"])
@permission_classes([AllowAny])
def show_token(request: Request) -> Response:
    """The token to send as `X-CSRFToken` with every POST, PUT, PATCH and DELETE that comes with the session cookie.

    For pages of this origin, guests included. It changes when somebody signs in: ask for it again then. Requests with
    an access token need none.
    """
    body = CsrfTokenSerializer({"csrf_token": get_token(request._request)}).data
    return Response(body, headers={"Cache-Control": "no-store"})
