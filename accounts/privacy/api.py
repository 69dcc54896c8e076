"""The API door to a person's own data."""

from typing import Any

from django.http import Http404, HttpResponseBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.current_user import require_user
from accounts.login.limits import check_login_allowed, check_mail_allowed
from accounts.login.origin import origin_of
from accounts.models import AccountErasure, DataExport
from accounts.privacy import erasure, exports
from accounts.privacy.downloads import export_response
from accounts.serializers import DataExportSerializer, ErasureSerializer, LinkSerializer, PasswordSerializer
from core.web.rest import validate_request


@extend_schema(methods=["GET"], responses=DataExportSerializer, tags=["me"])
@extend_schema(methods=["POST"], request=None, responses={202: DataExportSerializer}, tags=["me"])
@api_view(["GET", "POST"])
def export(request: Request) -> Response:
    """The newest copy of the person's data; POST asks for a new one, once a day. A mail says when it is ready."""
    user, now = require_user(request), timezone.now()
    if request.method == "POST":
        new_export = exports.request_export(user=user, now=now)
        return Response(_serialize_export(new_export), status=202)
    newest = exports.newest_export(user)
    if newest is None:
        raise Http404
    return Response(_serialize_export(newest))


@extend_schema(
    operation_id="me_export_download", responses={(200, "application/zip"): OpenApiTypes.BINARY}, tags=["me"]
)
@api_view(["GET"])
def download_export(request: Request, reference: str) -> HttpResponseBase:
    """The copy itself, a ZIP; there for a week."""
    return export_response(request._request, require_user(request), reference)


@extend_schema(methods=["GET"], responses=ErasureSerializer, tags=["me"])
@extend_schema(methods=["POST"], request=PasswordSerializer, responses={202: None}, tags=["me"])
@extend_schema(methods=["DELETE"], responses={204: None}, tags=["me"])
@api_view(["GET", "POST", "DELETE"])
@sensitive_variables("values")
def erase(request: Request) -> Response:
    """What deletion would do, and whether one waits. POST mails the link that confirms, DELETE calls it off."""
    user, now = require_user(request), timezone.now()
    if request.method == "DELETE":
        erasure.cancel_erasure(user=user, now=now)
        return Response(status=204)
    if request.method == "POST":
        values = validate_request(PasswordSerializer, request)
        check_login_allowed(request._request)
        check_mail_allowed(request._request, user.email)
        erasure.request_erasure(user=user, **values, origin=origin_of(request._request), now=now)
        return Response(status=202)
    return Response(_serialize_plan(erasure.waiting_erasure(user), erasure.plan_for(user=user, now=now)))


@extend_schema(request=LinkSerializer, responses=ErasureSerializer, tags=["me"])
@api_view(["POST"])
def confirm_erasure(request: Request) -> Response:
    """Begin the week of waiting with the token of the mailed link; until its end DELETE calls it off."""
    user, now = require_user(request), timezone.now()
    account_erasure = erasure.confirm_erasure(user=user, **validate_request(LinkSerializer, request), now=now)
    return Response(_serialize_plan(account_erasure, erasure.plan_for(user=user, now=now)))


def _serialize_export(data_export: DataExport) -> Any:
    return DataExportSerializer(data_export).data


def _serialize_plan(account_erasure: AccountErasure | None, plan: erasure.Plan) -> Any:
    lines = [
        {"title": line.category.title, "outcome": line.category.outcome, "why": line.category.why, "count": line.count}
        for line in plan.lines
    ]
    blockers = [{"text": blocker.text, "path": blocker.path} for blocker in plan.blockers]
    due_at = account_erasure.due_at if account_erasure else None
    return ErasureSerializer({"due_at": due_at, "lines": lines, "blockers": blockers}).data
