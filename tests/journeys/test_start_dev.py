"""`./start-dev.sh`: what is made once is kept, gone without a trace on Ctrl-C, clear about what is wrong."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import requests

from sandbox.services import home_of
from tests.journeys.conftest import dev_environment, start_dev, until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[2]


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def processes_of(data: Path) -> list[str]:
    """Command lines of processes that belong to this instance, by the folder they were given."""
    commands, folders = [], (data, home_of(data / "postgres"))
    for entry in Path("/proc").iterdir():
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:  # gone meanwhile, or somebody else's
            continue
        # of a server that root started, the folder's name stands in that of its home
        if (
            entry.name.isdigit()
            and any(str(folder).encode() in text for folder in folders)
            and int(entry.name) != os.getpid()
        ):
            commands.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:120])
    return commands


def test_second_start_makes_nothing_anew_and_ctrl_c_leaves_nothing(tmp_path: Path):
    env = dev_environment()
    url, log = f"http://127.0.0.1:{env['PORT']}", tmp_path / "dev.log"
    statuses = []

    for _turn in range(2):
        process = start_dev(tmp_path, env)
        until(lambda: answers(url), f"no answer, see {log}", limit_s=180)
        until(lambda: "Ctrl-C stops everything." in log.read_text(), "the addresses were not told")
        process.send_signal(signal.SIGINT)
        statuses.append(process.wait(timeout=60))

    assert (statuses, processes_of(tmp_path)) == ([0, 0], [])
    assert log.read_text().count("Making the tables") == 1
    assert not (tmp_path / "run.env").exists()


def test_killed_start_leaves_nothing_and_a_second_one_waits_for_its_turn(tmp_path: Path):
    env = dev_environment()
    url, log = f"http://127.0.0.1:{env['PORT']}", tmp_path / "dev.log"
    first = start_dev(tmp_path, env)
    until(lambda: answers(url), f"no answer, see {log}", limit_s=180)

    second = start_dev(tmp_path, dev_environment())
    assert second.wait(timeout=60) == 1
    assert f"an earlier start of this folder, process {first.pid}, is still running" in log.read_text()
    assert answers(url)

    first.kill()
    first.wait(timeout=10)
    until(lambda: processes_of(tmp_path) == [], "something goes on after kill -9", limit_s=60)

    third = start_dev(tmp_path, env)
    until(lambda: answers(url), f"no answer after kill -9, see {log}", limit_s=180)
    third.send_signal(signal.SIGINT)
    assert (third.wait(timeout=60), processes_of(tmp_path)) == (0, [])


def test_copy_of_the_checkout_starts_where_no_server_ever_was(tmp_path: Path):
    """Without PostgreSQL's programs of an earlier start, from a folder that only its owner can enter."""
    checkout = tmp_path / "a copy"
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "var", "staticfiles", ".env")
    shutil.copytree(ROOT, checkout, ignore=left_out)
    with tempfile.TemporaryDirectory(prefix="aish-homes-", dir="/var/tmp") as homes:
        Path(homes).chmod(0o755)
        env = dev_environment(SERVER_HOMES=homes)
        url, log = f"http://127.0.0.1:{env['PORT']}", tmp_path / "dev.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.dev"], cwd=checkout, env=env, stdout=out, stderr=out,
                start_new_session=True, umask=0o077,
            )  # fmt: skip

        until(lambda: answers(url), f"no answer, see {log}", limit_s=180)
        kept_for_nobody = {path.name.partition("-")[0] for path in Path(homes).iterdir()}
        process.send_signal(signal.SIGINT)

        assert (process.wait(timeout=60), processes_of(checkout), processes_of(Path(homes))) == (0, [], [])
    assert kept_for_nobody == ({"aish"} if os.geteuid() == 0 else set())
    assert (checkout / "var" / "filled").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_ended_suite_leaves_nothing(tmp_path: Path, number: signal.Signals):
    command = [sys.executable, "-m", "sandbox.suite", "--only", "tests", "--no-browser", "--no-dovecot"]
    suite = subprocess.Popen(
        [*command, "tests/core/test_queue.py"], cwd=ROOT, env={**dev_environment(), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until(lambda: any(" -m not browser" in line for line in processes_of(tmp_path)), "no test was started", limit_s=180)

    suite.send_signal(number)
    suite.wait(timeout=60)

    until(lambda: processes_of(tmp_path) == [], "something goes on", limit_s=60)
    assert list(tmp_path.glob("aish-tests-*")) == []


def test_taken_port_is_named_with_the_way_out(tmp_path: Path):
    env = dev_environment()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(env["PORT"])))
        taken.listen()

        status = start_dev(tmp_path, env).wait(timeout=60)

    output = (tmp_path / "dev.log").read_text()
    assert status == 1
    assert f"port {env['PORT']} on 127.0.0.1 is taken by another program" in output
    assert f"PORT={int(env['PORT']) + 10} ./start-dev.sh" in output


@pytest.mark.parametrize("script", ["start-dev.sh", "run-tests.sh"])
def test_old_python_is_named_with_the_way_out(tmp_path: Path, script: str):
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac\n')
    old.chmod(0o755)
    checkout = tmp_path / "checkout"
    for name in (script, "sandbox/prepare.sh", "requirements/dev.txt", "requirements/schemas.txt"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    (checkout / script).chmod(0o755)
    for program in ("bash", "cat", "cksum", "dirname", "rm", "sh"):
        (old.parent / program).symlink_to(f"/usr/bin/{program}")

    done = subprocess.run(
        [checkout / script], check=False, capture_output=True, text=True, timeout=60, env={"PATH": str(old.parent)}
    )

    assert done.returncode == 1
    assert "Python 3.11 or newer with its venv module is needed (found: Python 3.9.2)" in done.stderr
