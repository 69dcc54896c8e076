"""Lets pages of the sites in CHAT_EMBED_ORIGINS reach the widget's doors, and no others, without credentials."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from chatbot.conversations.callers import KEY_HEADER, is_embedded

_DOORS = re.compile(
    r"/api/v1/chat/(?:widget|messages(?:/[0-9a-f-]{36}/feedback)?|conversations(?:/current|/[0-9a-f-]{36}/handoff)?)"
)
_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": f"Content-Type, {KEY_HEADER}",
    "Access-Control-Max-Age": "600",
}


class EmbeddingMiddleware:
    """Answers the browser's question before it sends (preflight), and says who may read the answer.

    The doors themselves decide what such a caller may do: `chatbot.conversations.callers` takes them for guests.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _DOORS.fullmatch(request.path):
            return self.get_response(request)
        may_read = is_embedded(request)
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = HttpResponse(status=204) if may_read and is_preflight else self.get_response(request)
        patch_vary_headers(response, ("Origin",))
        if may_read:
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response["Access-Control-Expose-Headers"] = "Retry-After"
            if is_preflight:
                for name, value in _ALLOWED.items():
                    response[name] = value
        return response
