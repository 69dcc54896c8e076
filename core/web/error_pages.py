"""Pages for requests that reach no view, or that no view answers: without session, user or other middleware.

They bring their style along: at a name that is not ours the browser gets no file from us either.
"""

import secrets
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_from_request

from core.web.problems import problem_response

_HEADERS = {
    "Cache-Control": "no-store",
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
            nonce = secrets.token_urlsafe(16)
            context = {
                "status": status, "title": title, "text": text, "language": translation.get_language(),
                "styles": _styles(), "nonce": nonce, "home": settings.SITE_URL,
            }  # fmt: skip
            response = HttpResponse(render_to_string("plain_error.html", context), status=status)
            response.headers["Content-Security-Policy"] = (
                f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'"
            )
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@cache
def _styles() -> SafeString:
    """Colours and letters of every page, without the rules of parts that are not here."""
    paths = [finders.find(f"css/{name}.css") for name in ("tokens", "base")]
    return mark_safe("\n".join(Path(str(path)).read_text() for path in paths))  # noqa: S308 -- our own files
