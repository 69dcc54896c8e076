"""Two ways a table shows in the back office, for every app's admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from core import audit
from core.models import AuditEntry


class ReadOnlyAdmin(ModelAdmin):
    """Rows that only services write: to be looked at, searched and followed, never changed here."""

    list_per_page = 50
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AuditedAdmin(ModelAdmin):
    """Rows that staff edit: each change is recorded with its author."""

    list_per_page = 50
    list_fullwidth = True
    warn_unsaved_form = True

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, obj, "created")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        fields = [name for part in message if "changed" in part for name in part["changed"].get("fields", [])]
        self._record(request, obj, "changed", fields=fields)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._record(request, obj, "deleted")
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, obj: Model, verb: str, **detail: Any) -> None:
        actor = request.user if request.user.is_authenticated else None
        audit.record(action=f"{obj._meta.model_name}.{verb}", target=obj, actor=actor, **detail)


class ReadOnlyInline(TabularInline):
    """Parts of a read-only row."""

    extra = 0
    can_delete = False
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_label", "action", "target", "position")
    list_filter = ("action",)
    search_fields = ("actor_label", "target", "action")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
