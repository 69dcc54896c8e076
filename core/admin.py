"""What every back-office page shares: tables to look at, tables to edit, and buttons that ask before they act."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core import audit, channels
from core.errors import DomainError
from core.models import AuditEntry, ChannelPause, Sweep
from core.queue import QueuedRow, QueueQuerySet
from core.sweeps import TIMETABLE
from core.templatetags.ui import eur


class HouseAdmin(ModelAdmin):
    """A table of the back office; its buttons are for whoever may change its rows, and shown when they can do good."""

    list_per_page = 50
    list_fullwidth = True
    compressed_fields = False  # label above value: beside it, three in a row run into each other
    records_opening = False  # for rows that hold what people said in confidence

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        # not has_change_permission: where no column can be edited, nobody has that
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('change', self.opts)}")

    def page(self, route: str, view: Callable[..., Any], name: str, *, needs: str) -> URLPattern:
        """One more address of this table, for staff who have the right `needs` on it: view, add or act.

        Its name is that of the table with `name` behind it, as Django names its own five.
        """

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not getattr(self, f"has_{needs}_permission")(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(wrapper), name=full_name)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        actions = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, unquote(str(object_id))) if actions else None
        return [button for button in actions if obj and button.method.is_offered(obj)]  # type: ignore[attr-defined]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if self.records_opening and request.method == "GET" and response.status_code == HTTPStatus.OK:
            self.record(request, self.get_object(request, unquote(object_id)), "opened")
        return response

    def record(self, request: HttpRequest, obj: Model, verb: str, **detail: Any) -> None:
        actor = request.user if request.user.is_authenticated else None
        audit.record(action=f"{obj._meta.model_name}.{verb}", target=obj, actor=actor, **detail)


def confirmed_action(
    *,
    description: Any,
    question: Any,
    is_offered: Callable[[Any], bool],
    variant: ActionVariant = ActionVariant.DEFAULT,
    form_class: type[Form] | None = None,
    initial: Callable[[Any], Mapping[str, Any]] | None = None,
    preview: Callable[[Any], str] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Make a method a button of an object's page: GET asks `question` and changes nothing, POST does it.

    The method is given the object, and what was filled in where there is a `form_class`, which may begin with what
    `initial` gives; it returns the sentence to show. `preview` gives what to look at before. A `DomainError` is shown
    in its place, a form keeps what was written. unfold's own buttons are links, so that a GET would act, and a page
    elsewhere could make a signed-in person's browser do it.
    """

    def decorate(method: Callable[..., Any]) -> Any:
        @action(description=description, permissions=["act"], variant=variant)
        @wraps(method)
        def view(self: HouseAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, unquote(object_id))
            if obj is None:
                raise Http404
            page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(obj.pk)])
            initial_data = dict(initial(obj)) if initial else None
            form = form_class(request.POST or None, request.FILES or None, initial=initial_data) if form_class else None
            if request.method == "POST" and (form is None or form.is_valid()):
                try:
                    messages.success(request, method(self, request, obj, *([form.cleaned_data] if form else [])))
                except DomainError as error:
                    if form is None:
                        messages.error(request, str(error.message))
                        return redirect(page)
                    form.add_error(error.field if error.field in form.fields else None, str(error.message))
                else:
                    return redirect(page)
            context = self.admin_site.each_context(request)
            context |= {"title": description, "question": question, "object": obj, "opts": self.opts, "page": page}
            context |= {"form": form, "preview": preview(obj) if preview else ""}
            return TemplateResponse(request, "admin/confirm_action.html", context)

        view.is_offered = is_offered
        return view

    return decorate


def amount(field: str, description: Any) -> Any:
    """A column or field in euros, written as the reader's language does."""

    @display(description=description, ordering=field)
    def display_amount(_admin: Any, obj: Any) -> str:
        return eur(getattr(obj, field))

    return display_amount


def moment(at: datetime) -> str:
    """Day and time for a list or a badge, short and in the reader's language."""
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


def badge(field: str, description: Any, looks: Mapping[str, str], *, ordering: str | None = None) -> Any:
    """A column or field for a state: shape, word and colour. `looks` names the shape: done, now, warn, stop.

    unfold's own label has no shape, and stands only in lists. `ordering` is for a state that is no column itself.
    """

    @display(description=description, ordering=ordering or field)
    def display_badge(_admin: Any, obj: Any) -> str:
        word = capfirst(getattr(obj, f"get_{field}_display")())
        return format_html('<span class="badge badge--{}">{}</span>', looks[getattr(obj, field)], word)

    return display_badge


class ReadOnlyAdmin(HouseAdmin):
    """Rows that only services write: to be looked at, searched and followed, never changed here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# How the states of `core.queue.QueuedRow` look.
QUEUE_LOOKS = {"pending": "now", "running": "now", "done": "done", "failed": "stop"}


def _is_given_up(row: QueuedRow) -> bool:
    return row.state == QueuedRow.State.FAILED


def _revive_given_up(row: QueuedRow) -> bool:
    return QueueQuerySet(type(row)).failed().revive(row.pk)


def another_try(
    *,
    description: Any,
    question: Any,
    answer: Any,
    verb: str,
    is_offered: Callable[[Any], bool] = _is_given_up,
    revive: Callable[[Any], bool] = _revive_given_up,
) -> Any:
    """Make the button that puts a row back in its queue; `answer` is the sentence to show, `verb` the audit entry's.

    `revive` is the row's service where it has one that wakes its worker, or does more; False when nothing was done.
    """

    @confirmed_action(description=description, question=question, is_offered=is_offered)
    def try_again(self: HouseAdmin, request: HttpRequest, row: QueuedRow) -> str:
        if not revive(row):
            raise DomainError(_("Nothing was done: its state has changed meanwhile."))
        self.record(request, row, verb)
        return str(answer)

    return try_again


class QueueAdmin(ReadOnlyAdmin):
    """Rows that a worker works: how far each has come, and one more try for what was given up."""

    actions_detail = ("try_again",)

    state_badge = badge("state", _("state"), QUEUE_LOOKS)
    try_again = another_try(
        description=_("Try again"),
        question=_("A worker takes it up once more. What it already did is not done twice."),
        answer=_("It is back in the queue."),
        verb="tried_again",
    )


class AuditedAdmin(HouseAdmin):
    """Rows that staff edit: each change is recorded with its author."""

    warn_unsaved_form = True

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.record(request, obj, "created")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        fields = [name for part in message if "changed" in part for name in part["changed"].get("fields", [])]
        self.record(request, obj, "changed", fields=fields)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self.record(request, obj, "deleted")
        return super().log_deletions(request, queryset)


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
    list_display = ("at", "who", "action", "target", "position")
    list_filter = ("action",)
    list_select_related = ("actor",)
    search_fields = ("actor_label", "actor__email", "target", "action")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")

    @display(description=_("who"), ordering="actor_label")
    def who(self, entry: AuditEntry) -> str:
        """The entry has a number only; the name is looked up as long as there is one."""
        return str(entry.actor or entry.actor_label)


class TroubledFilter(admin.SimpleListFilter):
    title = _("to look at")
    parameter_name = "troubled"

    def lookups(self, request, model_admin):
        return [("yes", _("yes"))]

    def queryset(self, request, queryset):
        return queryset.troubled(timezone.now()) if self.value() == "yes" else queryset


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin):
    """Each periodic task with its last run; a row that is late or failing stands on the overview, too."""

    list_display = ("about", "interval", "succeeded_at", "state_badge", "rows_worked", "last_error")
    list_filter = (TroubledFilter,)
    search_fields = ("name", "last_error")
    ordering = ("name",)
    fields = (
        ("about", "name"), ("interval", "state_badge", "rows_worked"), ("began_at", "succeeded_at", "failed_at"),
        "last_error",
    )  # fmt: skip
    readonly_fields = ("about", "interval", "state_badge")

    def get_queryset(self, request: HttpRequest):
        return Sweep.objects.with_state(timezone.now())

    @display(description=_("what it does"), ordering="name")
    def about(self, row: Sweep):
        return TIMETABLE[row.name].about if row.name in TIMETABLE else row.name

    @display(description=_("every"), ordering="every")
    def interval(self, row: Sweep):
        seconds = round(row.every.total_seconds())
        unit, name = next(pair for pair in ((3600, "h"), (60, "min"), (1, "s")) if seconds % pair[0] == 0)
        return f"{seconds // unit}\N{NO-BREAK SPACE}{name}"

    @display(description=_("state"))
    def state_badge(self, row: Sweep):
        state = Sweep.State(row.state)
        look = {Sweep.State.FINE: "done", Sweep.State.LATE: "warn", Sweep.State.FAILING: "stop"}[state]
        return format_html('<span class="badge badge--{}">{}</span>', look, capfirst(state.label))


@admin.register(ChannelPause)
class ChannelPauseAdmin(ReadOnlyAdmin):
    """What no row is tried on just now; empty as long as every way to a vendor is open."""

    list_display = ("channel", "since", "until", "failures", "reason")
    ordering = ("since",)
    fields = (("channel", "since", "until", "failures"), "reason")
    readonly_fields = ("channel",)
    actions_detail = ("try_now",)

    @display(description=_("channel"), ordering="name")
    def channel(self, row: ChannelPause):
        return channels.LABELS.get(row.name, row.name)

    @confirmed_action(
        description=_("Try now"),
        question=_("What is waiting is tried at once. If the cause is still there, the channel pauses again."),
        is_offered=lambda _row: True,
    )
    def try_now(self, request: HttpRequest, row: ChannelPause) -> str:
        self.record(request, row, "tried")
        channels.try_now(row.name)
        return gettext("What is waiting will be tried within a minute.")
