"""The pages for signing in and out: password, code, proving once more who one is, opening a closed account again."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import links, services
from accounts.current_user import require_user, user_of
from accounts.forms import CodeForm, LoginForm, ReauthenticationForm
from accounts.login import devices, pipeline, reauth, sessions, throttle
from accounts.login.limits import check_login_allowed
from accounts.login.origin import origin_of
from accounts.models import EmailToken, User, UserSession
from accounts.privacy.erasure import waiting_erasure
from core.errors import DomainError
from core.web.cookies import cookie_attributes
from core.web.redirects import page_after

form_methods = require_http_methods(["GET", "HEAD", "POST"])
_PENDING = "pending_login"  # in the stored session: what binds a pending login to this browser
_WEB = UserSession.Kind.WEB


@login_not_required
@never_cache
@form_methods
@sensitive_post_parameters("password")
def log_in(request: HttpRequest) -> HttpResponse:
    """The first factor."""
    target = page_after(request, settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(target)
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now, origin = timezone.now(), origin_of(request)
        try:
            check_login_allowed(request)
            user, attempt = services.check_login(**form.cleaned_data, origin=origin, now=now)
        except DomainError as error:
            form.add_error(None, str(error.message))
        else:
            step = pipeline.begin(user=user, kind=_WEB, origin=origin, now=now)
            if isinstance(step, pipeline.Challenge):
                attempt.give_back()
                request.session[_PENDING] = {"token": step.token, "target": target}
                return redirect("accounts:verify_code")
            attempt.succeed()
            return _enter(request, user, target, step)
    return render(request, "accounts/log_in.html", {"form": form, "next": request.GET.get("next", "")})


@login_not_required
@never_cache
@form_methods
@sensitive_post_parameters("code")
def verify_code(request: HttpRequest) -> HttpResponse:
    """The second factor, for the browser whose password was right a moment ago."""
    pending: dict[str, str] = request.session.get(_PENDING, {})
    form = CodeForm(request.POST or None, has_backup_codes="riserva" in request.GET)
    now, origin = timezone.now(), origin_of(request)
    try:
        login = pipeline.find_pending(token=pending.get("token", ""), kind=_WEB, origin=origin, now=now)
        if request.method == "POST" and form.is_valid():
            check_login_allowed(request)
            user, proof = pipeline.verify_code(
                token=pending["token"], kind=_WEB, code=form.cleaned_data["code"], origin=origin, now=now
            )
            return _enter(request, user, pending["target"], proof, trust=form.cleaned_data["trust_device"])
    except pipeline.PendingLoginError as error:
        request.session.pop(_PENDING, None)
        if request.user.is_authenticated:  # the button was pressed twice, and the first time was enough
            return redirect(settings.LOGIN_REDIRECT_URL)
        messages.warning(request, str(error.message))
        return redirect("accounts:log_in")
    except DomainError as error:
        form.add_error(error.field, str(error.message))
    methods = pipeline.second_factors_of(login.user)
    return render(request, "accounts/verify_code.html", {"form": form, "methods": methods})


def _enter(
    request: HttpRequest, user: User, target: str, proof: sessions.Proof, *, trust: bool = False
) -> HttpResponse:
    """The end of every way to sign in with a browser."""
    now, origin = timezone.now(), origin_of(request)
    request.session.pop(_PENDING, None)
    sessions.sign_in(request, user, now=now, proof=proof)
    # whoever is about to lose the account is shown, before anything else, how to keep it
    response = redirect("accounts:show_data" if waiting_erasure(user) else target)
    devices.keep_cookie(response, devices.remember(user=user, kind=_WEB, origin=origin, now=now, trust=trust))
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, **cookie_attributes())
    return response


@login_not_required
@never_cache
@form_methods
def unlock(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link that opens an account again: one click, since programs open links too."""
    if request.method == "POST":
        try:
            user = links.use_link(token, EmailToken.Purpose.UNLOCK, timezone.now())
        except links.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        throttle.unlock(email=user.email)
        messages.success(request, _("Your account is open again: sign in."))
        return redirect("accounts:log_in")
    return render(request, "accounts/unlock.html")


@never_cache
@form_methods
@sensitive_post_parameters("password", "code")
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Password or code once more, and on to what was about to be done."""
    user, now = require_user(request), timezone.now()
    target = page_after(request, "accounts:show_security")
    if reauth.is_recent(user, now) and request.method != "POST":
        return redirect(target)
    form = ReauthenticationForm(request.POST or None, has_second_factor=bool(pipeline.second_factors_of(user)))
    if request.method == "POST" and form.is_valid():
        values: dict[str, Any] = form.cleaned_data
        try:
            check_login_allowed(request)
            reauth.reauthenticate(user=user, origin=origin_of(request), now=now, **values)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            return redirect(target)
    return render(request, "accounts/confirm_identity.html", {"form": form, "next": request.GET.get("next", "")})


@login_not_required
@never_cache
def enter_back_office(request: HttpRequest) -> HttpResponse:
    """In place of the admin's own sign-in, which would neither count tries nor ask for a second factor."""
    user = user_of(request)
    if user and not user.is_staff:
        raise PermissionDenied
    if user and not user.is_verified():
        messages.warning(request, _("The back office asks for a second factor: please set it up first."))
        return redirect("accounts:show_security")
    return redirect_to_login(page_after(request, "admin:index"))


@login_not_required
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session of this browser."""
    sessions.sign_out(request, now=timezone.now())
    messages.info(request, _("You have signed out."))
    return redirect("config:show_home")
