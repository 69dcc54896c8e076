"""How the API knows its caller, and how often it may be asked."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.login.sessions import find_api_session
from accounts.login.tokens import session_id_of
from accounts.models import User, UserSession
from core.web import ratelimit


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`, checked against its session row at every request."""

    def authenticate(self, request: Request) -> tuple[User, UserSession] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        session_id = session_id_of(token.strip())
        session = find_api_session(session_id, timezone.now()) if session_id else None
        if session is None:
            raise AuthenticationFailed(_("This token is not valid or no longer valid."), code="token_invalid")
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class ApiThrottle(BaseThrottle):
    """The general limit of the API, per user or else per address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        limit = ratelimit.Limit("api", settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_BURST)
        who: Any = request.user.pk if request.user.is_authenticated else ratelimit.caller_network(request._request)
        try:
            ratelimit.check(limit, str(who))
        except ratelimit.TooManyRequestsError as error:
            self.retry_after_s = error.retry_after_s
            return False
        return True

    def wait(self) -> float | None:
        return self.retry_after_s
