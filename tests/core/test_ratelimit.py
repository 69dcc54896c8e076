"""Rate limits: a burst, then one at a time; the same for many at once, and the strict ones without Redis too."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory

from core.models import RateBucket
from core.web.ratelimit import Limit, TooManyRequestsError, check, client_ip
from tests.core.conftest import COMMITTED

pytestmark = pytest.mark.django_db

SLOW = Limit("slow", per_minute=6, burst=3, strict=True)  # one every ten seconds
QUICK = Limit("quick", per_minute=75, burst=2, strict=True)  # one every 800 ms
LOOSE = Limit("loose", per_minute=6, burst=1)


@pytest.fixture(params=["in Redis", "in PostgreSQL"])
def backend(request: pytest.FixtureRequest) -> None:
    """Where a strict limit is counted; both must do the same."""
    if request.param == "in PostgreSQL":
        request.getfixturevalue("redis_away")


def count_passes(limit: Limit, key: str, tries: int) -> int:
    """How many of the tries came through."""
    count = 0
    for _try in range(tries):
        try:
            check(limit, key)
        except TooManyRequestsError:
            continue
        count += 1
    return count


def test_burst_passes_and_the_next_hears_when_to_come_back(backend: None):
    for _place in range(3):
        check(SLOW, "192.0.2.1")

    with pytest.raises(TooManyRequestsError) as refused:
        check(SLOW, "192.0.2.1")

    assert (refused.value.retry_after_s, refused.value.status, refused.value.code) == (10, 429, "too_many_requests")
    assert str(refused.value.message) == "Troppe richieste in poco tempo. Aspettate un momento e riprovate."


def test_callers_and_limits_have_places_of_their_own(backend: None):
    counts = [
        count_passes(SLOW, "192.0.2.1", 5),
        count_passes(SLOW, "192.0.2.2", 5),
        count_passes(QUICK, "192.0.2.1", 1),
    ]

    assert counts == [3, 3, 1]


@COMMITTED  # a transaction's clock stands still
def test_place_comes_free_after_its_time_and_refused_tries_cost_nothing(backend: None):
    start = time.monotonic()
    first = count_passes(QUICK, "192.0.2.1", 8)

    time.sleep(0.85)

    second = count_passes(QUICK, "192.0.2.1", 8)
    free_places = int((time.monotonic() - start) / 0.8)  # one, or more on a machine that is busy
    assert 2 + 1 <= first + second <= 2 + free_places
    assert second >= 1


@pytest.mark.slow
@COMMITTED
def test_many_at_once_get_no_more_places_than_there_are(backend: None):
    def work(_number: int) -> int:
        try:
            return count_passes(SLOW, "192.0.2.1", 2)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        count = sum(pool.map(work, range(20)))

    assert count == 3


def test_bucket_is_kept_in_redis_alone_while_it_is_there():
    check(SLOW, "192.0.2.1")

    assert RateBucket.objects.count() == 0


def test_without_redis_only_strict_limits_hold(redis_away: None):
    assert (count_passes(LOOSE, "192.0.2.1", 5), count_passes(SLOW, "192.0.2.1", 5)) == (5, 3)
    assert list(RateBucket.objects.values_list("key", flat=True)) == ["rate:slow:192.0.2.1"]


def test_key_longer_than_the_column_is_counted(backend: None):
    assert count_passes(SLOW, f"192.0.2.1:{'a' * 254}@esempio.example", 5) == 3


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, None, "127.0.0.1"),
        (0, "198.51.100.7", "127.0.0.1"),  # nobody of ours wrote this
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the first is the caller's own invention
        (1, "203.0.113.9,,  198.51.100.7 ,", "198.51.100.7"),
        (2, "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (2, "198.51.100.7", "127.0.0.1"),  # came past the outer proxy
        (1, "", "127.0.0.1"),
        (1, None, "127.0.0.1"),
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_caller_is_whom_our_own_proxies_saw(proxies: int, forwarded: str | None, ip: str, settings: Any):
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert client_ip(RequestFactory().get("/", headers=headers)) == ip
