"""What looks after start-dev.sh: all that descends from a process ends with it, whether it wants to or not."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from sandbox import watchdog
from sandbox.watchdog import OWNER as OWNER_MARK
from tests.waiting import until

STUBBORN = (
    "import pathlib, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if sys.argv[2] == '0':\n"
    "    pathlib.Path(sys.argv[1]).touch()\n"
    "else:\n"
    "    subprocess.Popen([sys.executable, '-c', pathlib.Path(sys.argv[3]).read_text(), sys.argv[1], '0'])\n"
    "time.sleep(600)\n"
)
OWNER = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, sys.argv[2], sys.argv[1], '1', sys.argv[2]])\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def owner(tmp_path: Path):
    """A process whose child and grandchild ignore SIGTERM; it is killed as `kill -9` does it."""
    script, marker = tmp_path / "stubborn.py", tmp_path / "started"
    script.write_text(STUBBORN)
    process = subprocess.Popen([sys.executable, "-c", OWNER, marker, script])
    until(marker.exists, "the grandchild did not start", 30)
    family = psutil.Process(process.pid).children(recursive=True)
    yield process
    process.kill()
    process.wait()
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def test_family_of_a_killed_process_ends_though_it_ignores_sigterm(owner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watchdog, "GRACE_S", 0.2)
    family = psutil.Process(owner.pid).children(recursive=True)
    families: list[set[psutil.Process]] = []
    look = threading.Thread(target=lambda: families.append(watchdog.wait_for_end(owner.pid)))
    look.start()
    look.join(timeout=3 * watchdog.LOOK_EVERY_S)
    assert look.is_alive()  # as long as its owner is

    owner.kill()  # and not waited for: what is left in the table of processes is no process
    look.join(timeout=30)
    watchdog.end_family(families[0])

    assert len(family) == 2
    assert families == [set(family)]
    assert [process for process in family if watchdog.is_alive(process.pid)] == []


def test_what_was_started_since_the_last_look_is_known_by_its_mark():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    marked = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={OWNER_MARK: str(gone.pid)})

    family = watchdog.wait_for_end(gone.pid)

    assert family == {psutil.Process(marked.pid)}
    marked.communicate(b"\n", timeout=30)


def test_ended_process_is_not_alive(owner):
    assert watchdog.is_alive(owner.pid)

    owner.kill()
    until(lambda: not watchdog.is_alive(owner.pid), "a dead process was called alive", 10)

    owner.wait()
    assert not watchdog.is_alive(owner.pid)
    assert watchdog.wait_for_end(owner.pid) == set()
