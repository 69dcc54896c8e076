"""The back office's view of users."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from accounts.models import ApiSession, BillingProfile, User
from core.admin import AuditedAdmin, ReadOnlyAdmin


class BillingProfileInline(StackedInline):
    model = BillingProfile
    can_delete = False
    extra = 0
    readonly_fields = BillingProfile.FISCAL_FIELDS
    tab = True

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(User)
class UserAdmin(AuditedAdmin):
    list_display = ("email", "first_name", "last_name", "role", "email_verified_at", "is_active")
    list_filter = ("role", "is_active", "language")
    search_fields = ("email", "first_name", "last_name", "billing_profile__company_name", "billing_profile__vat_number")
    date_hierarchy = "date_joined"
    ordering = ("-date_joined", "-pk")
    readonly_fields = ("email", "role", "email_verified_at", "date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), "language")}),
        (_("Access"), {"fields": ("role", "is_active", "email_verified_at", "date_joined", "last_login")}),
    )
    inlines = (BillingProfileInline,)

    def has_add_permission(self, request):
        return False  # people register themselves; staff are made by `manage.py createsuperuser`

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(ApiSession)
class ApiSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "created_at", "last_used_at", "expires_at", "revoked_at", "revoked_reason", "ip")
    list_filter = ("revoked_reason",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
