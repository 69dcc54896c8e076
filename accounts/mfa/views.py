"""The page "Security" of the area and what it leads to: second factor, backup codes, sessions, devices, password."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.current_user import require_user
from accounts.forms import ChangePasswordForm, DisableForm, SetupForm
from accounts.login import devices, reauth, sessions
from accounts.login.limits import check_login_allowed
from accounts.login.origin import origin_of
from accounts.mfa import services as mfa
from accounts.mfa import totp
from accounts.models import KnownDevice, UserSession
from core.errors import DomainError

form_methods = require_http_methods(["GET", "HEAD", "POST"])
View = Callable[..., HttpResponse]


def recently_authenticated(view: View) -> View:
    """Asks for password or code first, when that was long ago; a button is then to be pressed again."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if reauth.is_recent(require_user(request), timezone.now()):
            return view(request, *args, **kwargs)
        page = request.path if request.method in ("GET", "HEAD") else reverse("accounts:show_security")
        return redirect(f"{reverse('accounts:confirm_identity')}?{urlencode({'next': page})}")

    return guarded


@never_cache
@require_safe
def show_security(request: HttpRequest) -> HttpResponse:
    """Everything about access to the account on one page."""
    user, now = require_user(request), timezone.now()
    context = {
        "section": "security",
        "status": mfa.status_of(user),
        "sessions": [
            {"row": row, "device": devices.describe(row.user_agent), "is_current": row == user.session}
            for row in sessions.sessions_of(user, now)
        ],
        "devices": [
            {"row": row, "device": devices.describe(row.user_agent)}
            for row in KnownDevice.objects.filter(user=user, trusted_until__gt=now).order_by("-last_seen_at")
        ],
    }
    return render(request, "accounts/security.html", context)


@require_POST
@recently_authenticated
def begin_totp(request: HttpRequest) -> HttpResponse:
    """A new secret, and on to the page that shows it."""
    try:
        totp.begin_setup(user=require_user(request), now=timezone.now())
    except DomainError as error:
        messages.warning(request, str(error.message))
        return redirect("accounts:show_security")
    return redirect("accounts:set_up_totp")


@never_cache
@form_methods
@recently_authenticated
@sensitive_post_parameters("code")
def set_up_totp(request: HttpRequest) -> HttpResponse:
    """The QR code, and the first code that proves it was read; then the backup codes, once."""
    user, now = require_user(request), timezone.now()
    setup = totp.pending_setup(user, now)
    if setup is None:
        if totp.is_enabled(user):
            messages.info(request, _("The authenticator app is set up."))
        return redirect("accounts:show_security")
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request)
            codes = mfa.enable_totp(user=user, code=form.cleaned_data["code"], now=now)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            context = {"section": "security", "codes": codes, "is_first": True}
            return render(request, "accounts/backup_codes.html", context)
    return render(request, "accounts/set_up_totp.html", {"section": "security", "form": form, "setup": setup})


@never_cache
@form_methods
@sensitive_post_parameters("password", "code")
def disable_totp(request: HttpRequest) -> HttpResponse:
    """Turn the app off, with password and code."""
    user, now, origin = require_user(request), timezone.now(), origin_of(request)
    form = DisableForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request)
            reauth.check_password(user=user, password=form.cleaned_data["password"], origin=origin, now=now)
            reauth.check_code(user=user, code=form.cleaned_data["code"], origin=origin, now=now)
            mfa.disable_totp(user=user, now=now)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            messages.success(request, _("The authenticator app is turned off."))
            return redirect("accounts:show_security")
    return render(request, "accounts/disable_totp.html", {"section": "security", "form": form})


@never_cache
@form_methods
@sensitive_post_parameters("code")
def renew_backup_codes(request: HttpRequest) -> HttpResponse:
    """Ten new codes, shown once, for a code of the app."""
    user, now = require_user(request), timezone.now()
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request)
            reauth.check_code(user=user, code=form.cleaned_data["code"], origin=origin_of(request), now=now)
            codes = mfa.renew_backup_codes(user=user, now=now)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            return render(request, "accounts/backup_codes.html", {"section": "security", "codes": codes})
    return render(request, "accounts/renew_backup_codes.html", {"section": "security", "form": form})


@require_POST
def end_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """End one session of one's own; the one in hand is left by signing out."""
    user = require_user(request)
    session = UserSession.objects.filter(pk=session_id, user=user).first()
    if session is None:
        raise Http404
    sessions.end_session(session=session, reason=UserSession.EndReason.ELSEWHERE, now=timezone.now(), actor=user)
    messages.success(request, _("The session is ended."))
    return redirect("accounts:show_security")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Everywhere else."""
    user = require_user(request)
    count = sessions.end_sessions(
        user=user, reason=UserSession.EndReason.ELSEWHERE, now=timezone.now(), but=user.session, actor=user
    )
    text = ngettext("%(count)d session is ended.", "%(count)d sessions are ended.", count) % {"count": count}
    messages.success(request, text)
    return redirect("accounts:show_security")


@require_POST
def distrust_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Ask for the second factor on one device again."""
    if not KnownDevice.objects.filter(pk=device_id, user=require_user(request)).update(trusted_until=None):
        raise Http404
    messages.success(request, _("On that device we ask for a code again."))
    return redirect("accounts:show_security")


@never_cache
@form_methods
@sensitive_post_parameters("old_password", "password")
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password for whoever knows the old one."""
    user, now = require_user(request), timezone.now()
    form = ChangePasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request)
            services.change_password(user=user, **form.cleaned_data, origin=origin_of(request), now=now)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            sessions.renew_key(request, user)
            messages.success(request, _("Your new password is set. Your other sessions have been ended."))
            return redirect("accounts:show_security")
    return render(request, "accounts/change_password.html", {"section": "security", "form": form})
