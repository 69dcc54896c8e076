"""Exchange's limits on one mailbox: so many requests at once, so many messages in any 60 seconds."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sandbox.graph.errors import GraphError


@dataclass
class Limits:
    """`work_s` is how long a request takes, so that several can be in flight at all."""

    per_minute: int = 30
    concurrent: int = 4
    work_s: float = 0.05
    in_flight: int = 0
    sent_at: deque[float] = field(default_factory=deque)

    @contextlib.asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        if self.in_flight >= self.concurrent:
            text = "Application is over its MailboxConcurrency limit."
            raise GraphError(429, "ApplicationThrottled", text, retry_after_s=1)
        self.in_flight += 1
        try:
            await asyncio.sleep(self.work_s)
            yield
        finally:
            self.in_flight -= 1

    def message(self) -> None:
        """Count one message, or refuse it. A refused try counts too, as at Exchange."""
        now = time.monotonic()
        while self.sent_at and self.sent_at[0] <= now - 60:
            self.sent_at.popleft()
        full = len(self.sent_at) >= self.per_minute
        wait = self.sent_at[len(self.sent_at) - self.per_minute] + 60 - now if full and self.per_minute else 60.0
        self.sent_at.append(now)
        if full:
            text = "Application is over its message rate limit."
            raise GraphError(429, "ApplicationThrottled", text, retry_after_s=wait)

    def as_dict(self) -> dict[str, float]:
        return {"per_minute": self.per_minute, "concurrent": self.concurrent, "work_s": self.work_s}
