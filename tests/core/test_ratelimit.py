"""Rate limits: a burst, then one at a time; the same for many at once, and the strict ones without Redis too."""

import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from uvicorn.main import main

from core.models import RateBucket
from core.web.ratelimit import Limit, TooManyRequestsError, caller_network, check, client_ip
from tests.architecture.source import ROOT
from tests.core.conftest import COMMITTED
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

SLOW = Limit("slow", per_minute=6, burst=3, strict=True)  # one every ten seconds
QUICK = Limit("quick", per_minute=75, burst=2, strict=True)  # one every 800 ms
GARBAGE = (
    "unknown", "_hidden", "not an address", "999.1.1.1", "203.0.113", "203.0.113.7:", "203.0.113.7:port",
    "[2001:db8::1", "[192.0.2.7]x", "2001:db8::1]", "010.0.0.1", "unix:", "\xa0", "1" * 5000,
)  # fmt: skip
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
        (1, "203.0.113.7:4711", "203.0.113.7"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "[2001:DB8:0::1]", "2001:db8::1"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        (1, "fe80::1%eth0", "fe80::1"),
        (-1, "198.51.100.7", "127.0.0.1"),
        *((1, garbage, "127.0.0.1") for garbage in GARBAGE),
        *((1, f"198.51.100.7, {garbage}", "127.0.0.1") for garbage in GARBAGE),  # no hop further left stands in for it
        (2, "198.51.100.7, unknown, 10.0.0.2", "127.0.0.1"),
    ],
)
def test_caller_is_whom_our_own_proxies_saw(proxies: int, forwarded: str | None, ip: str, settings: Any):
    """ASVS 5.0 15.3.4: the caller's address cannot be chosen by the caller."""
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert client_ip(RequestFactory().get("/", headers=headers)) == ip


@pytest.mark.parametrize(
    ("socket", "ip"),
    [("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"), ("", ""), ("unix:", "")],
)
def test_address_of_the_socket_is_read_by_the_same_rule(socket: str, ip: str):
    assert client_ip(RequestFactory().get("/", REMOTE_ADDR=socket)) == ip


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"), ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"), ("", ""),
    ],
)  # fmt: skip
def test_limit_counts_a_line_of_ipv6_as_one_caller(ip: str, network: str):
    assert caller_network(RequestFactory().get("/", REMOTE_ADDR=ip)) == network


def test_no_limit_is_counted_by_a_bare_address():
    """One of the line's 2^64 addresses each time would pass every limit: only the list of sessions names one."""
    files = [path for app in ("accounts", "billing", "chatbot") for path in (ROOT / app).rglob("*.py")]

    assert [str(path.relative_to(ROOT)) for path in files if "client_ip(" in path.read_text()] == [
        "accounts/login/origin.py"
    ]


def test_servers_believe_no_forwarded_address_themselves():
    """ASVS 5.0 4.1.3: by default uvicorn and gunicorn take X-Forwarded-* from whoever connects from 127.0.0.1."""
    [line] = [line for line in (ROOT / "Procfile.dev").read_text().splitlines() if line.startswith("web:")]
    options = shlex.split(line.partition(" -m uvicorn ")[2].replace("$PORT", "8000"))
    uvicorn_values = main.make_context("uvicorn", options).params

    gunicorn_options = shlex.split((ROOT / "deploy" / "entrypoint.sh").read_text(), comments=True)
    assert uvicorn_values["proxy_headers"] is False
    assert "--forwarded-allow-ips=" in gunicorn_options


@pytest.mark.parametrize("forwarded", ["203.0.113.7:4711", "unknown", "_hidden", "not an address", "999.1.1.1"])
def test_login_from_behind_any_proxy_is_answered(forwarded: str, client: Client, customer: Any, settings: Any):
    settings.TRUSTED_PROXY_COUNT = 1

    answer = client.post(
        "/api/v1/auth/login", {"email": customer.email, "password": PASSWORD}, content_type="application/json",
        headers={"X-Forwarded-For": forwarded},
    )  # fmt: skip

    assert answer.status_code == 200
    assert customer.sessions.get().network == ("203.0.113.0/24" if forwarded.startswith("203") else "127.0.0.0/24")
