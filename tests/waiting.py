"""Wait for a state, never for a while."""

import time
from collections.abc import Callable
from typing import Any

import pytest


def until(condition: Callable[[], Any], trouble: str = "it did not happen", limit_s: float = 10) -> Any:
    """What `condition` returns once it is true; fails with `trouble` when it never is."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{trouble} within {limit_s:.0f} s")
        time.sleep(0.05)
    return value
