"""Nothing of start-dev.sh is left when it ends, however it ends: `kill -9` runs no `finally`.

What it starts looks after the process that owns it and ends with it. The two servers have no code of ours in them:
`python -m sandbox.services DATA` waits beside them and stops them.
"""

import os
import signal
import threading
import time

OWNER = "START_DEV_PID"  # in the environment of all that start-dev.sh starts
LOOK_EVERY_S = 0.5


def end_with_owner() -> None:
    """End this process and its group soon after the owner named in the environment is gone; without one, never."""
    if owner := os.environ.get(OWNER):
        threading.Thread(target=_end_after, args=(int(owner),), daemon=True).start()


def _end_after(owner: int) -> None:
    wait_for_end(owner)
    os.killpg(os.getpgid(0), signal.SIGTERM)


def wait_for_end(pid: int) -> None:
    """Return soon after this process is gone."""
    while is_alive(pid):
        time.sleep(LOOK_EVERY_S)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, of whomever."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
