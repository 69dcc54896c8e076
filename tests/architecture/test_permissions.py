"""Who may open what: each cell of permissions.txt is asked, and every address and button has its row there.

The site's addresses are asked with what a customer owns in their places; those of the back office with a row of their
table, made for the test.
"""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from tests.architecture.belongings import Belongings, address
from tests.architecture.matrix import ROLES, ask, read_table
from tests.architecture.routes import back_office_routes, methods_of, routes, table_of
from tests.config.rows import MAKERS

pytestmark = pytest.mark.django_db

SITE = {route for _method, route in read_table() if not route.startswith("admin:")}
BACK_OFFICE_KEYS = [(method, route.removeprefix("admin:")) for method, route in read_table() if route not in SITE]
BACK_OFFICE = {name for _method, name in BACK_OFFICE_KEYS}
PATTERNS = back_office_routes()
BULK = "BULK"  # what a list does to several rows at once: offered or not


def expected(route: str) -> dict[str, tuple[str, ...]]:
    """The answers for this address by method."""
    return {method: answers for (method, of), answers in read_table().items() if of == route}


def part_of(route: str) -> str:
    """Addresses that are asked in one test, because making what they show takes longer than asking."""
    return "/".join(route.split("/")[:3] if route.startswith("api/") else route.split("/")[:1])


def table_name(name: str) -> str:
    """The label of the table of an address of the back office; empty for the addresses of the site."""
    model = table_of(name.partition(":")[0])
    return model._meta.label if model else ""


def bulk_actions() -> set[tuple[str, str]]:
    """A row for each, as the table has them: BULK and admin:TABLE_changelist:ACTION."""
    tables = admin.site._registry.items()
    return {
        (BULK, f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist:{action}")
        for model, table in tables
        for action in table.actions
    }


def back_office_address(name: str, pk: Any) -> str:
    values = {
        "object_id": pk,
        "pk": pk,
        "reference": uuid4(),
        "content_type_id": 1,
        "number": 1,
        "app_label": "billing",
    }
    pattern = PATTERNS[name].pattern
    parameters = getattr(pattern, "converters", None) or getattr(pattern, "regex", re.compile("")).groupindex
    return reverse(f"admin:{name}", kwargs={each: values[each] for each in parameters})


def offers(client: Client, listing: str, action: str) -> str:
    """Whether the list offers the action; the answer of the list where it is not to be seen."""
    status = ask(client, "GET", listing)
    if status != "200":
        return status
    form = client.get(listing).context["action_form"]
    return "yes" if form and action in dict(form.fields["action"].choices) else "no"


def test_table_has_a_row_for_every_address_and_none_for_another():
    assert set(routes()) == SITE
    assert {name for name in BACK_OFFICE if ":" not in name} == set(PATTERNS)
    assert {key for key in read_table() if key[0] == BULK} == bulk_actions()
    assert {len(answers) for answers in read_table().values()} == {len(ROLES)}


def test_table_has_a_row_for_every_method_of_the_api():
    methods_by_route = {route: methods_of(view) for route, view in routes().items()}

    assert {route: set(expected(route)) for route, methods in methods_by_route.items() if methods} == {
        route: methods for route, methods in methods_by_route.items() if methods
    }


def test_every_address_of_a_table_and_every_button_is_asked_both_ways():
    names = [name for name in PATTERNS if table_of(name)]

    assert {name: set(expected(f"admin:{name}")) for name in names} == {name: {"GET", "POST"} for name in names}


@pytest.mark.parametrize("part", sorted({part_of(route) for route in SITE}))
def test_address_answers_each_role_as_the_table_says(
    part: str, belongings: Belongings, client_of: Callable[[str], Client], settings: Any
):
    settings.RATE_LIMIT_BURST = 200
    keys = [key for key in read_table() if key[1] in SITE and part_of(key[1]) == part]

    answers = {}
    for method, route in keys:
        path = address(route, belongings)
        answers[method, route] = tuple(ask(client_of(role), method, path) for role in ROLES)

    assert answers == {key: read_table()[key] for key in keys}


@pytest.mark.parametrize("table", sorted({table_name(name) for name in BACK_OFFICE}))
def test_back_office_answers_each_role_as_the_table_says(table: str, client_of: Callable[[str], Client]):
    keys = [(method, name) for method, name in BACK_OFFICE_KEYS if table_name(name) == table]
    model = table_of(keys[0][1])
    pk = quote(MAKERS[model](1).pk) if model else 1
    clients: list[Client] = []

    answers = {}
    for method, name in keys:
        if not (clients and model):  # of the site's own addresses one signs out
            clients = [client_of(role) for role in ROLES]
        name_of_address, _colon, action = name.partition(":")
        path = back_office_address(name_of_address, pk)
        answers[method, name] = tuple(
            offers(client, path, action) if action else ask(client, method, path) for client in clients
        )

    assert answers == {(method, name): read_table()[method, f"admin:{name}"] for method, name in keys}
