"""What the papers name is there: a file that moved takes its mention along."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md")
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
