"""What every address of the site has in common: odd bodies, the content security policy, caches, forbidden tries."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.architecture.belongings import Belongings, address
from tests.architecture.html import inline_parts
from tests.architecture.matrix import ROLES, read_table
from tests.conftest import Control

pytestmark = pytest.mark.django_db

BODIES = (b"[" * 100_000, b"[]", b"null", b"7", b'"x"', b'{"a":', b"\xe9", b'{"text": "\\ud83d"}', b'{"text": NaN}')
WITH_A_BODY = [key for key in read_table() if key[1].startswith("api/") and key[0] != "GET"]
CACHED = {"api/v1/chat/widget"}  # the same words for everybody, so that a cache may keep them
PAGES = [
    route for (method, route), answers in read_table().items()
    if method == "GET" and answers[ROLES.index("owner")] in ("200", "503") and route not in CACHED
]  # fmt: skip


@pytest.mark.parametrize(("method", "route"), WITH_A_BODY, ids=lambda value: value)
def test_odd_body_is_refused_in_words(
    method: str, route: str, belongings: Belongings, client_of: Callable[[str], Client], settings: Any
):
    settings.RATE_LIMIT_BURST = 100
    client = client_of("owner")

    for body in BODIES:
        call = getattr(client, method.lower())
        answer = call(address(route, belongings), data=body, content_type="application/json")

        assert answer.status_code < 500, body[:20]


@pytest.mark.parametrize("route", PAGES, ids=lambda value: value or "home")
def test_page_holds_nothing_the_policy_forbids_and_stays_out_of_caches(
    route: str, belongings: Belongings, client_of: Callable[[str], Client]
):
    answer = client_of("owner").get(address(route, belongings))

    if answer["Content-Type"].startswith("text/html"):
        assert inline_parts(answer.content.decode()) == []
        assert "unsafe" not in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_forbidden_tries_change_nothing(
    belongings: Belongings, client_of: Callable[[str], Client], stripe_stand_in: Control
):
    order = belongings.order
    posts = [route for method, route in read_table() if "<number:number>" in route and method == "POST"]

    for role in (role for role in ROLES if role != "owner"):
        for route in posts:
            client_of(role).post(address(route, belongings))

    order.refresh_from_db()
    belongings.ticket.refresh_from_db()
    assert (len(posts), order.status, order.payments.count()) == (8, "awaiting_payment", 0)
    assert (belongings.ticket.status, belongings.ticket.messages.count()) == ("new", 1)


def test_number_that_does_not_exist_looks_like_another_customers(client_of: Callable[[str], Client], belongings: Any):
    client = client_of("stranger")
    order = belongings.order

    numbers = (order.number, "ORD-2026-99999")
    pages = [client.get(f"/area/ordini/{number}/").content.decode().replace(number, "") for number in numbers]
    bodies = [client.get(f"/api/v1/orders/{number}").json() for number in numbers]

    of_strangers, of_nobody = (
        re.sub(r'"[A-Za-z0-9]{64}"', "", page) for page in pages
    )  # a form's token is new each time
    assert of_strangers == of_nobody
    assert bodies[0] == bodies[1]


def test_back_office_is_where_the_settings_say():
    assert settings.ADMIN_PATH == "admin"
    assert Client().get("/admin/")["Location"] == "/admin/login/?next=/admin/"
