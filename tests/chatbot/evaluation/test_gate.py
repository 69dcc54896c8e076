"""A gate: bounds that figures must keep, said in a file, with an exit status that a pipeline can read."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from chatbot.evaluation.gate import GateError, find_missed, read_gate
from chatbot.models import EvaluationRun
from tests.chatbot.embedder import Embedder
from tests.chatbot.talk import BREACH, RECORDS, add, learn

FIGURES = {
    "questions": 2,
    "methods": {"hybrid": {"all": {"recall_at_5": 0.9, "mrr_at_10": 0.8}}},
    "refusal": {"answerable_refused": 0.1},
    "answers": {"citation_validity": 1.0, "failed": 0, "answered_from_gold": None, "failures": []},
}


def gate(folder: Path, text: str) -> Path:
    path = folder / "gate.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("[at_least]\nhybrid.all.recall_at_5 = 0.9", []),
        ("[at_least]\nhybrid.all.recall_at_5 = 0.91", ["hybrid.all.recall_at_5 >= 0.91: 0.9"]),
        ("[at_most]\nhybrid.all.recall_at_5 = 0.9\nrefusal.answerable_refused = 0.1", []),
        ("[at_most]\nrefusal.answerable_refused = 0", ["refusal.answerable_refused <= 0: 0.1"]),
        ("[at_least]\nanswers.citation_validity = 1\n[at_most]\nanswers.failed = 0", []),
        ("[at_least]\nanswers.answered_from_gold = 0.5", ["answers.answered_from_gold >= 0.5: not measured"]),
        ("[at_least]\nhybrid.al.recall_at_5 = 0.1", ["hybrid.al.recall_at_5 >= 0.1: not measured"]),
        ("[at_least]\nhybrid.all = 0.1", ["hybrid.all >= 0.1: not measured"]),
        ("[at_most]\nanswers.failures = 0", ["answers.failures <= 0: not measured"]),
        (
            "[at_least]\nhybrid.all.recall_at_5 = 0.95\nhybrid.all.mrr_at_10 = 0.85",
            ["hybrid.all.recall_at_5 >= 0.95: 0.9", "hybrid.all.mrr_at_10 >= 0.85: 0.8"],
        ),
    ],
)
def test_gate_lists_every_bound_that_is_not_kept(text: str, missing: list[str], tmp_path: Path):
    assert find_missed(read_gate(gate(tmp_path, text)), FIGURES) == missing


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no bound"),
        ("[at_least]", "has no bound"),
        ("[at_least]\nx = ", "Invalid value"),
        ("[atleast]\nhybrid.all.recall_at_5 = 1", "atleast: only"),
        ("hybrid.all.recall_at_5 = 1", "hybrid: only"),
        ('[at_least]\nhybrid.all.recall_at_5 = "0.9"', "hybrid.all.recall_at_5: a bound is a number"),
        ("[at_least]\nhybrid.all.recall_at_5 = true", "hybrid.all.recall_at_5: a bound is a number"),
        ("at_least = 3", "a bound is a number"),
    ],
)
def test_gate_that_could_not_fail_is_refused(text: str, reason: str, tmp_path: Path):
    with pytest.raises(GateError, match=reason):
        read_gate(gate(tmp_path, text))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    row = {"id": "1", "lang": "it", "kind": "exact", "question": "Quante ore ho per la notifica?"}
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(row | {"gold": ["gdpr.it#Articolo 33"]}))
    return path


@pytest.mark.django_db
def test_command_ends_well_when_the_gate_is_reached(questions: Path, tmp_path: Path, embedder: Embedder):
    learn(BREACH + RECORDS)
    out, err = StringIO(), StringIO()

    path = gate(tmp_path, "[at_least]\nhybrid.all.recall_at_5 = 1")
    call_command("rag_eval", questions=questions, gate=path, json=True, stdout=out, stderr=err)

    assert json.loads(out.getvalue())["questions"] == 1
    assert err.getvalue() == "the gate is reached: all 1 bounds are kept\n"


@pytest.mark.django_db
def test_command_fails_with_a_list_of_what_is_missed(questions: Path, tmp_path: Path, embedder: Embedder):
    learn(RECORDS)
    out = StringIO()

    path = gate(tmp_path, "[at_least]\nhybrid.all.recall_at_5 = 1\nanswers.failed = 1\nvector.it.mrr_at_10 = 0")
    with pytest.raises(CommandError) as failure:
        call_command("rag_eval", questions=questions, gate=path, json=True, stdout=out)

    assert failure.value.returncode == 1
    assert str(failure.value).splitlines() == [
        "the gate is not reached:",
        "  hybrid.all.recall_at_5 >= 1: 0",
        "  answers.failed >= 1: not measured",
    ]
    assert json.loads(out.getvalue())["questions"] == 1
    assert EvaluationRun.objects.count() == 1


@pytest.mark.django_db
def test_gate_is_not_reached_on_a_part_of_the_documents(questions: Path, tmp_path: Path, embedder: Embedder):
    learn(BREACH)
    add(RECORDS, "altro.it.md")

    with pytest.raises(CommandError, match="documents still being read: 1"):
        call_command(
            "rag_eval", questions=questions, gate=gate(tmp_path, "[at_least]\nhybrid.all.recall_at_5 = 0"),
            stdout=StringIO(), stderr=StringIO(),
        )  # fmt: skip


def test_gate_that_is_no_gate_is_told_before_anything_is_measured(questions: Path, tmp_path: Path):
    with pytest.raises(CommandError, match="has no bound"):
        call_command("rag_eval", questions=questions, gate=gate(tmp_path, ""))
