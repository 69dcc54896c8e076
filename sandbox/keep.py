"""`python -m sandbox.keep PROGRAM …`: start a program again when it ends by itself, as docker compose's `restart` does.

A Celery worker ends itself when Redis goes away at an unlucky moment, and nobody should have to look after that: kombu
5.7 closes a channel to put a task's message back, looks for the address of a connection that is gone, and Celery takes
the `AttributeError` for an unrecoverable one. The rows wait for the next sweep, the message for the visibility timeout.

Signals reach the program by its process group and not by way of this one.
"""

import signal
import subprocess
import sys
import time
from collections import deque

PATIENCE = 3  # ends within WITHIN_S that are one too many: whatever is wrong will not mend itself
WITHIN_S = 60.0
PAUSE_S = 1.0


def main(command: list[str]) -> int:
    """Run `command` until somebody stops it; its exit status, or that of its last try."""
    stops: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: stops.append(number))
    ends: deque[float] = deque(maxlen=PATIENCE)
    while True:
        status = subprocess.Popen(command).wait()
        ends.append(time.monotonic())
        is_hopeless = len(ends) == PATIENCE and ends[-1] - ends[0] < WITHIN_S
        if not stops and not is_hopeless:
            print(f"keep: {command[0]} ended by itself (status {status}), started again", file=sys.stderr, flush=True)
            time.sleep(PAUSE_S)
        if stops or is_hopeless:
            return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
