"""Who is asking: somebody with a token, somebody on a page of ours, or a guest on another site that embeds the widget.

A guest elsewhere brings no cookie of ours, or none that counts: the conversation is proved by a signed key in a header,
and no session is looked at, so that a page of another site cannot act in a signed-in person's name.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from accounts.login.authentication import BearerAuthentication
from accounts.models import User
from chatbot.conversations.services import RETENTION
from chatbot.models import Conversation
from core.errors import DomainError
from core.web.cookies import cookie_attributes, cookie_name

ANYBODY: Any = [{"bearerAuth": []}, {"cookieAuth": []}, {}]  # for the API's description: who may come
COOKIE = "conversation"
KEY_HEADER = "X-Conversation"
COOKIE_AGE_S = int(RETENTION.total_seconds())
_signer = TimestampSigner(salt="chatbot.conversation")


class StalePageError(DomainError):
    """The CSRF token does not fit the cookie: somebody signed in or out since, or it is not our page."""

    code = "csrf"
    status = 403
    message = _("This page is too old to ask from: please reload it.")


@dataclass(frozen=True)
class Caller:
    """`token` is that of the conversation the caller has proved to be theirs, which the user must fit too."""

    user: User | AnonymousUser
    token: str | None
    is_embedded: bool = False

    def conversation(self) -> Conversation | None:
        if self.token is None:
            return None
        return Conversation.objects.visible_to(user=self.user, token=self.token).filter(token=self.token).first()


def caller_of(request: HttpRequest) -> Caller:
    """The caller by access token, embedding site or session; whoever comes with a session must show the CSRF token."""
    if credentials := BearerAuthentication().authenticate(Request(request)):
        return Caller(credentials[0], _token_of_cookie(request))
    if is_embedded(request):
        return Caller(AnonymousUser(), _token_of_key(request.headers.get(KEY_HEADER, "")), is_embedded=True)
    if CsrfViewMiddleware(_get_response).process_view(request, _get_response, (), {}) is not None:
        raise StalePageError
    return page_caller(request)


class CallerAuthentication(BearerAuthentication):
    """`caller_of` for REST framework: `request.auth` is the `Caller`."""

    def authenticate(self, request: Request) -> Any:
        caller = caller_of(request._request)
        return caller.user, caller


def api_caller(request: Request) -> Caller:
    """The caller whom `CallerAuthentication` has let in."""
    caller: Caller = request.auth  # type: ignore[assignment]
    return caller


def page_caller(request: HttpRequest) -> Caller:
    """The caller of a page, whose CSRF token the middleware has seen."""
    return Caller(request.user, _token_of_cookie(request))


def is_embedded(request: HttpRequest) -> bool:
    """Whether a page of a site in CHAT_EMBED_ORIGINS asks; ours is never one of them."""
    origin = request.headers.get("Origin", "")
    return origin in settings.CHAT_EMBED_ORIGINS and origin not in (settings.SITE_URL, base_of(request))


def base_of(request: HttpRequest) -> str:
    """Scheme and host that the request came to: one of ALLOWED_HOSTS."""
    return f"{request.scheme}://{request.get_host()}"


def is_origin(value: str) -> bool:
    """A scheme and a host, as a browser's Origin header has them."""
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and f"{parts.scheme}://{parts.netloc}" == value


def key_of(conversation: Conversation) -> str:
    """What proves a conversation where there is no cookie: signed, and good as long as the cookie."""
    return _signer.sign(str(conversation.token))


def remember(response: HttpResponseBase, conversation: Conversation, *, keep: bool) -> None:
    """Give the browser its conversation, until it is closed or, where that was agreed to, for 180 days."""
    response.set_signed_cookie(
        cookie_name(COOKIE), str(conversation.token), max_age=COOKIE_AGE_S if keep else None, **cookie_attributes()
    )


def forget(response: HttpResponseBase) -> None:
    """Take the conversation from the browser."""
    response.delete_cookie(cookie_name(COOKIE), samesite="Lax")


def as_uuid(value: Any, *, version: int | None = None) -> str | None:
    """The canonical spelling of a UUID, of a certain version if there is one; None for anything else."""
    try:
        uuid = UUID(str(value))
    except ValueError:
        return None
    return str(uuid) if version in (None, uuid.version) else None


def _token_of_key(key: str) -> str | None:
    try:
        return as_uuid(_signer.unsign(key, max_age=COOKIE_AGE_S))
    except BadSignature:
        return None


def _token_of_cookie(request: HttpRequest) -> str | None:
    try:
        return as_uuid(request.get_signed_cookie(cookie_name(COOKIE), max_age=COOKIE_AGE_S))
    except (KeyError, BadSignature):
        return None


def _get_response(_request: HttpRequest) -> HttpResponse:
    """What the CSRF check is told it protects: anything that is not exempt."""
    return HttpResponse()
