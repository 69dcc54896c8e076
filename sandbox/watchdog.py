"""`python -m sandbox.watchdog PID DATA`: nothing of start-dev.sh or run-tests.sh outlives it, `kill -9` or not.

`kill -9` runs no `finally`, so this process, started first, looks after the one that started it. Once that is gone it
ends what was started meanwhile, and the two servers of the data folder, which are nobody's children.
"""

import argparse
import contextlib
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil

from sandbox.services import Postgres, Redis, clear_abandoned

OWNER = "STARTED_BY_PID"  # in the environment of all that the owner starts, which finds what came since the last look
LOOK_EVERY_S = 0.5
GRACE_S = 8.0  # for a worker to put its work away; after that nobody is asked


def main() -> int:
    """Wait for the owner's end, then end its family and the servers of the folder it started them in."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.watchdog")
    parser.add_argument("owner", type=int, help="id of the process: it may be gone before this one can ask for it")
    parser.add_argument("data", type=Path)
    parser.add_argument("--delete", action="store_true", help="the folder, too: it was a temporary one")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # the owner ends its family itself
    end_family({process for process in wait_for_end(arguments.owner) if not _ends_by_itself(process)})
    Redis(arguments.data / "redis").stop_leftover()
    Postgres(arguments.data / "postgres").stop_leftover()
    if arguments.delete:
        shutil.rmtree(arguments.data, ignore_errors=True)
        clear_abandoned()
    return 0


def wait_for_end(pid: int) -> set[psutil.Process]:
    """Return soon after this process is gone, with what it had started: seen beneath it, or marked by `OWNER`."""
    family: set[psutil.Process] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        owner = psutil.Process(pid)
        while is_alive(pid):
            family = set(owner.children(recursive=True)) or family
            time.sleep(LOOK_EVERY_S)
    marked = {process for process in psutil.process_iter() if _environment(process).get(OWNER) == str(pid)}
    return (family | marked) - {psutil.Process()}


def _environment(process: psutil.Process) -> dict[str, str]:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ()
    return {}  # gone, or somebody else's


def end_family(family: set[psutil.Process]) -> None:
    """End these processes and their descendants: asked at first, then by force."""
    for process in set(family):
        with contextlib.suppress(psutil.NoSuchProcess):
            family = family | set(process.children(recursive=True))
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _ended, stubborn = psutil.wait_procs(family, timeout=GRACE_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in (*process.children(recursive=True), process):
                each.kill()
    psutil.wait_procs(stubborn, timeout=GRACE_S)


def _ends_by_itself(process: psutil.Process) -> bool:
    """Redis, which ends last because others put their work away in it, and another watchdog, which has its owner."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return bool(process.name() == "redis-server" or "sandbox.watchdog" in process.cmdline())
    return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process, of whomever; one that ended and was not waited for is none."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main())
