"""The API door of the second factor."""

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.current_user import require_user
from accounts.login import reauth
from accounts.login.limits import check_login_allowed
from accounts.login.origin import origin_of
from accounts.mfa import services, totp
from accounts.mfa.serializers import (
    BackupCodesSerializer,
    FactorCodeSerializer,
    PasswordAndCodeSerializer,
    SetupSerializer,
    StatusSerializer,
)
from accounts.serializers import PasswordSerializer
from core.web.rest import validate_request


@extend_schema(responses=StatusSerializer, tags=["auth"])
@api_view(["GET"])
def show_status(request: Request) -> Response:
    """What is set up."""
    return Response(StatusSerializer(services.status_of(require_user(request))).data)


@extend_schema(request=PasswordSerializer, responses=SetupSerializer, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values")
def set_up(request: Request) -> Response:
    """A new secret for an authenticator app, to be proved with its first code within a quarter of an hour."""
    values = validate_request(PasswordSerializer, request)
    user, now = require_user(request), timezone.now()
    check_login_allowed(request._request)
    reauth.check_password(user=user, **values, origin=origin_of(request._request), now=now)
    return Response(SetupSerializer(totp.begin_setup(user=user, now=now)).data)


@extend_schema(request=FactorCodeSerializer, responses=BackupCodesSerializer, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values", "codes")
def enable(request: Request) -> Response:
    """Turn the app on with its first code. The backup codes are shown this once; all other sessions end."""
    values = validate_request(FactorCodeSerializer, request)
    check_login_allowed(request._request)
    codes = services.enable_totp(user=require_user(request), **values, now=timezone.now())
    return Response(BackupCodesSerializer({"backup_codes": codes}).data)


@extend_schema(request=PasswordAndCodeSerializer, responses={204: None}, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values")
def disable(request: Request) -> Response:
    """Turn the app off, with password and code; staff cannot."""
    values = validate_request(PasswordAndCodeSerializer, request)
    user, now, origin = require_user(request), timezone.now(), origin_of(request._request)
    check_login_allowed(request._request)
    reauth.check_password(user=user, password=values["password"], origin=origin, now=now)
    reauth.check_code(user=user, code=values["code"], origin=origin, now=now)
    services.disable_totp(user=user, now=now)
    return Response(status=204)


@extend_schema(request=FactorCodeSerializer, responses=BackupCodesSerializer, tags=["auth"])
@api_view(["POST"])
@sensitive_variables("values", "codes")
def renew_backup_codes(request: Request) -> Response:
    """Ten new codes in place of all before, for a code of the app."""
    values = validate_request(FactorCodeSerializer, request)
    user, now = require_user(request), timezone.now()
    check_login_allowed(request._request)
    reauth.check_code(user=user, **values, origin=origin_of(request._request), now=now)
    codes = services.renew_backup_codes(user=user, now=now)
    return Response(BackupCodesSerializer({"backup_codes": codes}).data)
