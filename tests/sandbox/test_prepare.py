"""What start-dev.sh and run-tests.sh do before there is any Python of ours to run."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def checkout(folder: Path) -> Path:
    for name in ("start-dev.sh", "sandbox/prepare.sh", "requirements/dev.txt", "requirements/schemas.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def run_start(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """With `python` as the only Python there is."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "python3").write_text(python)
    (programs / "python3").chmod(0o755)
    for program in ("bash", "cat", "cksum", "dirname", "mkdir", "rm", "sed", "sh"):
        if not (programs / program).exists():
            (programs / program).symlink_to(f"/usr/bin/{program}")
    return subprocess.run(
        ["bash", "start-dev.sh"],
        cwd=folder, env={"PATH": str(programs)}, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


# Makes a .venv whose Python writes down what it was asked to do.
WORKING = """#!/bin/sh
case "$1" in
-c|--version) exit 0 ;;
-m) mkdir -p .venv/bin
    printf '#!/bin/sh\\necho "$*" >> asked' > .venv/bin/python
    /bin/chmod +x .venv/bin/python ;;
esac
"""


@pytest.mark.parametrize("name", ["a [b]", "a]b", "a:b"])
def test_folder_that_python_cannot_work_in_is_refused_in_words(tmp_path: Path, name: str):
    result = run_start(checkout(tmp_path / name), WORKING)

    assert result.returncode == 1
    assert "Rename it" in result.stderr


@pytest.mark.parametrize("name", ["checkout", "with a blank", "più"])
def test_moved_folder_is_installed_anew_and_one_that_stayed_is_not(tmp_path: Path, name: str):
    folder = checkout(tmp_path / name)
    first, second = run_start(folder, WORKING), run_start(folder, WORKING)
    target = folder.rename(tmp_path / f"{name} moved")
    third = run_start(target, WORKING)

    assert [("Installing" in result.stderr, "was moved" in result.stderr) for result in (first, second, third)] == [
        (True, False), (False, False), (True, True),
    ]  # fmt: skip
    assert [result.returncode for result in (first, second, third)] == [0, 0, 0]
    assert (target / "asked").read_text().splitlines().count("-m sandbox.dev") == 3


def test_progress_of_pip_is_told_and_its_failure_is_not_taken_for_an_end(tmp_path: Path):
    pip = "for number in $(/usr/bin/seq 60); do echo Collecting it; done; echo Installing collected packages; exit 1"
    failing = WORKING.replace('echo "$*" >> asked', pip)

    result = run_start(checkout(tmp_path / "checkout"), failing)

    progress = [line.strip() for line in result.stderr.splitlines() if line.startswith("  ")]
    assert progress == ["25 packages so far", "50 packages so far", "writing 60 packages to .venv"]
    assert (result.returncode, "a package could not be installed" in result.stderr) == (1, True)
    assert not (tmp_path / "checkout" / ".venv" / ".installed").exists()
