"""The pages of a person's own data: a copy of it, and deleting the account."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import links
from accounts.current_user import require_user
from accounts.forms import PasswordForm
from accounts.login.limits import check_login_allowed, check_mail_allowed
from accounts.login.origin import origin_of
from accounts.models import DataExport
from accounts.privacy import erasure, exports
from accounts.privacy.downloads import export_response
from core.errors import DomainError


@require_safe
def show_data(request: HttpRequest) -> HttpResponse:
    """The copy, and the way to the deletion or back from it."""
    user, now = require_user(request), timezone.now()
    export = exports.newest_export(user)
    context = {
        "section": "data",
        "export": export,
        "is_there": bool(export and export.is_there(now)),
        "is_being_built": bool(export and export.state in (DataExport.State.PENDING, DataExport.State.RUNNING)),
        "erasure": erasure.waiting_erasure(user),
    }
    return render(request, "accounts/your_data.html", context)


@require_POST
def request_export(request: HttpRequest) -> HttpResponse:
    """Ask for a copy."""
    try:
        exports.request_export(user=require_user(request), now=timezone.now())
    except DomainError:
        messages.warning(request, _("A copy can be asked for once a day. Please try again tomorrow."))
    else:
        messages.success(request, _("Your copy is being made. We write to you when it is ready."))
    return redirect("accounts:show_data")


@require_safe
def download_export(request: HttpRequest, reference: str) -> StreamingHttpResponse:
    """The copy that was made."""
    return export_response(request, require_user(request), reference)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def plan_erasure(request: HttpRequest) -> HttpResponse:
    """What would be erased and kept, and the first step: the password."""
    user, now = require_user(request), timezone.now()
    if erasure.waiting_erasure(user):
        return redirect("accounts:show_data")
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            check_login_allowed(request)
            check_mail_allowed(request, user.email)
            password = form.cleaned_data["password"]
            erasure.request_erasure(user=user, password=password, origin=origin_of(request), now=now)
        except DomainError as error:
            form.add_error(error.field, str(error.message))
        else:
            return render(request, "accounts/erasure_asked.html", {"section": "data"})
    context = {"section": "data", "form": form, "plan": erasure.plan_for(user=user, now=now)}
    return render(request, "accounts/plan_erasure.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_erasure(request: HttpRequest, token: str) -> HttpResponse:
    """The mailed link: a page that asks for the last click, since programs open links too."""
    user, now = require_user(request), timezone.now()
    if request.method == "POST":
        try:
            erasure.confirm_erasure(user=user, token=token, now=now)
        except links.LinkExpiredError as error:
            return render(request, "accounts/link_expired.html", {"message": error.message}, status=error.status)
        except erasure.ErasureBlockedError:
            return redirect("accounts:plan_erasure")
        return redirect("accounts:show_data")
    context = {"section": "data", "plan": erasure.plan_for(user=user, now=now)}
    return render(request, "accounts/confirm_erasure.html", context)


@require_POST
def cancel_erasure(request: HttpRequest) -> HttpResponse:
    """Keep the account."""
    try:
        erasure.cancel_erasure(user=require_user(request), now=timezone.now())
    except DomainError as error:
        messages.info(request, str(error.message))
    else:
        messages.success(request, _("Your account stays. Nothing has been deleted."))
    return redirect("accounts:show_data")
