"""The page of the audit trail: in words, searched, and taken along as CSV."""

import csv
import io
from collections.abc import Iterator
from html import unescape
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html, strip_tags
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.views import ChangeList

from core import audit, wording
from core.admin.base import Reader, ReadOnlyAdmin, YesFilter, moment
from core.admin.trail_search import TrailForm
from core.models import AuditEntry, AuditVerification
from core.spreadsheet import harmless
from core.web.downloads import attachment

_BATCH = 500
_MOST = 20_000  # rows of one CSV: what a request makes in a few seconds
_SHOWN = 3
_COLUMNS = (_("when"), _("who"), _("account"), _("what"), _("before and after"), _("act"), _("object"), _("seal"))


class TrailList(ChangeList):
    """The list narrowed by the form above it, each entry with its `line` in words."""

    def __init__(self, request: HttpRequest, model: Any, *args: Any) -> None:
        self.trail_form = make_form(request)
        super().__init__(request, model, *args)

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        lookups = super().get_filters_params(params)
        return {name: value for name, value in lookups.items() if name not in TrailForm.base_fields}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        return self.trail_form.narrow(super().get_queryset(request, exclude_parameters))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = put_into_words(list(self.result_list), request)


def make_form(request: HttpRequest) -> TrailForm:
    """The form as it was sent in the address."""
    finds_people = admin.site.get_model_admin(_user_model()).has_view_permission(request)
    return TrailForm(request.GET, finds_people=finds_people)


def _user_model() -> Any:
    return AuditEntry._meta.get_field("actor").related_model


def put_into_words(entries: list[Any], request: HttpRequest) -> list[Any]:
    """The entries, each with its `line`."""
    for entry, line in zip(entries, wording.describe(entries, Reader(request, admin.site)), strict=True):
        entry.line = line
    return entries


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    records_opening = False  # who reads the trail changes nothing of what it says; taking it along is an entry
    list_display = ("when", "who", "what", "seal")
    list_display_links = ("when",)
    ordering = ("-pk",)
    fields = (("at", "who", "seal"), "what_in_full", ("action", "target"), "detail", ("position", "hash"))
    readonly_fields = ("who", "seal", "what_in_full")
    list_before_template = "admin/core/trail_search.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TrailList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        entry = super().get_object(request, object_id, from_field)
        return entry and put_into_words([entry], request)[0]

    def has_history_permission(self, request: HttpRequest) -> bool:
        return False  # an entry is history and has none

    def get_urls(self) -> list[URLPattern]:
        return [self.page("export/", self.export_view, "export", needs="view"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data:
            shown = response.context_data["cl"]
            response.context_data |= {"form": shown.trail_form, "query": request.GET.urlencode()}
            response.context_data["verification"] = AuditVerification.objects.newest()
        return response

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows just now, as CSV; the taking along is an entry itself."""
        form = make_form(request)
        entries = form.narrow(AuditEntry.objects.newest_first())
        count = entries.count()
        if count > _MOST:
            text = gettext(
                "These are %(count)s entries, and a file takes %(most)s: narrow the search, by days perhaps."
            )
            messages.error(request, text % {"count": count, "most": _MOST})
        if count > _MOST or not form.is_valid():  # the list says what is wrong with the form
            return redirect(reverse("admin:core_auditentry_changelist", query=request.GET))
        # not what was searched for: an address in it could never be forgotten
        narrowed_by = sorted(name for name, value in form.cleaned_data.items() if value)
        audit.record(action="auditentry.exported", actor=request.user, entries=count, narrowed_by=narrowed_by)
        name = f"audit-{timezone.localdate():%Y-%m-%d}.csv"
        return attachment(_as_csv(entries, request), name=name, content_type="text/csv; charset=utf-8")

    @display(description=_("when"), ordering="pk")
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @display(description=_("who"))
    def who(self, entry: Any) -> str:
        return format_html('<span class="trail">{}</span>', entry.line.who)

    @display(description=_("what"))
    def what(self, entry: Any) -> str:
        line = entry.line
        values = {"line": line, "changes": line.changes[:_SHOWN], "more": len(line.changes) - _SHOWN}
        return render_to_string("admin/core/_trail_line.html", values)

    @display(description=_("what"))
    def what_in_full(self, entry: Any) -> str:
        return render_to_string("admin/core/_trail_line.html", {"line": entry.line, "changes": entry.line.changes})

    @display(description=_("seal"), ordering="position")
    def seal(self, entry: AuditEntry) -> str:
        return seal_badge(entry)


class BrokenFilter(YesFilter):
    """The newest, if it found the trail broken, as the overview counts it."""

    title = _("broken")
    parameter_name = "broken"

    def narrow(self, queryset):
        return queryset.broken()


@admin.register(AuditVerification)
class AuditVerificationAdmin(ReadOnlyAdmin):
    """What came out each day; a broken trail stands on the overview, and staff are written to."""

    list_display = ("at", "result", "count", "broken_count", "first_broken", "position")
    list_filter = (BrokenFilter,)
    date_hierarchy = "at"
    ordering = ("-pk",)
    fields = (("at", "result"), ("count", "broken_count", "first_broken"), ("is_cut", "position", "hash"))
    readonly_fields = ("result",)

    @display(description=_("result"))
    def result(self, verification: AuditVerification) -> str:
        return render_to_string("admin/core/_verification.html", {"verification": verification})


def seal_badge(entry: AuditEntry) -> str:
    """Whether the entry is in the chain, as a shape with a word."""
    look, word = ("now", gettext("not yet sealed")) if entry.position is None else ("done", gettext("sealed"))
    return format_html('<span class="badge badge--{}">{}</span>', look, word)


def _as_csv(entries: Any, request: HttpRequest) -> bytes:
    """As an Italian spreadsheet opens it with a double click: semicolons, UTF-8 with BOM, moments of our own clock."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow(str(name) for name in _COLUMNS)
    for row in _rows(entries, request):
        writer.writerow([harmless(cell) for cell in row])
    return file.getvalue().encode("utf-8-sig")


def _rows(entries: Any, request: HttpRequest) -> Iterator[list[str]]:
    for page in Paginator(entries, _BATCH):
        for entry in put_into_words(list(page), request):
            line = entry.line
            yield [
                f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}", _plain(line.who), entry.actor_label,
                _plain(line.what), "; ".join(_change(change) for change in line.changes), entry.action, entry.target,
                f"{entry.position or ''} {entry.hash}".strip(),
            ]  # fmt: skip


def _plain(html: str) -> str:
    return unescape(strip_tags(html))


def _change(change: wording.Change) -> str:
    return f"{change.field}: {change.before} → {change.after}" if change.is_kept else change.field
