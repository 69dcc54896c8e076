"""Request ids and the headers that no view should have to remember."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from core.logs import request_id

_USABLE = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, taken from `X-Request-ID` when a proxy sent a sane one, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        identifier = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
        # never taken back: Django logs a refusal after the last middleware, and the next request has its own context
        request_id.set(identifier)
        response = self.get_response(request)
        response["X-Request-ID"] = identifier
        return response


class PrivatePagesMiddleware:
    """Keeps what a signed-in person sees out of every cache (ASVS 14.3.2)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user = getattr(request, "user", None)
        signed_in = "Authorization" in request.headers or (user is not None and user.is_authenticated)
        if signed_in and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=(), browsing-topics=()"
        )
        return response
