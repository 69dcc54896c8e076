"""What tests of the accounts share: a caller of the API, pages to compare, and the price of a password."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.login import limits
from accounts.models import AccountErasure
from tests.accounts.life import Life, live
from tests.conftest import Control
from tests.factories import PASSWORD
from tests.hashers import CountingArgon2PasswordHasher

Answer = tuple[int, Any]


@pytest.fixture
def api(client: Client) -> Callable[..., Answer]:
    """Speaks JSON to the API: status and body of the answer."""

    def call(method: str, path: str, body: Any = None, *, token: str = "", language: str = "it") -> Answer:
        headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json() if answer.content else None

    return call


@pytest.fixture(autouse=True)
def no_second_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is used up stays so for the test, however slow the machine: no place comes back for 100 minutes."""
    for name in ("_LOGIN_BY_ADDRESS", "_MAIL_BY_ADDRESS", "_MAIL_BY_ACCOUNT"):
        monkeypatch.setattr(limits, name, replace(getattr(limits, name), per_minute=0.01))


@pytest.fixture
def hashes(settings: Any) -> Iterator[type[CountingArgon2PasswordHasher]]:
    """Counts how often a password is hashed."""
    settings.PASSWORD_HASHERS = ["tests.hashers.CountingArgon2PasswordHasher"]
    CountingArgon2PasswordHasher.count = 0
    yield CountingArgon2PasswordHasher
    CountingArgon2PasswordHasher.count = 0


def normalize_page(page: HttpResponse, email: str) -> str:
    """A page without what is new each time: the tokens of its forms and the address that was typed in."""
    return re.sub(r'"[A-Za-z0-9]{64}"', '"TOKEN"', page.content.decode()).replace(email, "ADDRESS")


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """Where copies of people's data are kept."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "exports"


@pytest.fixture
def life(customer: Any, staff: Any, stripe_stand_in: Control, folder: Path) -> Life:
    """A customer who has done everything that leaves a trace."""
    return live(customer, stripe_stand_in, staff)


@pytest.fixture
def scheduled_erasure(customer: Any, customer_client: Client, mailed_link: Callable[[str], str]) -> AccountErasure:
    """A deletion that waits for its week to be over."""
    customer_client.post("/area/dati/elimina/", {"password": PASSWORD})
    customer_client.post(mailed_link(customer.email))
    return AccountErasure.objects.get()
