"""Fixtures of the whole suite. The outside world is the sandbox, over real sockets; nothing of ours is mocked."""

import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client, TransactionTestCase
from django.utils import translation
from django_redis import get_redis_connection

from config.celery import app as celery_app
from sandbox.stack import stand_ins
from tests import factories
from tests.database import empty_tables
from tests.factories import sign_in
from tests.waiting import start_surely

CLOSED_PORT = "redis://127.0.0.1:1/0"
PUBLISHED = Path(__file__).resolve().parents[2] / "shared"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Any attempt to reach another machine is a failure, wherever it comes from."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    resolve = socket.getaddrinfo

    def resolve_locally(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in LOOPBACK and host is not None:
            raise AssertionError(f"a test tried to look up {host}")
        return resolve(host, *arguments, **options)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect_locally)
    patch.setattr(socket, "getaddrinfo", resolve_locally)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def fast_teardown() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def uploads_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test uploads goes into a folder of its process; one that looks at files takes one of its own."""
    django_settings.MEDIA_ROOT = tmp_path_factory.mktemp("uploads")


class Control:
    """A stand-in as a test speaks to it: its control routes, and faults."""

    def __init__(self, url: str, name: str) -> None:
        self.base = f"{url}/control/{name}"

    def get(self, path: str, **query: str) -> Any:
        answer = requests.get(self.base + path, params=query, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(self.base + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def delete(self, path: str) -> None:
        requests.delete(self.base + path, timeout=10).raise_for_status()

    def fault(self, **fault: Any) -> None:
        self.post("/faults", **fault)


@pytest.fixture(scope="session")
def sandbox_env() -> Iterator[dict[str, str]]:
    """The stand-ins of this test process, with the product's settings pointed to them."""
    with (
        tempfile.TemporaryDirectory(prefix="aish-sandbox-") as folder,
        start_surely(lambda: stand_ins(Path(folder), {}, webhook_url="")) as env,
    ):
        _apply(env)
        yield env


def _apply(env: dict[str, str]) -> None:
    """What reading these variables at start would have done."""
    for name, value in env.items():
        if name == "STRIPE_WEBHOOK_SECRET":
            django_settings.STRIPE_WEBHOOK_SECRETS = [value]
        elif hasattr(django_settings, name):
            setattr(django_settings, name, int(value) if name.endswith("_PORT") else value)
    django_settings.STRIPE_TEST_SECRET_KEY = env["STRIPE_SECRET_KEY"]
    from billing.clients import stripe  # noqa: PLC0415 -- after the settings are there

    stripe.configure()
    stripe._client.cache_clear()


@pytest.fixture
def stripe_stand_in(sandbox_env: dict[str, str]) -> Iterator[Control]:
    control = Control(sandbox_env["SANDBOX_URL"], "stripe")
    control.post("/deliveries/hold", hold=True)
    control.post("/deliveries/take")
    yield control
    control.delete("/faults")


@pytest.fixture
def graph(sandbox_env: dict[str, str], settings: Any) -> Iterator[Control]:
    settings.EMAIL_BACKEND = "notifications.backends.GraphBackend"
    settings.DEFAULT_FROM_EMAIL = f"{settings.MS_GRAPH_SENDER_NAME} <{settings.MS_GRAPH_SENDER_EMAIL}>"
    control = Control(sandbox_env["SANDBOX_URL"], "graph")
    control.delete("/messages")
    control.post("/limits", per_minute=10_000, concurrent=100)
    yield control
    control.delete("/faults")


@pytest.fixture
def pec(sandbox_env: dict[str, str]) -> Iterator[Control]:
    control = Control(sandbox_env["SANDBOX_URL"], "pec")
    control.post("/forget")
    control.post("/settings", receipt_delay_s=0, sdi_delay_s=0, hold=False)
    yield control
    control.delete("/next")


@pytest.fixture
def claude(sandbox_env: dict[str, str]) -> Iterator[Control]:
    control = Control(sandbox_env["SANDBOX_URL"], "claude")
    control.post("/mode", mode="extractive")
    control.post("/pace", first_byte_s=0, token_s=0)
    yield control
    control.delete("/faults")


@pytest.fixture(autouse=True)
def clean_cache() -> None:
    """Limits and cached sessions of one test must not reach the next."""
    cache.clear()
    client = get_redis_connection("default")
    for key in client.scan_iter("rate:*"):
        client.delete(key)


@pytest.fixture
def redis_away(settings: Any) -> None:
    """Redis at an address where nobody answers, for cache, sessions and limits."""
    away = django_settings.CACHES["default"] | {"LOCATION": CLOSED_PORT}
    settings.CACHES = {"default": away}


@pytest.fixture
def broker_away() -> Iterator[None]:
    """The queue at an address where nobody answers; pages and database are as ever."""
    address = celery_app.conf.broker_url
    celery_app.conf.broker_url = CLOSED_PORT
    celery_app._after_fork()  # type: ignore[attr-defined]  # forgets its open connections
    yield
    celery_app.conf.broker_url = address
    celery_app._after_fork()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def italian() -> Iterator[None]:
    """The language a request of another test left in this thread must not decide what this one reads."""
    translation.activate(django_settings.LANGUAGE_CODE)
    yield
    translation.deactivate()


@pytest.fixture
def customer(db: None) -> Any:
    return factories.make_customer("giulia@brandolini.example", first_name="Giulia", last_name="Ferrante")


@pytest.fixture
def stranger(db: None) -> Any:
    return factories.make_customer("altro@esempio.example", first_name="Piero", last_name="Altro")


@pytest.fixture
def staff(db: None) -> Any:
    return factories.make_customer("admin@aish.example", first_name="Elena", last_name="Dotti", role="super_admin")


@pytest.fixture
def customer_client(customer: Any) -> Client:
    client = Client()
    sign_in(client, customer)
    return client


@pytest.fixture
def staff_client(staff: Any) -> Client:
    client = Client()
    sign_in(client, staff)
    return client


@pytest.fixture
def mailed_link(django_user_model: Any) -> Callable[[str], str]:
    """The path of the link in the newest mail to an address."""

    def find(email: str) -> str:
        from accounts import links  # noqa: PLC0415
        from notifications.models import Mail  # noqa: PLC0415

        links.send_due()
        text = Mail.objects.filter(to_email=email).order_by("-pk")[0].text
        match = re.search(r"https?://[^/\s]+(/\S+)", text)
        assert match, text
        return match.group(1)

    return find


@pytest.fixture
def shared() -> Path:
    """Published data of vendors beside the checkout: Stripe's objects, FatturaPA samples, laws. A second layer."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"needs published data of vendors in {PUBLISHED.name}/ beside the checkout")
    return PUBLISHED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What reads published data is the second layer, so that it can be run by itself: `-m published`."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.published)
