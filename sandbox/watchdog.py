"""`python -m sandbox.watchdog DATA`: nothing of start-dev.sh is left when it ends, also after `kill -9`.

`kill -9` runs no `finally`, so this process, started first, looks after the one that started it. Once that is gone it
ends what was started meanwhile, and the two servers of the data folder, which are nobody's children.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import psutil

from sandbox.services import Postgres, Redis

LOOK_EVERY_S = 0.5
GRACE_S = 8.0  # for a worker to put its work away; after that nobody is asked


def main(data: Path) -> int:
    """Wait for the owner's end, then end its family and the servers of the folder it started them in."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # the owner ends its family itself
    end_family({process for process in wait_for_end(os.getppid()) if not _is_redis(process)})
    Redis(data / "redis").stop_leftover()
    Postgres(data / "postgres").stop_leftover()
    return 0


def wait_for_end(pid: int) -> set[psutil.Process]:
    """Return soon after this process is gone, with those that descended from it when it was last seen."""
    family: set[psutil.Process] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        owner = psutil.Process(pid)
        while is_alive(pid):
            family = set(owner.children(recursive=True)) or family
            time.sleep(LOOK_EVERY_S)
    return family - {psutil.Process()}


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


def _is_redis(process: psutil.Process) -> bool:
    """The server that is a child of start-dev.sh: it ends last, others put their work away in it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.name() == "redis-server")
    return False


def is_alive(pid: int) -> bool:
    """Whether there is such a process, of whomever; one that ended and was not waited for is none."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
