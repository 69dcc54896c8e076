"""Errors as problem+json below /api/ and as a page elsewhere, of which there are two.

A page of the site (`error_page`) has its head and foot, and takes the session, the user and what the middleware adds to
an answer. Where a request reaches no view, or no view answers, there is the plain one (`plain_error`): without any of
these, and with its style in it, for at a name that is not ours the browser gets no file from us either.
"""

import secrets
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_from_request

from core.web.problems import problem_response

Text = str | Promise


def error_page(request: HttpRequest, status: int, title: Text, text: Text) -> HttpResponse:
    """A page of the site."""
    return render(request, "error.html", {"title": title, "text": text, "status": status}, status=status)


def _plain_page(_request: HttpRequest, status: int, title: Text, text: Text) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    context = {
        "status": status, "title": title, "text": text, "language": translation.get_language(), "styles": _styles(),
        "nonce": nonce, "home": settings.SITE_URL,
    }  # fmt: skip
    response = HttpResponse(render_to_string("plain_error.html", context), status=status)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'"
    )
    return response


def error_response(
    request: HttpRequest,
    problem: HttpResponse,
    title: Text,
    text: Text,
    *,
    draw_page: Callable[[HttpRequest, int, Text, Text], HttpResponse] = error_page,
) -> HttpResponse:
    """The problem as it is below /api/; elsewhere a page of the same status, which says more."""
    if request.path.startswith("/api/"):
        return problem
    return draw_page(request, problem.status_code, title, text)


def plain_error(request: HttpRequest, status: int, code: str, title: Text, text: Text) -> HttpResponse:
    """The same for the middleware, with a plain page; lazy texts come in the reader's language."""
    with translation.override(get_language_from_request(request)):
        problem = problem_response(status, code, str(title))
        response = error_response(request, problem, title, text, draw_page=_plain_page)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@cache
def _styles() -> SafeString:
    """Colours and letters of every page, without the rules of parts that are not here."""
    paths = [finders.find(f"css/{name}.css") for name in ("tokens", "base")]
    return mark_safe("\n".join(Path(str(path)).read_text() for path in paths))  # noqa: S308 -- our own files
