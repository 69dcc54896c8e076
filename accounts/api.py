"""The API door of the accounts app."""

from django.http import Http404
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import links, services
from accounts.current_user import require_user
from accounts.login.limits import check_mail_allowed
from accounts.models import BillingProfile, EmailToken
from accounts.serializers import (
    BillingProfileSerializer,
    EmailSerializer,
    LinkSerializer,
    NewPasswordSerializer,
    RegistrationSerializer,
    UserSerializer,
)
from core.web.public import public
from core.web.rest import validate_request


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
    links.request_link(**values, purpose=EmailToken.Purpose.VERIFY, now=timezone.now())
    return Response(status=202)


@extend_schema(request=EmailSerializer, responses={202: None}, tags=["auth"])
@api_view(["POST"])
@public
def request_password_reset(request: Request) -> Response:
    """Mail a reset link, if the address is known; the answer does not tell."""
    values = validate_request(EmailSerializer, request)
    check_mail_allowed(request._request, values["email"])
    links.request_link(**values, purpose=EmailToken.Purpose.RESET, now=timezone.now())
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
