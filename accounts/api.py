"""The API door of the accounts app."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.current_user import require_user
from accounts.login.limits import check_login_allowed, check_mail_allowed
from accounts.models import ApiSession, BillingProfile
from accounts.serializers import (
    BillingProfileSerializer,
    EmailSerializer,
    LinkSerializer,
    LoginSerializer,
    NewPasswordSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    TokenPairSerializer,
    UserSerializer,
)
from core.errors import DomainError
from core.web.middleware import CLEAR_SITE_DATA
from core.web.ratelimit import client_ip
from core.web.rest import validate_request


def public(view: Any) -> Any:
    """No token is asked for, and a wrong one does not get in the way."""
    return authentication_classes([])(permission_classes([AllowAny])(view))


@extend_schema(request=RegistrationSerializer, responses={202: None}, tags=["auth"])
@api_view(["POST"])
@public
@sensitive_variables("values")
def register(request: Request) -> Response:
    """Open an account; the answer is the same whether the address was known or not."""
    values = validate_request(RegistrationSerializer, request)
    check_mail_allowed(request._request, values["email"])
    services.register(**values, now=timezone.now())
    return Response(status=202)


@extend_schema(request=LinkSerializer, responses={204: None}, tags=["auth"])
@api_view(["POST"])
@public
def verify_email(request: Request) -> Response:
    """Confirm an address with the token of the mailed link."""
    services.verify_email(**validate_request(LinkSerializer, request), now=timezone.now())
    return Response(status=204)


@extend_schema(request=EmailSerializer, responses={202: None}, tags=["auth"])
@api_view(["POST"])
@public
def resend_verification(request: Request) -> Response:
    """Send the verification link again, if anybody waits for one."""
    values = validate_request(EmailSerializer, request)
    check_mail_allowed(request._request, values["email"])
    services.resend_verification(**values, now=timezone.now())
    return Response(status=202)


@extend_schema(request=LoginSerializer, responses=TokenPairSerializer, tags=["auth"])
@api_view(["POST"])
@public
@sensitive_variables("values")
def log_in(request: Request) -> Response:
    """A first pair of tokens for address and password."""
    values = validate_request(LoginSerializer, request)
    check_login_allowed(request._request, values["email"])
    now = timezone.now()
    user = services.check_login(request=request._request, **values, now=now)
    device = services.Device(client_ip(request._request) or None, request.headers.get("User-Agent", ""))
    return Response(TokenPairSerializer(services.open_api_session(user=user, device=device, now=now)).data)


@extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, tags=["auth"])
@api_view(["POST"])
@public
def refresh(request: Request) -> Response:
    """A new pair for a refresh token; each is good once."""
    pair = services.refresh_api_session(**validate_request(RefreshSerializer, request), now=timezone.now())
    return Response(TokenPairSerializer(pair).data)


@extend_schema(request=None, responses={204: None}, tags=["auth"])
@api_view(["POST"])
def log_out(request: Request) -> Response:
    """End the session of the token in hand."""
    if not isinstance(request.auth, ApiSession):
        raise DomainError(_("Only a session opened over the API can be closed here."), code="not_an_api_session")
    services.close_api_session(session=request.auth, now=timezone.now())
    return Response(status=204, headers={"Clear-Site-Data": CLEAR_SITE_DATA})


@extend_schema(request=EmailSerializer, responses={202: None}, tags=["auth"])
@api_view(["POST"])
@public
def request_password_reset(request: Request) -> Response:
    """Mail a reset link, if the address is known; the answer does not tell."""
    values = validate_request(EmailSerializer, request)
    check_mail_allowed(request._request, values["email"])
    services.request_password_reset(**values, now=timezone.now())
    return Response(status=202)


@extend_schema(request=NewPasswordSerializer, responses={204: None}, tags=["auth"])
@api_view(["POST"])
@public
@sensitive_variables("values")
def reset_password(request: Request) -> Response:
    """Set a new password with the token of the mailed link; every session ends."""
    services.reset_password(**validate_request(NewPasswordSerializer, request), now=timezone.now())
    return Response(status=204)


@extend_schema(request=UserSerializer, responses=UserSerializer, tags=["me"])
@api_view(["GET", "PATCH"])
def me(request: Request) -> Response:
    """The signed-in user; name and language can be changed."""
    user = require_user(request)
    if request.method == "PATCH":
        serializer = UserSerializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        user.change(**serializer.validated_data)
    return Response(UserSerializer(user).data)


@extend_schema(request=BillingProfileSerializer, responses=BillingProfileSerializer, tags=["me"])
@api_view(["GET", "PUT"])
def profile(request: Request) -> Response:
    """The billing profile; PUT checks and replaces it."""
    if request.method == "PUT":
        values = validate_request(BillingProfileSerializer, request)
        saved = services.save_billing_profile(user=require_user(request), values=values)
        return Response(BillingProfileSerializer(saved).data)
    billing_profile = BillingProfile.objects.filter(user=require_user(request)).first()
    if billing_profile is None:
        raise Http404
    return Response(BillingProfileSerializer(billing_profile).data)
