"""The back office's view of users."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from accounts import roles, staff
from accounts.current_user import require_user
from accounts.documents import admin as documents_admin  # noqa: F401 -- registers itself
from accounts.documents.buttons import documents_link, share_button
from accounts.models import AccountErasure, BillingProfile, DataExport, User, UserSession
from accounts.privacy import erasure
from core.admin import QUEUE_LOOKS, AuditedAdmin, QueueAdmin, ReadOnlyAdmin, badge, confirmed_action
from core.web.fields import EmailField, NameField


class BillingProfileInline(StackedInline):
    model = BillingProfile
    can_delete = False
    extra = 0
    fields = BillingProfile.FISCAL_FIELDS
    tab = True

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False  # it is the customer's own; what an invoice got wrong is put right on the invoice


class EraseForm(forms.Form):
    """The address typed once more: the wrong account must not go by one click."""

    email = EmailField(label=_("E-mail address of the account"), widget=UnfoldAdminEmailInputWidget)


class RoleForm(forms.Form):
    """A new role and why, in a word that the audit trail keeps."""

    role = forms.ChoiceField(label=_("Role"), widget=UnfoldAdminSelectWidget())
    reason = forms.ChoiceField(
        label=_("Reason"), choices=[("", "–"), *staff.Reason.choices], widget=UnfoldAdminSelectWidget()
    )


def _offer_grantable(form: RoleForm, user: User) -> None:
    field: Any = form.fields["role"]
    field.choices = [(role.value, role.label) for role in roles.grantable_roles(user.role)]


def _plan_of(user: User) -> str:
    return render_to_string(
        "admin/accounts/_erasure_plan.html", {"plan": erasure.plan_for(user=user, now=timezone.now())}
    )


class UserForm(forms.ModelForm):
    class Meta:
        field_classes = {"first_name": NameField, "last_name": NameField}


@admin.register(User)
class UserAdmin(AuditedAdmin):
    form = UserForm
    list_display = ("email", "first_name", "last_name", "role", "email_verified_at", "is_active")
    list_filter = ("role", "is_active", "language")
    search_fields = ("email", "first_name", "last_name", "billing_profile__company_name", "billing_profile__vat_number")
    date_hierarchy = "date_joined"
    ordering = ("-date_joined", "-pk")
    readonly_fields = (
        "email", "role", "is_active", "email_verified_at", "date_joined", "last_login", "erased_at", "documents_link",
    )  # fmt: skip
    actions_detail = ("share_document", "assign_role", "deactivate", "reactivate", "erase_account")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), "language", "documents_link")}),
        (_("Access"), {"fields": ("role", "is_active", "email_verified_at", "date_joined", "last_login", "erased_at")}),
    )
    inlines = (BillingProfileInline,)

    documents_link = documents_link
    share_document = share_button(lambda user: user)

    def has_add_permission(self, request):
        return False  # people register themselves, staff too: a role is given to an account

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and (
            obj is None or (obj.erased_at is None and request.user.may_manage(obj))
        )

    def has_assign_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("accounts.assign_role") and self._may_manage(request, object_id)

    def has_deactivate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("accounts.deactivate_user") and self._may_manage(request, object_id)

    def _may_manage(self, request: HttpRequest, object_id: str | None) -> bool:
        user = self.get_object(request, object_id) if object_id else None
        return user is None or require_user(request).may_manage(user)

    @confirmed_action(
        needs="assign",
        description=_("Change role"),
        question=_(
            "The new role holds from now on: their open sessions end, and they are told by mail. Reason and both roles "
            "go into the audit trail."
        ),
        is_offered=lambda user: user.erased_at is None,
        form_class=RoleForm,
        initial=lambda user: {"role": user.role},
        adapt=_offer_grantable,
    )
    def assign_role(self, request: HttpRequest, user: User, data: dict) -> str:
        user = staff.assign_role(user=user, **data, actor=request.user, now=timezone.now())
        return gettext("%(name)s is now: %(role)s.") % {"name": user, "role": user.get_role_display()}

    @confirmed_action(
        needs="deactivate",
        description=_("Deactivate"),
        question=_("Nobody signs in with this account any more, and its open sessions end. Nothing is deleted."),
        is_offered=lambda user: user.is_active,
        variant=ActionVariant.DANGER,
    )
    def deactivate(self, request: HttpRequest, user: User) -> str:
        staff.deactivate(user=user, actor=request.user, now=timezone.now())
        return gettext("The account is deactivated.")

    @confirmed_action(
        needs="deactivate",
        description=_("Reactivate"),
        question=_("The account can be used again, with the password it had."),
        is_offered=lambda user: not user.is_active and user.erased_at is None,
    )
    def reactivate(self, request: HttpRequest, user: User) -> str:
        staff.reactivate(user=user, actor=request.user)
        return gettext("The account is active again.")

    @confirmed_action(
        needs="accounts.erase_user",
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
        erasure.erase_as_staff(user=user, email=data["email"], actor=request.user, now=timezone.now())
        return gettext("The account is erased.")


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "created_at", "last_used_at", "second_factor", "ended_at", "end_reason", "network")
    list_filter = ("kind", "second_factor", "end_reason")
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
