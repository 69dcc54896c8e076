"""The back office's view of users."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts.documents import admin as documents_admin  # noqa: F401 -- registers itself
from accounts.documents.buttons import documents_link, share_button
from accounts.models import AccountErasure, ApiSession, BillingProfile, DataExport, User
from accounts.privacy import erasure
from core.admin import QUEUE_LOOKS, AuditedAdmin, QueueAdmin, ReadOnlyAdmin, badge, confirmed_action


class BillingProfileInline(StackedInline):
    model = BillingProfile
    can_delete = False
    extra = 0
    readonly_fields = BillingProfile.FISCAL_FIELDS
    tab = True

    def has_add_permission(self, request, obj=None):
        return False


class EraseForm(forms.Form):
    """The address typed once more: the wrong account must not go by one click."""

    email = forms.EmailField(
        label=_("E-mail address of the account"), max_length=254, widget=UnfoldAdminEmailInputWidget
    )


def _plan_of(user: User) -> str:
    return render_to_string(
        "admin/accounts/_erasure_plan.html", {"plan": erasure.plan_for(user=user, now=timezone.now())}
    )


@admin.register(User)
class UserAdmin(AuditedAdmin):
    list_display = ("email", "first_name", "last_name", "role", "email_verified_at", "is_active")
    list_filter = ("role", "is_active", "language")
    search_fields = ("email", "first_name", "last_name", "billing_profile__company_name", "billing_profile__vat_number")
    date_hierarchy = "date_joined"
    ordering = ("-date_joined", "-pk")
    readonly_fields = (
        "email", "role", "email_verified_at", "date_joined", "last_login", "erased_at", "documents_link",
    )  # fmt: skip
    actions_detail = ("share_document", "erase_account")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), "language", "documents_link")}),
        (_("Access"), {"fields": ("role", "is_active", "email_verified_at", "date_joined", "last_login", "erased_at")}),
    )
    inlines = (BillingProfileInline,)

    documents_link = documents_link
    share_document = share_button(lambda user: user)

    def has_add_permission(self, request):
        return False  # people register themselves; staff are made by `manage.py createsuperuser`

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and not (obj and obj.erased_at)

    @confirmed_action(
        description=pgettext_lazy("of an account", "Erase"),
        question=_(
            "For requests that come by letter, once you know whom it is from. This is what would happen; nothing has "
            "happened yet. There is no waiting and no way back."
        ),
        is_offered=lambda user: not user.is_staff and user.erased_at is None,
        variant=ActionVariant.DANGER,
        form_class=EraseForm,
        preview=_plan_of,
    )
    def erase_account(self, request: HttpRequest, user: User, data) -> str:
        if not request.user.is_superuser:
            raise PermissionDenied
        erasure.erase_as_staff(user=user, email=data["email"], actor=request.user, now=timezone.now())
        return gettext("The account is erased.")


@admin.register(ApiSession)
class ApiSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "last_used_at", "expires_at", "revoked_at", "revoked_reason", "ip")
    list_filter = ("revoked_reason",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)


@admin.register(DataExport)
class DataExportAdmin(QueueAdmin):
    list_display = ("requested_at", "user", "state_badge", "attempts", "ready_at", "last_error")
    list_filter = ("state",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    date_hierarchy = "requested_at"
    ordering = ("-requested_at", "-pk")
    fields = (
        ("user", "requested_at"), ("state_badge", "attempts", "next_try_at"), ("ready_at", "expires_at", "size"),
        "last_error",
    )  # fmt: skip
    readonly_fields = ("state_badge",)

    state_badge = badge("state", _("state"), {**QUEUE_LOOKS, "expired": "stop"})


@admin.register(AccountErasure)
class AccountErasureAdmin(QueueAdmin):
    list_display = ("confirmed_at", "user", "state_badge", "due_at", "attempts", "last_error")
    list_filter = ("state",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    date_hierarchy = "confirmed_at"
    ordering = ("-confirmed_at", "-pk")
    fields = (
        ("user", "confirmed_at", "due_at"), ("state_badge", "attempts", "next_try_at"), ("blocked_told_at", "ended_at"),
        "last_error",
    )  # fmt: skip
    readonly_fields = ("state_badge",)

    state_badge = badge("state", _("state"), {**QUEUE_LOOKS, "cancelled": "stop"})
