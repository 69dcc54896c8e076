"""What the papers name is there: a file that moved takes its mention along."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md")
MOST_LINES, LONGEST_LINE = 3, 125  # of a decision
# Names with a place in them that is the reader's, and what only a running instance has.
NOT_FILES = re.compile(r"[A-Z]{3,}[./]|/ready|^/|var/$|^\.venv|^\.env$|/NAME")


def find_paths(text: str) -> list[str]:
    """In backticks, or as the target of a link."""
    in_backticks = re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|md|sh|toml|yaml))`", text)
    in_links = re.findall(r"\]\(([^)#]+)\)", text)
    return [path for path in in_backticks + in_links if "://" not in path and not NOT_FILES.search(path)]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_that_is_named_is_there(paper: str):
    paths = find_paths((ROOT / paper).read_text())

    assert len(paths) > 5
    beside = (ROOT / paper).parent
    missing = [
        path
        for path in paths
        if not ((beside / path).exists() or (ROOT / path).exists() or list(ROOT.glob(f"*/{path}")))  # or an app's
    ]
    assert missing == []


def decisions() -> list[str]:
    return re.split(r"\n\n(?=\*\*)", (ROOT / "docs/decisions.md").read_text().strip())[1:]


def test_a_decision_is_short():
    """What is decided and why; details stand in the code that they are about."""
    long = [
        entry.splitlines()[0]
        for entry in decisions()
        if len(entry.splitlines()) > MOST_LINES or max(map(len, entry.splitlines())) > LONGEST_LINE
    ]

    assert (long, len(decisions()) > 50) == ([], True)


def test_decisions_have_a_date_and_the_newest_comes_first():
    dates = [entry[2:12] for entry in decisions() if re.match(r"\*\*\d{4}-\d\d-\d\d · .+?\*\* ", entry, re.DOTALL)]

    assert dates == sorted(dates, reverse=True)
    assert len(dates) == len(decisions())


def test_the_newest_version_of_the_changelog_is_the_projects():
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", head) for head in heads[1:]]

    assert (heads[0], all(versions)) == ("[Unreleased]", True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions[0].group(1) == project["version"]
    assert [match.group(2) for match in versions] == sorted((match.group(2) for match in versions), reverse=True)
