"""Rate limits by GCRA (a leaky bucket kept as one timestamp): `burst` at once, then one every 60/per_minute seconds.

Counted in Redis by one script; while Redis is away, strict limits (login, reset, chat) are counted in PostgreSQL
with one statement and the others let pass.
"""

import ipaddress
import logging
import re
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

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOP = re.compile(r"(?P<ipv4>[0-9.]+)(?::[0-9]+)?|\[(?P<ipv6>[^\]]+)\](?::[0-9]+)?")
_SUBNET_BITS = 64

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
    """The caller's address: `TRUSTED_PROXY_COUNT` hops from the right of X-Forwarded-For, else the socket's.

    As `ipaddress` spells it, IPv4 also where it is written as IPv6; "" where the socket has none. A hop that is no
    address ("unknown", "_hidden" as RFC 7239 §6 has them) says nothing, and then the socket does.
    """
    address = _forwarded_address(request) or _address(str(request.META.get("REMOTE_ADDR", "")))
    return str(address or "")


def caller_network(request: HttpRequest) -> str:
    """What a limit by address counts as one caller: an IPv4 address, or the /64 that a single line of IPv6 has.

    Every address of a /64 is its customer's own (RFC 6177 §2): counted one by one, no limit would hold.
    """
    ip = client_ip(request)
    return str(ipaddress.ip_network((ip, _SUBNET_BITS), strict=False)) if ":" in ip else ip


def _forwarded_address(request: HttpRequest) -> Address | None:
    proxies = settings.TRUSTED_PROXY_COUNT
    parts = (part.strip(" \t") for part in request.headers.get("X-Forwarded-For", "").split(","))
    hops = [part for part in parts if part]  # empty ones are none (RFC 9110 §5.6.1)
    return _address(hops[-proxies]) if 0 < proxies <= len(hops) else None


def _address(hop: str) -> Address | None:
    """The address of "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]" or "[2001:db8::7]:443"."""
    match = _HOP.fullmatch(hop)
    try:
        address = ipaddress.ip_address(match["ipv6"] or match["ipv4"] if match else hop)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.IPv6Address(
            int(address)
        )  # without the zone, which is our own machine's
    return address
