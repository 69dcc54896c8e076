"""What a measurement says: ratios within a round, targets met or missed, one shape for people and machines."""

import json
import os
import subprocess
import sys
from functools import partial

import pytest
from django.db import connection

from bench import __main__ as command
from bench import chatbot, invoice
from bench.frame import BenchError, Figures, Report, Sample, Spread, Target, measure, percentile
from chatbot.models import Chunk


def test_ratio_is_formed_within_each_round():
    figures = Figures(
        {"ours": [{"ms": 2.0}, {"ms": 9.0}, {"ms": 40.0}], "floor": [{"ms": 1.0}, {"ms": 3.0}, {"ms": 10.0}]}
    )

    assert figures.ratio("ours", "floor", "ms") == Spread(median=3.0, q1=2.5, q3=3.5)


def test_candidates_take_turns_and_another_begins_each_round():
    turns: list[str] = []

    def candidate(name: str) -> Sample:
        turns.append(name)
        return {"ms": 1.0}

    figures = measure({"a": partial(candidate, "a"), "b": partial(candidate, "b")}, rounds=2, warmup=1)

    assert "".join(turns) == "abbaab"
    assert {name: len(samples) for name, samples in figures.rounds.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("value", "at_least", "met"), [(3.0, False, True), (3.1, False, False), (3.0, True, True), (2.9, True, False)]
)
def test_target_is_met_up_to_its_limit(value: float, at_least: bool, met: bool):
    assert Target("a / b", Spread(value, value, value), 3, at_least).is_met is met


@pytest.mark.parametrize(("percent", "value"), [(50, 10), (95, 19), (100, 20), (1, 1)])
def test_percentile_is_a_value_that_was_measured(percent: float, value: int):
    assert percentile(list(range(20, 0, -1)), percent) == value


def test_report_of_the_invoice_is_complete_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.argv", ["bench", "invoice", "--rounds", "1", "--warmup", "0", "--json"])

    status = command.main()

    (report,) = json.loads(capsys.readouterr().out)
    assert status == 0
    assert set(report) == {"bench", "python", "postgresql", "cpus", "load", "rounds", "figures", "targets", "facts"}
    assert {name: list(figures) for name, figures in report["figures"].items()} == {
        "product": ["ms"], "bare lxml": ["ms"], "a38": ["ms"],
    }  # fmt: skip
    assert [(target["name"], target["limit"], target["at_least"]) for target in report["targets"]] == [
        ("product / bare lxml", 3, False), ("a38 / product", 10, True),
    ]  # fmt: skip


def test_missed_target_fails_the_check_and_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    figures = Figures({"ours": [{"ms": 5.0}]})
    report = Report("slow", figures, [Target("ours, ms", figures.spread("ours", "ms"), 3)])
    monkeypatch.setattr(invoice, "run", lambda rounds, warmup: report)
    monkeypatch.setattr("sys.argv", ["bench", "invoice", "--check"])

    status = command.main()

    assert status == 1
    assert "MISSED  ours, ms: 5  [5 .. 5], target <= 3" in capsys.readouterr().out


def test_command_begins_without_settings_of_its_caller():
    """Some benches start an installation of their own, and read what they measure before it has settings."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    modules = [f"bench.{name}" for name in command.NAMES]
    program = f"import importlib; [importlib.import_module(name) for name in {modules}]"

    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_documents_that_differ_are_not_compared():
    with pytest.raises(BenchError, match=r"product says .*, other says"):
        invoice._require_equal({"product": invoice.product(), "other": b"<FatturaElettronica/>"})


@pytest.mark.django_db(transaction=True)
def test_passages_made_up_for_the_search_fit_the_tables_and_are_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chatbot, "DOCUMENTS", 20)
    monkeypatch.setattr(chatbot, "EACH", 10)
    login = connection.settings_dict
    corpus = chatbot._Corpus()

    chatbot._fill("postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**login), corpus)

    sample = chatbot._search([corpus.question()], ("NIS2",))()
    assert (Chunk.objects.count(), sorted(sample)) == (200, ["ms", "p95 ms"])
