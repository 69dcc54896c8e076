"""Rate limits by GCRA (a leaky bucket kept as one timestamp): `burst` at once, then one every 60/per_minute seconds.

Counted in Redis by one script; while Redis is away, strict limits (login, reset, chat) are counted in PostgreSQL
with one statement and the others let pass.
"""

import logging
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from core.errors import DomainError

logger = logging.getLogger(__name__)

# TIME comes from Redis, so that web processes with different clocks share one bucket.
_SCRIPT = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local step, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or ms), ms)
if free - ms > slack then return free - ms - slack end
redis.call('SET', KEYS[1], free + step, 'PX', math.ceil(free + step - ms))
return 0
"""

_STATEMENT = """
    INSERT INTO core_ratebucket AS bucket (key, free_at)
    VALUES (%(key)s, now() + %(step)s * interval '1 ms')
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(bucket.free_at, now()) + %(step)s * interval '1 ms'
    WHERE greatest(bucket.free_at, now()) - now() <= %(slack)s * interval '1 ms'
    RETURNING 1
"""


@dataclass(frozen=True)
class Limit:
    """`burst` requests at once, refilled at `per_minute`; `strict` ones hold without Redis too."""

    name: str
    per_minute: float
    burst: int
    strict: bool = False

    @property
    def step_ms(self) -> int:
        return round(60_000 / self.per_minute)

    @property
    def slack_ms(self) -> int:
        return self.step_ms * (self.burst - 1)


class TooManyRequestsError(DomainError):
    """The caller has used up a limit; `retry_after_s` says when there is room again."""

    code = "too_many_requests"
    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(_("Too many requests in a short time. Please wait a little and try again."))
        self.retry_after_s = retry_after_s


def check(limit: Limit, key: str) -> None:
    """Take one place of `limit` for `key` or raise `TooManyRequestsError`."""
    wait_ms = _wait_ms(limit, f"rate:{limit.name}:{key}"[:120])
    if wait_ms > 0:
        raise TooManyRequestsError(retry_after_s=max(1, -(-wait_ms // 1000)))


def _wait_ms(limit: Limit, key: str) -> int:
    try:
        client = get_redis_connection("default")
        return int(cast("int", client.eval(_SCRIPT, 1, key, limit.step_ms, limit.slack_ms)))
    except RedisError:
        logger.warning(
            "Redis is away, limit %s %s", limit.name, "counted in PostgreSQL" if limit.strict else "let pass"
        )
    if not limit.strict:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, {"key": key, "step": limit.step_ms, "slack": limit.slack_ms})
        return 0 if cursor.fetchone() else limit.step_ms


def client_ip(request: HttpRequest) -> str:
    """The caller's address: `TRUSTED_PROXY_COUNT` hops from the right of X-Forwarded-For, else the socket's."""
    if settings.TRUSTED_PROXY_COUNT:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXY_COUNT:
            return str(hops[-settings.TRUSTED_PROXY_COUNT])
    return str(request.META.get("REMOTE_ADDR", ""))
