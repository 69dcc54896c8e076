"""Errors of the API as problem+json (RFC 9457): `type`, `title`, `status`, a stable `code`, and `errors` by field."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from core.errors import DomainError

CONTENT_TYPE = "application/problem+json"
_RESPONSE_HEADERS = ("Retry-After", "WWW-Authenticate", "Allow")


def problem(status: int, code: str, title: str, **more: Any) -> dict[str, Any]:
    """The body of one problem; `more` carries `errors`, a list of {"field", "code", "message"}."""
    return {"type": f"urn:problem:{code}", "title": title, "status": status, "code": code, **more}


def problem_response(status: int, code: str, title: str, **more: Any) -> JsonResponse:
    """The same as an answer, for views outside the API framework."""
    return JsonResponse(problem(status, code, title, **more), status=status, content_type=CONTENT_TYPE)


def refuse(error: DomainError | exceptions.APIException) -> HttpResponse:
    """A refusal by the same words, for a view outside the API framework."""
    response = handle(error, {})
    assert response is not None
    body = JsonResponse(response.data, status=response.status_code, content_type=CONTENT_TYPE)
    for name in _RESPONSE_HEADERS:
        if name in response:
            body[name] = response[name]
    return body


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler: every refusal as problem+json; None (a bug) goes on to become a 500."""
    if isinstance(exc, DomainError):
        return _domain_error(exc)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    response = exception_handler(exc, context)
    if response is None:
        return None
    status = response.status_code
    if isinstance(exc, exceptions.ValidationError):
        body = problem(
            status, "invalid", _("Some fields need correction."), errors=list(_field_errors(exc.get_full_details()))
        )
    else:
        codes = exc.get_codes()
        body = problem(status, codes if isinstance(codes, str) else "error", str(exc.detail))
    return _as_problem(body, status, dict(response.headers))


def _domain_error(error: DomainError) -> Response:
    message = str(error.message)
    errors = [{"field": error.field, "code": error.code, "message": message}] if error.field else []
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
    return _as_problem(problem(error.status, error.code, message, errors=errors), error.status, headers)


def _as_problem(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    response_headers: dict[str, str] = {name: headers[name] for name in _RESPONSE_HEADERS if name in headers}
    return Response(body, status=status, content_type=CONTENT_TYPE, headers=response_headers)


def _field_errors(details: Any, field: str = "") -> Any:
    """Flatten the framework's nested details to {"field": "lines.0.quantity", "code", "message"}."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {"field": field, "code": str(details["code"]), "message": str(details["message"])}
    elif isinstance(details, dict):
        for name, inner in details.items():
            yield from _field_errors(inner, f"{field}.{name}".strip(".") if name != "non_field_errors" else field)
    else:
        for position, inner in enumerate(details):
            nested = isinstance(inner, dict) and set(inner) != {"message", "code"}
            yield from _field_errors(inner, f"{field}.{position}" if nested else field)


def not_found(_request: HttpRequest) -> JsonResponse:
    """For an API address that does not exist."""
    return problem_response(HTTPStatus.NOT_FOUND, "not_found", _("There is nothing at this address."))


def server_error(_request: HttpRequest) -> JsonResponse:
    """For a bug: no detail leaves the house, the request id finds it in the log."""
    return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", _("Something went wrong on our side."))
