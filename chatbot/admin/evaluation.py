"""What was measured of the assistant: run by run, each with its tables, and how the figures went from run to run."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from chatbot.evaluation.trend import HEIGHT, WIDTH, chart
from chatbot.models import EvaluationRun
from core.admin import ReadOnlyAdmin
from core.templatetags.ui import rate


def _decimals(value: float | None, places: int = 3) -> str:
    return "–" if value is None else number_format(round(value, places), decimal_pos=places, use_l10n=True)


def _percent(value: float | None, _places: int = 3) -> str:
    return "–" if value is None else rate(Decimal(str(round(value * 100, 1))))


METHODS = {
    "hybrid": _("Words and meaning"),
    "vector": _("Meaning"),
    "full_text": _("Words"),
    "rewritten": _("With rewriting"),
}
ANSWERS = {
    "citation_validity": _("Citations that hold"),
    "answered_from_gold": _("Answered from a right section"),
    "unanswerable_refused": _("Refused of what has no answer"),
    "answerable_refused": _("Refused of what has one"),
}
_GROUPS = {
    "all": _("all"),
    "exact": _("in the documents’ words"),
    "paraphrase": _("in other words"),
    "cross": _("in the other language"),
    "multi": _("of several sections"),
    "article": _("of an article"),
    "it": _("Italian"),
    "en": _("English"),
}
_REMARKS = {
    "missed": _("not all it needs among the first five"),
    "failed": _("no answer came"),
    "citation": _("a citation does not hold"),
    "answered": _("answered, though the documents have no answer"),
    "refused": _("refused, though the documents have an answer"),
    "elsewhere": _("answered, but from none of the right sections"),
}
CHARTS = (
    (_("Recall@5: what is needed is among the first five"), "methods.{}.all.recall_at_5", METHODS, _decimals),
    (_("MRR@10: how far up the first right one stands"), "methods.{}.all.mrr_at_10", METHODS, _decimals),
    (_("Answers"), "answers.{}", ANSWERS, _percent),
)
_SHOWN = 40  # runs in a trend


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "name", "recall", "mrr", "validity", "refused", "refused_by_search", "question_count", "corpus",
    )  # fmt: skip
    list_filter = ("name", "embedding_model", "answer_model")
    search_fields = ("name",)
    list_select_related = ("version",)
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    fieldsets = (
        (_("Questions"), {"fields": ("at", "name", "question_count", "questions_digest")}),
        (_("Knowledge base"), {"fields": (
            "document_count", "passage_count", "waiting_count", "embedding_model", "corpus_digest",
        )}),
        (_("Assistant"), {"fields": ("version", "answer_model", "rewrite_model")}),
    )  # fmt: skip
    readonly_fields = ("questions_digest", "corpus_digest")
    list_before_template = "admin/chatbot/trend_link.html"
    change_form_after_template = "admin/chatbot/evaluation_run.html"

    def get_queryset(self, request):
        # what only the page of one run shows is long
        runs = super().get_queryset(request)
        return runs.defer("remarks") if request.resolver_match.url_name.endswith("_changelist") else runs

    def get_urls(self):
        return [self.page("trend/", self.trend, "trend", needs="view"), *super().get_urls()]

    @display(description="Recall@5")
    def recall(self, run: EvaluationRun):
        return _decimals(run.figure("methods.hybrid.all.recall_at_5"))

    @display(description="MRR@10")
    def mrr(self, run: EvaluationRun):
        return _decimals(run.figure("methods.hybrid.all.mrr_at_10"))

    @display(description=_("refused without a model"))
    def refused_by_search(self, run: EvaluationRun):
        return _percent(run.figure("refusal.unanswerable_refused"))

    @display(description=_("refused rightly"))
    def refused(self, run: EvaluationRun):
        return _percent(run.figure("answers.unanswerable_refused"))

    @display(description=_("citations that hold"))
    def validity(self, run: EvaluationRun):
        return _percent(run.figure("answers.citation_validity"))

    @display(description=_("documents"))
    def corpus(self, run: EvaluationRun):
        if run.waiting_count:
            return _("%(count)d, and %(waiting)d were still being read") % {
                "count": run.document_count, "waiting": run.waiting_count,
            }  # fmt: skip
        return run.document_count

    @display(description=_("SHA-256 of the questions"))
    def questions_digest(self, run: EvaluationRun):
        return _digest(run.questions_sha256)

    @display(description=_("SHA-256 of the documents"))
    def corpus_digest(self, run: EvaluationRun):
        return _digest(run.corpus_sha256)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        run = self.get_object(request, object_id)
        tables = _tables(run) if run and self.has_view_permission(request, run) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **tables})

    def trend(self, request: HttpRequest) -> HttpResponse:
        """The figures of the runs that asked the same questions, as lines and as tables."""
        sets = list(
            EvaluationRun.objects.values("questions_sha256")
            .annotate(name=Max("name"), questions=Max("question_count"), runs=Count("pk"), newest=Max("at"))
            .order_by("-newest")
        )
        digests = [each["questions_sha256"] for each in sets]
        requested_digest = request.GET.get("questions", "")
        selected_digest = requested_digest if requested_digest in digests else next(iter(digests), "")
        newest = EvaluationRun.objects.filter(questions_sha256=selected_digest).defer("remarks").order_by("-at", "-pk")
        runs = list(newest[:_SHOWN])[::-1]
        charts = [
            chart(title, runs, _paths(pattern, labels), format_value) for title, pattern, labels, format_value in CHARTS
        ]
        context = {
            **self.admin_site.each_context(request), "title": _("How the figures went"), "opts": self.opts,
            "sets": sets, "chosen": selected_digest, "charts": [each for each in charts if each], "runs": runs,
            "width": WIDTH, "height": HEIGHT,
        }  # fmt: skip
        return TemplateResponse(request, "admin/chatbot/evaluation_trend.html", context)


def _paths(pattern: str, labels) -> dict[str, str]:
    return {pattern.format(name): str(label) for name, label in labels.items()}


def _tables(run: EvaluationRun) -> dict[str, object]:
    """What the page of a run shows below its fields."""
    method_figures = run.figures.get("methods", {})
    names = [name for name in METHODS if name in method_figures] + [
        name for name in method_figures if name not in METHODS
    ]
    groups = _in_order(method_figures[names[0]]) if names else []
    answers = run.figures.get("answers")
    columns = {"all": answers, **answers["by_language"]} if answers else {}
    return {
        "methods": [METHODS.get(name, name) for name in names],
        "groups": [
            (
                _GROUPS.get(group, group),
                method_figures[names[0]][group]["questions"],
                [
                    _decimals(method_figures[name][group][figure])
                    for name in names
                    for figure in ("recall_at_5", "mrr_at_10")
                ],
            )
            for group in groups
        ],
        "refused_without": _percent(run.figure("refusal.unanswerable_refused")),
        "refused_wrongly": _percent(run.figure("refusal.answerable_refused")),
        "answers": answers,
        "answer_groups": [_GROUPS.get(name, name) for name in _in_order(columns)],
        "answer_rows": [
            (label, [_percent(columns[group][name]) for group in _in_order(columns)]) for name, label in ANSWERS.items()
        ],
        "remarks": [{**each, "what": _REMARKS.get(each["what"], each["what"])} for each in run.remarks],
    }


def _digest(sha256: str) -> str:
    return format_html('<code class="digest">{}</code>', sha256)


def _in_order(groups) -> list[str]:
    """As people read them: the database keeps the names of a JSON object in an order of its own."""
    return [name for name in _GROUPS if name in groups] + sorted(name for name in groups if name not in _GROUPS)
