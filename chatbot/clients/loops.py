"""One vendor client per event loop: an async HTTP client's connections belong to the loop that opened them."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import httpx2

T = TypeVar("T")
# The pool probes the socket of every idle connection whenever a request begins or ends: with the SDKs' hundred, two
# hundred streams that end at once held the loop up for half a second (`python -m bench streams`).
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=10)


class PerLoop(Generic[T]):
    """Calls `make` once for each running loop and keeps what it made as long as the loop lives."""

    def __init__(self, make: Callable[[], T]) -> None:
        self.make = make
        self.instances: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        loop = asyncio.get_running_loop()
        if loop not in self.instances:
            self.instances[loop] = self.make()
        return self.instances[loop]
