"""Who a browser's request is from: the session's row decides, not the stored session alone."""

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.login.sessions import describe_end, find_web_user
from accounts.models import User


class UserSessionMiddleware(AuthenticationMiddleware):
    """Sets `request.user`, with the session's row as `user.session`; one query, as Django's own.

    A stored session whose row has ended is emptied, and `request.session_end` tells the page for signing in why.
    """

    def process_request(self, request: HttpRequest) -> None:
        cached: list[User | AnonymousUser] = []

        def load() -> User | AnonymousUser:
            if not cached:
                cached.append(_user_of(request))
            return cached[0]

        request.user = SimpleLazyObject(load)  # type: ignore[assignment]
        request.auser = sync_to_async(load)


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    if SESSION_KEY not in request.session:
        return AnonymousUser()
    user, session = find_web_user(request, timezone.now())
    if user is not None:
        return user
    request.session.flush()
    request.session_end = describe_end(session) if session else ""  # type: ignore[attr-defined]
    return AnonymousUser()
