"""How long to wait for what this machine does itself: limits are chosen on a quick one and follow a slow one."""

import time

QUICK_S = 0.02  # what `_work` takes at most on a machine that the limits fit
MOST = 10.0


class Deadline:
    """A limit that is longer where, and as long as, the machine is slower than the one it was chosen on."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s, self._begin = limit_s, time.monotonic()

    @property
    def has_passed(self) -> bool:
        waited_s = time.monotonic() - self._begin
        # how slow it is, is asked only now: a machine that is quick again needs no longer limit
        return waited_s > self.limit_s and waited_s > self.limit_s * slowness()


def slowness() -> float:
    """How much longer a fixed piece of work takes here and now, beside whatever else runs: 1 to 10."""
    start = time.perf_counter()
    _work()
    return min(MOST, max(1.0, (time.perf_counter() - start) / QUICK_S))


def _work() -> int:
    return sum(number * number for number in range(300_000))
