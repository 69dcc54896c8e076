"""The HTML door of the accounts app."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
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

from accounts import services
from accounts.current_user import require_user, user_of
from accounts.forms import BillingProfileForm, EmailForm, LoginForm, NewPasswordForm, RegistrationForm
from accounts.login.limits import check_login_allowed, check_mail_allowed
from accounts.models import BillingProfile, User
from accounts.privacy.erasure import waiting_erasure
from core.errors import DomainError
from core.web.cookies import cookie_attributes
from core.web.languages import current_language
from core.web.redirects import page_after

form_methods = require_http_methods(["GET", "HEAD", "POST"])


@login_not_required
@form_methods
@sensitive_post_parameters("password")
def register(request: HttpRequest) -> HttpResponse:
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "terms"}
        try:
            check_mail_allowed(request, values["email"])
            services.register(**values, language=current_language(), now=timezone.now())
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            return render(request, "accounts/check_mail.html", {"email": values["email"], "purpose": "register"})
    return render(request, "accounts/register.html", {"form": form})


@login_not_required
@never_cache
@form_methods
def verify_email(request: HttpRequest, token: str) -> HttpResponse:
    """A mail scanner that opens every link must not use it up: the page asks for one click."""
    if request.method == "POST":
        try:
            services.verify_email(token=token, now=timezone.now())
        except services.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        messages.success(request, _("Your address is confirmed. You can sign in."))
        return redirect("accounts:log_in")
    return render(request, "accounts/verify_email.html")


@login_not_required
@form_methods
def resend_verification(request: HttpRequest) -> HttpResponse:
    return _mail_form(request, services.resend_verification, purpose="verify")


@login_not_required
@form_methods
def request_password_reset(request: HttpRequest) -> HttpResponse:
    return _mail_form(request, services.request_password_reset, purpose="reset")


@login_not_required
@never_cache
@form_methods
@sensitive_post_parameters("password")
def reset_password(request: HttpRequest, token: str) -> HttpResponse:
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_password(token=token, password=form.cleaned_data["password"], now=timezone.now())
        except services.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            messages.success(request, _("Your new password is set. Every open session has been closed."))
            return redirect("accounts:log_in")
    return render(request, "accounts/reset_password.html", {"form": form})


@login_not_required
@never_cache
@form_methods
@sensitive_post_parameters("password")
def log_in(request: HttpRequest) -> HttpResponse:
    target = page_after(request, settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(target)
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request, form.cleaned_data["email"])
            user = services.check_login(request=request, **form.cleaned_data, now=timezone.now())
        except DomainError as error:
            form.add_error(None, str(error.message))
        else:
            return _enter(request, user, target)
    return render(request, "accounts/log_in.html", {"form": form, "next": request.GET.get("next", "")})


def _enter(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """The end of every way to sign in; a second factor is asked for before this, nowhere else."""
    login(request, user)
    # whoever is about to lose the account is shown, before anything else, how to keep it
    response = redirect("accounts:show_data" if waiting_erasure(user) else target)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, **cookie_attributes())
    return response


@login_not_required
@never_cache
def enter_back_office(request: HttpRequest) -> HttpResponse:
    """In place of the admin's own sign-in, which would neither count tries nor ask for a confirmed address."""
    user = user_of(request)
    if user and not user.is_staff:
        raise PermissionDenied
    return redirect_to_login(page_after(request, "admin:index"))


@login_not_required
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.info(request, _("You have signed out."))
    return redirect("config:show_home")


@form_methods
def edit_billing_profile(request: HttpRequest) -> HttpResponse:
    profile = BillingProfile.objects.filter(user=require_user(request)).first()
    form = BillingProfileForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        services.save_billing_profile(user=require_user(request), values=form.cleaned_data)
        messages.success(request, _("Your billing details are saved."))
        return redirect(page_after(request, "accounts:edit_billing_profile"))
    return render(request, "accounts/billing_profile.html", {"form": form, "section": "profile"})


def _mail_form(request: HttpRequest, service, purpose: str) -> HttpResponse:  # type: ignore[no-untyped-def]
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            check_mail_allowed(request, email)
            service(email=email, now=timezone.now())
        except DomainError as error:
            form.add_error(None, str(error.message))
        else:
            return render(request, "accounts/check_mail.html", {"email": email, "purpose": purpose})
    return render(request, "accounts/ask_email.html", {"form": form, "purpose": purpose})
