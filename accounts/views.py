"""The HTML door of the accounts app."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import links, services
from accounts.current_user import require_user
from accounts.forms import BillingProfileForm, EmailForm, NewPasswordForm, RegistrationForm
from accounts.login.limits import check_mail_allowed
from accounts.models import BillingProfile, EmailToken
from core.errors import DomainError
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
        except links.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        messages.success(request, _("Your address is confirmed. You can sign in."))
        return redirect("accounts:log_in")
    return render(request, "accounts/verify_email.html")


@login_not_required
@form_methods
def resend_verification(request: HttpRequest) -> HttpResponse:
    return _mail_form(request, EmailToken.Purpose.VERIFY)


@login_not_required
@form_methods
def request_password_reset(request: HttpRequest) -> HttpResponse:
    return _mail_form(request, EmailToken.Purpose.RESET)


@login_not_required
@never_cache
@form_methods
@sensitive_post_parameters("password")
def reset_password(request: HttpRequest, token: str) -> HttpResponse:
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_password(token=token, password=form.cleaned_data["password"], now=timezone.now())
        except links.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            messages.success(request, _("Your new password is set. Every open session has been closed."))
            return redirect("accounts:log_in")
    return render(request, "accounts/reset_password.html", {"form": form})


@form_methods
def edit_billing_profile(request: HttpRequest) -> HttpResponse:
    profile = BillingProfile.objects.filter(user=require_user(request)).first()
    form = BillingProfileForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        services.save_billing_profile(user=require_user(request), values=form.cleaned_data)
        messages.success(request, _("Your billing details are saved."))
        return redirect(page_after(request, "accounts:edit_billing_profile"))
    return render(request, "accounts/billing_profile.html", {"form": form, "section": "profile"})


def _mail_form(request: HttpRequest, purpose: str) -> HttpResponse:
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            check_mail_allowed(request, email)
            links.request_link(email=email, purpose=purpose, now=timezone.now())
        except DomainError as error:
            form.add_error(None, str(error.message))
        else:
            return render(request, "accounts/check_mail.html", {"email": email, "purpose": purpose})
    return render(request, "accounts/ask_email.html", {"form": form, "purpose": purpose})
