"""The back office as a site: only pages written for it, and one way to a new password."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from accounts.current_user import user_of
from accounts.login import sessions


class BackOffice(UnfoldAdminSite):
    index_title = _("Overview")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take our own pages; leave those of packages: groups mean nothing here, dj-stripe's show Stripe's key."""
        if admin_class is not None and issubclass(admin_class, ModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, signed in with a second factor; without one the way in leads to setting it up."""
        user = user_of(request)
        return super().has_permission(request) and user is not None and user.is_verified()

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The session's row ends, too, as on the pages."""
        if request.method == "POST":
            sessions.sign_out(request, now=timezone.now())
        return super().logout(request, extra_context)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The tables of which one may see something, by their names.

        unfold keeps the results of each person for five minutes, also when their role is another by then.
        """
        term = request.GET.get("s", "").lower()
        results = self._search_apps(self.get_app_list(request), term) if term else []
        return TemplateResponse(
            request, "unfold/helpers/search_results.html", {"results": results}, headers={"HX-Trigger": "search"}
        )

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """By mail, as for everybody: that way ends the open sessions and tells the owner."""
        return redirect("accounts:request_password_reset")
