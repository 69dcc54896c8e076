"""Runs that are kept: of which questions and documents they are, how they are read, and how the figures went."""

import hashlib
import json
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from chatbot.evaluation.trend import HEIGHT, chart
from chatbot.models import AssistantVersion, EvaluationRun
from tests.architecture.html import inline_parts
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, NOW, RECORDS, add, learn
from tests.config.rows import MAKERS

pytestmark = pytest.mark.django_db

LIST = "/admin/chatbot/evaluationrun/"
TREND = f"{LIST}trend/"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {"id": "1", "kind": "exact", "question": "Quante ore ho per la notifica?", "gold": ["gdpr.it#Articolo 33"]},
        {"id": "2", "kind": "exact", "question": "Chi tiene i registri?", "gold": ["nowhere.it#Articolo 30"]},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps({**row, "lang": "it"}) for row in rows))
    return path


def measure(questions: Path, **options: Any) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("rag_eval", questions=questions, json=True, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_run_is_kept_with_what_it_was_measured_on(questions: Path, embedder: Embedder, settings: Any):
    version = AssistantVersion.objects.create(note="Prima", rewrite_model="small")
    document = learn(BREACH + RECORDS)

    output, _complaints = measure(questions)

    run = EvaluationRun.objects.get()
    assert (run.name, run.question_count) == ("questions.jsonl", 2)
    assert run.questions_sha256 == hashlib.sha256(questions.read_bytes()).hexdigest()
    assert (run.document_count, run.passage_count, run.waiting_count) == (1, 2, 0)
    assert run.corpus_sha256 == hashlib.sha256(document.sha256.encode()).hexdigest()
    assert (run.embedding_model, run.answer_model) == (settings.EMBEDDING_MODEL, settings.CLAUDE_MODEL)
    assert (run.version, run.rewrite_model) == (version, "small")
    assert run.figures == json.loads(output)
    assert [(each["id"], each["what"]) for each in run.remarks] == [("2", "missed")]


def test_same_documents_have_the_same_digest_in_whatever_order_they_came(questions: Path, embedder: Embedder):
    learn(BREACH, "a.md")
    learn(RECORDS, "b.md")
    measure(questions)
    first = EvaluationRun.objects.get().corpus_sha256
    EvaluationRun._meta.apps.get_model("chatbot", "Document").objects.all().delete()
    learn(RECORDS, "b.md")
    learn(BREACH, "a.md")

    measure(questions)

    assert set(EvaluationRun.objects.values_list("corpus_sha256", flat=True)) == {first}


def test_run_may_leave_nothing(questions: Path, embedder: Embedder):
    learn(BREACH)

    measure(questions, no_keep=True)

    assert not EvaluationRun.objects.exists()


def test_documents_still_being_read_are_told_and_kept_with_the_run(questions: Path, embedder: Embedder):
    learn(BREACH)
    add(RECORDS, "altro.it.md")
    add(RECORDS + BREACH, "terzo.it.md")

    output, complaints = measure(questions)

    assert complaints.startswith("documents still being read, and not searched: 2.")
    assert set(json.loads(output)) == {"questions", "methods", "refusal", "documents"}
    assert EvaluationRun.objects.get().waiting_count == 2


def test_nothing_is_told_when_all_are_read(questions: Path, embedder: Embedder):
    learn(BREACH)

    assert measure(questions)[1] == ""


def cells(html: str) -> list[list[str]]:
    """The words of every row of the tables of a page."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
    columns = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row] for row in columns]


def english(client: Client) -> Client:
    client.cookies["django_language"] = "en"
    return client


def test_page_of_a_run_is_tables_and_no_json(staff_client: Client):
    run = MAKERS[EvaluationRun](1)

    with translation.override("en"):
        html = english(staff_client).get(f"{LIST}{run.pk}/change/").content.decode()

    rows = cells(html)
    assert ["all", "2", "0.910", "0.800", "0.910", "0.800", "0.910", "0.800"] in rows
    assert ["Citations that hold", "100%", "100%"] in rows
    assert ["Refused of what has one", "–", "–"] in rows
    assert ["ex-1", "Quante?", "not all it needs among the first five"] in rows
    assert "recall_at_5" not in html


def test_run_without_answers_says_so(staff_client: Client):
    run = MAKERS[EvaluationRun](1)
    del run.figures["answers"]
    EvaluationRun.objects.update(figures=run.figures, remarks=[])

    page = english(staff_client).get(f"{LIST}{run.pk}/change/").content.decode()

    assert "No answers were asked for: only the search was measured." in page
    assert "None: every question went as it should." in page


def test_list_has_the_main_figures(staff_client: Client):
    MAKERS[EvaluationRun](1)

    rows = cells(english(staff_client).get(LIST).content.decode())

    [row] = [row for row in rows if "questions-1.jsonl" in row]
    assert row[-7:] == ["0.910", "0.800", "100%", "100%", "50%", "2", "1"]


def make_runs(count: int, **fields: Any) -> list[EvaluationRun]:
    runs = []
    for number in range(1, count + 1):
        run = MAKERS[EvaluationRun](number)
        run.at = NOW + timedelta(days=number)
        for name, value in fields.items():
            setattr(run, name, value)
        run.save()
        runs.append(run)
    return runs


def test_trend_has_a_line_and_a_column_for_every_method(staff_client: Client):
    make_runs(3)

    page = english(staff_client).get(TREND)

    recall, mrr, answers = page.context["charts"]
    assert [line.label for line in recall.lines] == ["Words and meaning", "Meaning", "Words"]
    assert [line.values for line in recall.lines] == [["0.910", "0.920", "0.930"]] * 3
    assert [len(line.marks) for line in recall.lines] == [3, 3, 3]
    assert [line.values for line in mrr.lines] == [["0.800"] * 3] * 3
    assert [(line.label, line.values) for line in answers.lines] == [
        ("Citations that hold", ["100%"] * 3),
        ("Answered from a right section", ["50%"] * 3),
        ("Refused of what has no answer", ["100%"] * 3),
    ]
    assert [[tick.label for tick in each.ticks] for each in (recall, mrr)] == [["0.9", "1.0"], ["0.8", "0.9", "1.0"]]
    html = page.content.decode()
    newest = next(row for row in cells(html) if row[1:2] == ["0.930"])
    assert newest[1:4] == ["0.930", "0.930", "0.930"]
    assert html.count('<svg class="trend__chart"') == 3


def test_trend_styles_and_runs_nothing_in_place(staff_client: Client):
    make_runs(2)
    html = staff_client.get(TREND).content.decode()

    main = html[html.index('class="trend"') :]

    assert inline_parts(main[: main.rindex("</section>")]) == []


def test_only_runs_with_the_same_questions_are_compared(staff_client: Client):
    one, *_others = make_runs(2)
    other = make_runs(1, questions_sha256="b" * 64, at=NOW + timedelta(days=9))[0]

    newest = staff_client.get(TREND).context
    context = staff_client.get(TREND, {"questions": one.questions_sha256}).context
    fallback_context = staff_client.get(TREND, {"questions": "no such"}).context

    assert newest["runs"] == [other]
    assert len(context["runs"]) == 2
    assert fallback_context["runs"] == [other]
    assert [each["runs"] for each in newest["sets"]] == [1, 2]


def test_trend_of_nothing_says_how_to_begin(staff_client: Client):
    page = english(staff_client).get(TREND)

    assert page.status_code == 200
    assert "Nothing was measured yet." in page.content.decode()


def test_trend_costs_the_same_for_any_length(staff_client: Client):
    make_runs(1)
    staff_client.get(TREND)
    with CaptureQueriesContext(connection) as for_one:
        staff_client.get(TREND)
    make_runs(3)

    with CaptureQueriesContext(connection) as for_many:
        staff_client.get(TREND)

    assert len(for_many) == len(for_one)


def test_customers_and_guests_are_sent_away_from_the_trend(customer_client: Client):
    assert customer_client.get(TREND)["Location"] == f"/admin/login/?next={TREND}"
    assert Client().get(TREND)["Location"] == f"/account/accedi/?next={TREND}"


def run_with(value: float | None) -> EvaluationRun:
    return EvaluationRun(figures={} if value is None else {"a": value, "b": 1})


def format_value(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def draw_chart(*values: float | None) -> Any:
    return chart("x", [run_with(value) for value in values], {"a": "A", "b": "B"}, format_value)


def test_run_that_did_not_measure_it_is_left_out():
    result = draw_chart(0.5, None, 0.7)

    assert [line.values for line in result.lines] == [["0.500", "0.700"], ["1.000", "1.000"]]
    assert draw_chart(None, None) is None


def test_line_is_broken_where_nothing_was_measured():
    runs = [EvaluationRun(figures=figures) for figures in ({"a": 0.5, "b": 1}, {"b": 1}, {"a": 0.7, "b": 1})]

    line, whole = chart("x", runs, {"a": "A", "b": "B"}, format_value).lines

    assert (len(line.paths), len(line.marks), line.values) == (2, 2, ["0.500", "–", "0.700"])
    assert (len(whole.paths), len(whole.marks)) == (1, 3)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.97, 0.93], ["0.9", "1.0"]),
        ([0.74, 0.9], ["0.7", "0.8", "0.9", "1.0"]),
        ([0.0, 1.0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([1.0], ["0.9", "1.0"]),
    ],
)
def test_levels_begin_below_the_lowest_figure(values: list[float], ticks: list[str]):
    assert [tick.label for tick in draw_chart(*values).ticks] == ticks


def test_better_stands_higher_and_all_within_the_chart():
    line = draw_chart(0.5, 1.0).lines[0]

    low, high = (float(point.split()[1]) for point in line.paths[0][1:].split("L"))
    assert 0 < high < low < HEIGHT


def test_numbers_of_a_drawing_have_points_in_every_language():
    with translation.override("it"):
        parts = "".join(path for line in draw_chart(0.512, 0.734, 0.9).lines for path in (*line.paths, *line.marks))

    assert "," not in parts
