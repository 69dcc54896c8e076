"""What every back-office page shares: tables to look at, tables to edit, and buttons that ask before they act."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import BinaryField, Model
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

from core import audit, changes, channels, wording
from core.errors import DomainError
from core.models import AuditEntry, ChannelPause, Sweep
from core.privacy import is_personal
from core.queue import QueuedRow, QueueQuerySet
from core.sweeps import TIMETABLE
from core.templatetags.ui import eur


class HouseAdmin(ModelAdmin):
    """A table of the back office. Each of its doors names the right it needs; buttons are shown when they can do good.

    A right is the name of a permission, or a verb of this very table, as Django's own four are: "retry" is
    "app.retry_model".
    """

    list_per_page = 50
    list_fullwidth = True
    compressed_fields = False  # label above value: beside it, three in a row run into each other
    # whether looking at a row is an entry of the trail; None: where the table holds something of people
    records_opening: ClassVar[bool | None] = None

    def has_retry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('retry', self.opts)}")

    def has_right(self, request: HttpRequest, right: str, *object_id: str) -> bool:
        """Whether this person has it: `right` is a permission, or a verb that may depend on the object."""
        if "." in right:
            return request.user.has_perm(right)
        return bool(getattr(self, f"has_{right}_permission")(request, *object_id))

    def page(self, route: str, view: Callable[..., Any], name: str, *, needs: str) -> URLPattern:
        """One more address of this table, for staff who have the right `needs`.

        Its name is that of the table with `name` behind it, as Django names its own five.
        """

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not self.has_right(request, needs):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(wrapper), name=full_name)

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        actions: list[Any] = super().get_actions_list(request)
        return [each for each in actions if self.has_right(request, each.method.needs)]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        actions: list[Any] = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, unquote(str(object_id))) if actions else None
        if obj is None:
            return []
        offered = (each for each in actions if each.method.is_offered(obj))
        return [each for each in offered if self.has_right(request, each.method.needs, object_id)]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"show_history": self.has_history_permission(request), **(extra_context or {})}
        response = super().change_view(request, object_id, form_url, context)
        records = is_personal(self.model) if self.records_opening is None else self.records_opening
        if records and request.method == "GET" and isinstance(response, TemplateResponse):
            obj = (response.context_data or {}).get("original")
            if obj:
                self.record_reading(request, obj, "opened")
        return response

    def record(self, request: HttpRequest, obj: Model, verb: str, **detail: Any) -> None:
        """Write what somebody did to `obj` by a page of this table."""
        audit.record(action=_act(obj, verb), target=obj, actor=_actor(request), **detail)

    def record_reading(self, request: HttpRequest, obj: Model, verb: str, **detail: Any) -> None:
        """Write that somebody looked at `obj` or took a file of it, once a day."""
        audit.record_reading(action=_act(obj, verb), target=obj, actor=_actor(request), **detail)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What the page changed, field by field: what the trail keeps in place of Django's own log."""
        parts = [part for formset in formsets or () for part in changes.of_formset(formset)]
        values = changes.of_form(form)
        return ({"changes": values} if values else {}) | ({"parts": parts} if parts else {})

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.record(request, obj, "created", **message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        if message:  # saved as it was: nothing happened
            self.record(request, obj, "changed", **message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            # afterwards nobody can tell what the number stood for
            self.record(request, obj, "deleted", **({} if is_personal(self.model) else {"called": str(obj)[:120]}))

    def has_history_permission(self, request: HttpRequest) -> bool:
        may_read_trail = request.user.has_perm(f"core.{get_permission_codename('view', AuditEntry._meta)}")
        return may_read_trail and self.has_view_or_change_permission(request)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What happened to a row, in words: the entries of the trail about it, newest first."""
        if not self.has_history_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        entries = AuditEntry.objects.filter(target=audit.name_of(obj)).newest_first()
        paginator = self.get_paginator(request, entries, self.list_per_page)
        page = paginator.get_page(request.GET.get(PAGE_VAR, 1))
        context = {
            **self.admin_site.each_context(request), "title": gettext("History of %(object)s") % {"object": obj},
            "lines": wording.describe(list(page), Reader(request, self.admin_site)), "page": page,
            "page_range": paginator.get_elided_page_range(page.number), "page_var": PAGE_VAR, "object": obj,
            "opts": self.opts, **(extra_context or {}),
        }  # fmt: skip
        return TemplateResponse(request, "admin/core/history.html", context)


class Reader:
    """Whoever reads the trail: which tables they may see, and where a row's page is."""

    def __init__(self, request: HttpRequest, site: Any) -> None:
        self._request, self._site = request, site

    def find_rows(self, model: type[Model], column: str, keys: list[Any]) -> list[Model]:
        """The rows of these keys, as the list of their table has them; none of a table one may not see."""
        if not self._site.is_registered(model):
            return []
        page = self._site.get_model_admin(model)
        if not page.has_view_permission(self._request):
            return []
        related = page.list_select_related
        binary = [field.name for field in model._meta.concrete_fields if isinstance(field, BinaryField)]
        rows = page.get_queryset(self._request).filter(**{f"{column}__in": keys}).defer(*binary)
        return list(rows.select_related(*related) if isinstance(related, tuple) and related else rows)

    def address_of(self, row: Model) -> str:
        """The page of a row that `find_rows` gave."""
        meta = row._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(row.pk)])


def _act(obj: Model, verb: str) -> str:
    return f"{obj._meta.model_name}.{verb}"


def _actor(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None


def button(
    *,
    needs: str,
    description: Any,
    is_offered: Callable[[Any], bool] = lambda _obj: True,
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[Callable[..., HttpResponse]], Any]:
    """Make a method a button of a list or of an object's page, for whoever has the right `needs` (`HouseAdmin`).

    Who has it not sees no button, and is refused at its address. unfold's own `permissions` look a dotted name up in
    Django's table of permissions, of which nothing is used here.
    """

    def decorate(method: Callable[..., HttpResponse]) -> Any:
        @action(description=description, variant=variant)
        @wraps(method)
        def view(self: HouseAdmin, request: HttpRequest, **address: str) -> HttpResponse:
            if not self.has_right(request, needs, *address.values()):
                raise PermissionDenied
            return method(self, request, **address)

        view.needs, view.is_offered = needs, is_offered
        return view

    return decorate


def confirmed_action(
    *,
    needs: str,
    description: Any,
    question: Any,
    is_offered: Callable[[Any], bool],
    variant: ActionVariant = ActionVariant.DEFAULT,
    form_class: type[Form] | None = None,
    initial: Callable[[Any], Mapping[str, Any]] | None = None,
    adapt: Callable[[Any, Any], None] | None = None,
    preview: Callable[[Any], str] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Make a method a button of an object's page: GET asks `question` and changes nothing, POST does it.

    The method is given the object, and what was filled in where there is a `form_class`, which may begin with what
    `initial` gives, and which `adapt` (form, user) may fit to who fills it in; it returns the sentence to show.
    `preview` gives what to look at before. A `DomainError` is shown in its place, beside its field where it names one;
    a form keeps what was written. unfold's own buttons are links, so that a GET would act, and a page
    elsewhere could make a signed-in person's browser do it.
    """

    def decorate(method: Callable[..., Any]) -> Any:
        @button(needs=needs, description=description, is_offered=is_offered, variant=variant)
        @wraps(method)
        def view(self: HouseAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_object(request, unquote(object_id))
            if obj is None:
                raise Http404
            page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(obj.pk)])
            initial_data = dict(initial(obj)) if initial else None
            form = form_class(request.POST or None, request.FILES or None, initial=initial_data) if form_class else None
            if form and adapt:
                adapt(form, request.user)
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


class YesFilter(admin.SimpleListFilter):
    """What wants somebody, as the overview counts it: all rows, or those that `narrow` leaves."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("yes"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return self.narrow(queryset) if self.value() == "yes" else queryset

    def narrow(self, queryset: Any) -> Any:
        """The rows that want somebody."""
        raise NotImplementedError


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

    @confirmed_action(needs="retry", description=description, question=question, is_offered=is_offered)
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
    """Rows that staff edit."""

    warn_unsaved_form = True


class ReadOnlyInline(TabularInline):
    """Parts of a read-only row."""

    extra = 0
    can_delete = False
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TroubledFilter(YesFilter):
    title = _("to look at")
    parameter_name = "troubled"

    def narrow(self, queryset):
        return queryset.troubled(timezone.now())


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
        needs="retry",
        description=_("Try now"),
        question=_("What is waiting is tried at once. If the cause is still there, the channel pauses again."),
        is_offered=lambda _row: True,
    )
    def try_now(self, request: HttpRequest, row: ChannelPause) -> str:
        self.record(request, row, "tried")
        channels.try_now(row.name)
        return gettext("What is waiting will be tried within a minute.")
