"""The API door for signing in and out, for sessions, and for proving once more who one is."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import api_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.current_user import require_user
from accounts.login import devices, pipeline, reauth, sessions
from accounts.login.limits import check_login_allowed
from accounts.login.origin import origin_of
from accounts.login.serializers import (
    ChallengeSerializer,
    CodeSerializer,
    LoginSerializer,
    PasswordChangeSerializer,
    ReauthenticationSerializer,
    RefreshSerializer,
    SessionSerializer,
    TokenPairSerializer,
)
from accounts.models import User, UserSession
from core.errors import DomainError
from core.web.middleware import CLEAR_SITE_DATA
from core.web.public import public
from core.web.rest import validate_request

_API = UserSession.Kind.API
_PAIR_OR_CHALLENGE = PolymorphicProxySerializer(
    component_name="LoginAnswer",
    serializers=[TokenPairSerializer, ChallengeSerializer],
    resource_type_field_name=None,
)


@extend_schema(request=LoginSerializer, responses=_PAIR_OR_CHALLENGE, tags=["auth"])
@api_view(["POST"])
@public
@sensitive_variables("values")
def log_in(request: Request) -> Response:
    """A first pair of tokens for address and password, or the token of a sign-in that waits for its second factor."""
    values = validate_request(LoginSerializer, request)
    check_login_allowed(request._request)
    now, origin = timezone.now(), origin_of(request._request)
    user, attempt = services.check_login(**values, origin=origin, now=now)
    step = pipeline.begin(user=user, kind=_API, origin=origin, now=now)
    if isinstance(step, pipeline.Challenge):
        attempt.give_back()
        return Response(ChallengeSerializer(step).data)
    attempt.succeed()
    return _open(request, user, step)


@extend_schema(request=CodeSerializer, responses=TokenPairSerializer, tags=["auth"])
@api_view(["POST"])
@public
@sensitive_variables("values")
def verify_code(request: Request) -> Response:
    """The pair of tokens, for a code of the app or a backup code. A device to be trusted gets a cookie for 30 days."""
    values = validate_request(CodeSerializer, request)
    check_login_allowed(request._request)
    user, proof = pipeline.verify_code(
        token=values["mfa_token"],
        kind=_API,
        code=values["code"],
        origin=origin_of(request._request),
        now=timezone.now(),
    )
    return _open(request, user, proof, trust=values["trust_device"])


def _open(request: Request, user: User, proof: sessions.Proof, *, trust: bool = False) -> Response:
    now, origin = timezone.now(), origin_of(request._request)
    pair = sessions.open_api_session(user=user, origin=origin, now=now, proof=proof)
    response = Response(TokenPairSerializer(pair).data)
    devices.keep_cookie(response, devices.remember(user=user, kind=_API, origin=origin, now=now, trust=trust))
    return response


@extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, tags=["auth"])
@api_view(["POST"])
@public
def refresh(request: Request) -> Response:
    """A new pair for a refresh token; each is good once, and a retry within ten seconds gets the same again."""
    values = validate_request(RefreshSerializer, request)
    pair = sessions.refresh_api_session(**values, origin=origin_of(request._request), now=timezone.now())
    return Response(TokenPairSerializer(pair).data)


@extend_schema(request=None, responses={204: None}, tags=["auth"])
@api_view(["POST"])
def log_out(request: Request) -> Response:
    """End the session of the token in hand."""
    if not isinstance(request.auth, UserSession):
        raise DomainError(_("Only a session opened over the API can be closed here."), code="not_an_api_session")
    sessions.end_session(
        session=request.auth, reason=UserSession.EndReason.LOGOUT, actor=request.auth.user, now=timezone.now()
    )
    return Response(status=204, headers={"Clear-Site-Data": CLEAR_SITE_DATA})


@extend_schema(tags=["auth"])
class SessionList(ListAPIView[UserSession]):
    """The open sessions, of browsers and apps, the last used first."""

    serializer_class = SessionSerializer
    queryset = UserSession.objects.none()

    def get_queryset(self) -> Any:
        return sessions.sessions_of(require_user(self.request), timezone.now())

    @extend_schema(operation_id="auth_sessions_destroy_others", responses={204: None}, tags=["auth"])
    def delete(self, request: Request) -> Response:
        """End all but the one in hand."""
        user = require_user(request)
        reason = UserSession.EndReason.ELSEWHERE
        sessions.end_sessions(user=user, reason=reason, now=timezone.now(), but=user.session, actor=user)
        return Response(status=204)


@extend_schema(request=None, responses={204: None}, tags=["auth"])
@api_view(["DELETE"])
def end_session(request: Request, session_id: UUID) -> Response:
    """End one session of one's own."""
    user = require_user(request)
    session = UserSession.objects.filter(pk=session_id, user=user).first()
    if session is None:
        raise Http404
    sessions.end_session(session=session, reason=UserSession.EndReason.ELSEWHERE, now=timezone.now(), actor=user)
    return Response(status=204)


@extend_schema(request=ReauthenticationSerializer, responses={204: None}, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values")
def reauthenticate(request: Request) -> Response:
    """Prove once more who one is, by password or code: good for a quarter of an hour."""
    values = validate_request(ReauthenticationSerializer, request)
    check_login_allowed(request._request)
    reauth.reauthenticate(user=require_user(request), origin=origin_of(request._request), now=timezone.now(), **values)
    return Response(status=204)


@extend_schema(request=PasswordChangeSerializer, responses={204: None}, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values")
def change_password(request: Request) -> Response:
    """A new password for whoever knows the old one; every other session ends."""
    values = validate_request(PasswordChangeSerializer, request)
    check_login_allowed(request._request)
    user = require_user(request)
    services.change_password(
        user=user,
        old_password=values["old_password"],
        password=values["new_password"],
        origin=origin_of(request._request),
        now=timezone.now(),
    )
    if user.session is not None and user.session.kind == UserSession.Kind.WEB:
        sessions.renew_key(request._request, user)
    return Response(status=204)
