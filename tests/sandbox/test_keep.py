"""A program that ends by itself is started again; one that was stopped, or cannot run, is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until

COUNTS = "import pathlib, sys, time; starts = pathlib.Path(sys.argv[1]); starts.open('a').write('started\\n'); "
FAILS_ONCE = COUNTS + "time.sleep(60) if starts.read_text().count('\\n') > 1 else sys.exit(1)"
FAILS = COUNTS + "sys.exit(3)"
PUTS_AWAY = COUNTS + (
    "import signal; signal.signal(signal.SIGTERM, lambda *_: (starts.open('a').write('put away\\n'), sys.exit(0))); "
    "starts.open('a').write('listens\\n'); time.sleep(60)"
)


def run_keep(script: str, starts: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox.keep", sys.executable, "-c", script, str(starts)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_program_that_ended_by_itself_is_started_again(tmp_path: Path):
    starts = tmp_path / "starts"
    process = run_keep(FAILS_ONCE, starts)

    until(lambda: lines(starts) == ["started", "started"], "it was not started again", 30)
    os.killpg(process.pid, signal.SIGKILL)

    assert "ended by itself (status 1), started again" in process.communicate(timeout=10)[1]


def test_program_that_cannot_run_is_given_up_with_its_own_status(tmp_path: Path):
    starts = tmp_path / "starts"
    process = run_keep(FAILS, starts)

    stderr = process.communicate(timeout=30)[1]

    assert (process.returncode, lines(starts)) == (3, ["started"] * 3)
    assert stderr.count("started again") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_program_puts_its_work_away_and_stays_stopped(tmp_path: Path, number: signal.Signals):
    starts = tmp_path / "starts"
    script = PUTS_AWAY.replace("signal.SIGTERM", f"signal.{number.name}")
    process = run_keep(script, starts)

    until(lambda: "listens" in lines(starts), "it did not start", 30)
    os.killpg(process.pid, number)

    process.communicate(timeout=10)
    assert (process.returncode, lines(starts)) == (0, ["started", "listens", "put away"])
