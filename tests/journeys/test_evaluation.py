"""The assistant measured: the product's own questions over the demo documents reach the gate, and staff read how."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import ROOT, Site, Visit
from tests.journeys.test_look import flaws

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTIONS = "chatbot/demo/questions.jsonl"
FOREIGN = "chatbot/demo/foreign.jsonl"
RUNS = "/admin/chatbot/evaluationrun/"
OPTIONS = ("--questions", QUESTIONS, "--answers", "--json", "--all-documents")


@pytest.fixture(autouse=True)
def ready(site: Site) -> None:
    site.wait_for_documents()
    site.control("claude/mode", mode="extractive")
    site.control("claude/pace", first_byte_s=0, token_s=0)


def test_gate_is_reached_and_staff_read_how_the_figures_went(visit: Visit, site: Site):
    result = site.manage("rag_eval", *OPTIONS, "--gate", "chatbot/demo/gate.toml")

    assert result.returncode == 0, result.stderr
    assert "the gate is reached" in result.stderr
    report = json.loads(result.stdout)
    assert report["questions"] == report["answers"]["asked"] == len((ROOT / QUESTIONS).read_text().splitlines())

    staff = visit(width=360, theme="dark", language="en")
    page = staff.page
    staff.log_in_as_staff()
    staff.go(f"{RUNS}trend/")
    expect(page.locator(".trend__chart")).to_have_count(3)
    assert flaws(staff) == []
    page.locator(".trend tbody a").first.click()
    page.wait_for_url(f"**{RUNS}*/change/")
    expect(page.locator("#run-answers ~ div table").first).to_be_visible()
    assert staff.overflow() == 0


def test_recipe_and_a_fine_for_parking_get_no_cited_sentence(site: Site):
    """Among them what comes near the documents' words: hours, risks, a register, a penalty."""
    result = site.manage("rag_eval", "--questions", FOREIGN, "--answers", "--json", "--all-documents", "--no-keep")

    answers = json.loads(result.stdout)["answers"]
    assert {name: answers[name] for name in ("asked", "refused", "answered", "citations", "failed")} == {
        "asked": 38, "refused": 38, "answered": 0, "citations": 0, "failed": 0,
    }  # fmt: skip


def test_gate_that_is_missed_fails_and_says_which(site: Site, tmp_path: Path):
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join((ROOT / QUESTIONS).read_text().splitlines()[:2]))
    gate = tmp_path / "gate.toml"
    gate.write_text("[at_least]\nhybrid.all.recall_at_5 = 1.1\nhybrid.all.mrr_at_10 = 0\n")

    result = site.manage("rag_eval", "--questions", str(few), "--no-keep", "--gate", str(gate))

    assert result.returncode == 1
    assert "hybrid.all.recall_at_5 >= 1.1: 1" in result.stderr
    assert "mrr_at_10" not in result.stderr
