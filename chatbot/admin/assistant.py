"""How the assistant is set and what it costs: versions to add, prices to keep, calls to read, and a place to try it."""

from datetime import timedelta

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from chatbot.admin import playground
from chatbot.answering import configuration
from chatbot.models import AssistantVersion, Conversation, ModelCall, ModelPrice
from chatbot.prompts import load
from core import changes
from core.admin import AuditedAdmin, ReadOnlyAdmin

_TAKEN_OVER = (
    "model", "rewrite_model", "max_tokens", "temperature", "prompt", "top_k", "off_topic_similarity",
    "rewrites_questions", "reranks", "daily_budget", "caller_budget", "is_answering",
)  # fmt: skip


@admin.register(AssistantVersion)
class AssistantVersionAdmin(AuditedAdmin):
    list_display = ("created_at", "note", "created_by", "model_in_use", "is_answering", "daily_budget", "is_in_use")
    list_filter = ("is_answering", "model")
    search_fields = ("note", "prompt")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    list_select_related = ("created_by",)
    fieldsets = (
        (None, {"fields": ("note", "is_answering")}),
        (_("Model"), {"fields": ("model", "max_tokens", "temperature", "prompt")}),
        (
            _("Finding passages"),
            {"fields": ("top_k", "off_topic_similarity", "rewrites_questions", "reranks", "rewrite_model")},
        ),
        (_("Budget"), {"fields": ("daily_budget", "caller_budget")}),
    )
    list_before_template = "admin/chatbot/try_link.html"

    def has_change_permission(self, request, obj=None):
        return False  # what was in use stays readable: a change is a new version

    def has_delete_permission(self, request, obj=None):
        return False

    def get_changeform_initial_data(self, request: HttpRequest):
        """A new version begins as the one in use."""
        before = AssistantVersion.objects.order_by("-pk").first() or AssistantVersion()
        values = {name: getattr(before, name) for name in _TAKEN_OVER}
        return values | {"prompt": before.prompt or load("answer")}

    def save_model(self, request, obj, form, change):
        if obj.prompt.split() == load("answer").split():
            obj.prompt = ""  # goes on following the product's
        obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def construct_change_message(self, request, form, formsets, add=False):
        """What the new version does otherwise than the one that was in use."""
        before = AssistantVersion.objects.filter(pk__lt=form.instance.pk).order_by("-pk").first() or AssistantVersion()
        values = changes.between(form.instance, changes.snapshot(before, form.fields))
        return {"changes": values} if values else {}

    def get_urls(self):
        # it may ask the paid model: not for everybody who may read the versions
        return [self.page("try/", self.try_search, "try", needs="chatbot.try_assistantversion"), *super().get_urls()]

    @display(description=_("model"))
    def model_in_use(self, version: AssistantVersion):
        return configuration.setting_of(version).model.name

    def get_queryset(self, request):
        newer = AssistantVersion.objects.filter(pk__gt=OuterRef("pk"))
        return super().get_queryset(request).annotate(is_newest=~Exists(newer))

    @display(description=_("in use"), boolean=True)
    def is_in_use(self, version: AssistantVersion):
        return getattr(version, "is_newest", False)

    def try_search(self, request: HttpRequest) -> HttpResponse:
        """What a question finds, with the scores behind it; the whole answer when the model is to be asked."""
        page_context = {"title": _("Try the search"), "opts": self.opts, **playground.build_context(request)}
        context = {**self.admin_site.each_context(request), **page_context}
        return TemplateResponse(request, "admin/chatbot/try_search.html", context)


@admin.register(ModelPrice)
class ModelPriceAdmin(AuditedAdmin):
    list_display = ("model", "valid_from", "input_price", "output_price", "cache_write_price", "cache_read_price")
    list_filter = ("model",)
    search_fields = ("model", "source")
    date_hierarchy = "valid_from"
    ordering = ("model", "-valid_from")
    fields = (
        "model", "valid_from", "input_price", "output_price", "cache_write_price", "cache_read_price",
        "euros_per_dollar", "source",
    )  # fmt: skip


class AskedByFilter(admin.SimpleListFilter):
    """Evaluations cost, too, and no budget of people's counts them."""

    title = _("asked by")
    parameter_name = "asked_by"

    def lookups(self, request, model_admin):
        return [("people", _("people")), ("evaluations", _("evaluations"))]

    def queryset(self, request, queryset):
        if self.value() == "people":
            return queryset.exclude(caller=Conversation.EVALUATION)
        return queryset.filter(caller=Conversation.EVALUATION) if self.value() == "evaluations" else queryset


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "purpose", "model", "topic", "input_tokens", "output_tokens", "cache_read_tokens", "euros", "is_settled",
    )  # fmt: skip
    list_filter = ("purpose", AskedByFilter, "model", "topic", "is_settled")
    search_fields = ("model",)
    date_hierarchy = "at"
    ordering = ("-pk",)
    fields = (
        "at", "purpose", "model", "topic", "question", "input_tokens", "output_tokens", "cache_read_tokens",
        "cache_write_tokens", "cost", "is_settled",
    )  # fmt: skip
    list_before_template = "admin/chatbot/model_costs.html"

    @display(description=_("cost"), ordering="cost")
    def euros(self, call: ModelCall):
        return f"{call.cost:.4f} €"

    def changelist_view(self, request, extra_context=None):
        """The list, below what the same calls cost by day, model and topic."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data:
            response.context_data["reports"] = _reports(response.context_data["cl"].queryset.order_by())
        return response


def _reports(calls) -> list[tuple[object, list[dict[str, object]]]]:
    """Sums by day (the last thirty), model and topic: of the very rows that are listed."""
    sums = {
        "count": Count("pk"), "tokens_in": Sum("input_tokens"), "tokens_out": Sum("output_tokens"),
        "read": Sum("cache_read_tokens"), "euros": Sum("cost"),
    }  # fmt: skip
    recent_calls = calls.filter(day__gt=timezone.localdate() - timedelta(days=30))

    def by(column, rows, order):
        return [{"name": row[column], **row} for row in rows.values(column).annotate(**sums).order_by(order)]

    return [
        (_("By day"), by("day", recent_calls, "-day")),
        (_("By model"), by("model", calls, "-euros")),
        (_("By topic"), by("topic", calls, "-euros")),
    ]
