"""Pages for requests that reach no view, or that no view answers: without session, user or other middleware."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import get_language_from_request

from core.web.problems import problem_response

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def plain_error(
    request: HttpRequest, status: int, code: str, title: str | Promise, text: str | Promise
) -> HttpResponse:
    """An error as problem+json below /api/, as a page elsewhere; lazy texts come in the reader's language."""
    with translation.override(get_language_from_request(request)):
        if request.path.startswith("/api/"):
            response: HttpResponse = problem_response(status, code, str(title))
        else:
            context = {"status": status, "title": title, "text": text, "language": translation.get_language()}
            response = HttpResponse(render_to_string("plain_error.html", context), status=status)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
