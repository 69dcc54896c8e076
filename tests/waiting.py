"""Wait for a state, never for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

import pytest

from sandbox.patience import Deadline
from sandbox.services import ServiceError

Started = TypeVar("Started")


def until(
    condition: Callable[[], Any], trouble: str | Callable[[], str] = "it did not happen", limit_s: float = 10
) -> Any:
    """What `condition` returns once it is true; fails with `trouble` when it never is."""
    deadline = Deadline(limit_s)
    while not (value := condition()):
        if deadline.has_passed:
            pytest.fail(f"{trouble if isinstance(trouble, str) else trouble()} within {limit_s:.0f} s")
        time.sleep(0.05)
    return value


@contextmanager
def start_surely(make: Callable[[], AbstractContextManager[Started]]) -> Iterator[Started]:
    """What `make` starts, tried once more when it missed its limit: a fixture that fails fails every test after it."""
    with ExitStack() as stack:
        try:
            value = stack.enter_context(make())
        except (ServiceError, pytest.fail.Exception):
            value = stack.enter_context(make())
        yield value
