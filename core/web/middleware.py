"""Request ids, headers that no view should have to remember, and answers where no view is reached."""

import logging
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from core.logs import request_id
from core.web.error_pages import plain_error

logger = logging.getLogger(__name__)

# What the browser keeps of a person's pages goes with the login (ASVS 5.0 14.3.1). Not the cookies: the session's is
# gone anyway, and language and appearance are the device's own.
CLEAR_SITE_DATA = '"cache", "storage"'
_USABLE = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Gives each request an id, taken from `X-Request-ID` when a proxy sent a sane one, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        header = request.headers.get("X-Request-ID", "")
        identifier = header if _USABLE.fullmatch(header) else uuid.uuid4().hex
        # never taken back: Django logs a refusal after the last middleware, and the next request has its own context
        request_id.set(identifier)
        response = self.get_response(request)
        response["X-Request-ID"] = identifier
        return response


class PlainErrorsMiddleware:
    """Answers what no later middleware or view can: an unknown host, NUL in an address, a method that is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            logger.warning("unknown host %.80r", request.META.get("HTTP_HOST", ""))
            return plain_error(
                request, 400, "unknown_host", _("There is no site of this name here"),
                _("The address in your browser leads to this server by mistake."),
            )  # fmt: skip
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):  # no text of a database can hold it
            return plain_error(
                request, 400, "invalid", _("This address cannot be read"),
                _("It holds a character that no address of ours has."),
            )  # fmt: skip
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not (response.streaming or response.content):
            page = plain_error(
                request, 405, "method_not_allowed", _("This address is not a page"),
                _("It only takes what a button sends. Nothing has been done."),
            )  # fmt: skip
            page.headers["Allow"] = response.headers.get("Allow", "")
            return page
        return response


class SignInMiddleware(LoginRequiredMiddleware):
    """Pages are for who is signed in; whoever pressed a button after their session ended comes back to its page.

    The button's own address takes no visit: after signing in it would be a refusal.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseRedirect:
        if request.method in ("GET", "HEAD"):
            if reason := getattr(request, "session_end", ""):
                messages.info(request, reason)
            return super().handle_no_permission(request, view_func)
        messages.warning(request, _("Your session had ended, and nothing was done. Press the button once more."))
        before = urlsplit(request.headers.get("Referer", ""))
        page = f"{before.path}?{before.query}".rstrip("?") if before.netloc == request.get_host() else ""
        return redirect_to_login(
            page or resolve_url(settings.LOGIN_REDIRECT_URL),
            resolve_url(self.get_login_url(view_func)),
            self.get_redirect_field_name(view_func),
        )


class PrivatePagesMiddleware:
    """Keeps what a signed-in person sees out of every cache (ASVS 5.0 14.3.2), and clears the browser's at the end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        came_signed_in = _is_signed_in(request)
        response = self.get_response(request)
        leaves_signed_in = _is_signed_in(request)
        if came_signed_in and not leaves_signed_in:
            response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
        if ("Authorization" in request.headers or leaves_signed_in) and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated
