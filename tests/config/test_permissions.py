"""Who may enter the back office may not do everything in it: each address asks for the right it needs."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from billing.models import Order, Payment
from chatbot.models import Ticket
from invoicing.models import Invoice
from tests.config.rows import MAKERS
from tests.factories import make_customer
from tests.invoicing.flow import receive

pytestmark = pytest.mark.django_db

# What belongs to no table, and what it answers to staff without a single right.
OF_THE_SITE = {
    "index": 200,  # without any figure: tested below
    "login": 302,
    "password_change": 302,  # one's own, by mail
    "password_change_done": 200,
    "autocomplete": 403,
    "jsi18n": 200,  # words of the interface
    "search": 200,  # finds what one may see: nothing
    "view_on_site": 404,
    "app_list": 404,
    "logout": 200,  # a page that says so
}


def patterns_of(resolver: Any) -> list[URLPattern]:
    patterns: list[URLPattern] = []
    for each in resolver.url_patterns:
        patterns += patterns_of(each) if isinstance(each, URLResolver) else [each]
    return patterns


PATTERNS = {pattern.name: pattern for pattern in patterns_of(get_resolver().namespace_dict["admin"][1]) if pattern.name}
NAMES = {model: f"{model._meta.app_label}_{model._meta.model_name}" for model in MAKERS}
OF_TABLES = {
    name: model
    for name in PATTERNS
    for model, table in NAMES.items()
    if re.fullmatch(table + r"_[a-z_]+", name)
}  # fmt: skip


@pytest.fixture
def powerless(db: None) -> Client:
    """Signed in as staff of a role that has no right: there is none today, so the table is opened for one to come."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user DROP CONSTRAINT accounts_user_role")  # until the test is rolled back
    client = Client()
    client.force_login(make_customer("nuova@aish.example", role="no_rights"))
    return client


def address_of(name: str, pk: Any = 1) -> str:
    values = {"object_id": pk, "pk": pk, "reference": uuid4(), "content_type_id": 1, "app_label": "billing"}
    pattern = PATTERNS[name].pattern
    parameters = getattr(pattern, "converters", None) or getattr(pattern, "regex", re.compile("")).groupindex
    return reverse(f"admin:{name}", kwargs={each: values[each] for each in parameters})


def test_every_address_belongs_to_a_table_or_is_named_here():
    assert set(PATTERNS) == set(OF_TABLES) | set(OF_THE_SITE)
    assert {"invoicing_document_download", "chatbot_ticket_file", "chatbot_assistantversion_try"} < set(OF_TABLES)


@pytest.mark.parametrize("name", sorted(OF_TABLES))
def test_address_of_a_table_is_refused_to_staff_without_the_right(name: str, powerless: Client):
    path = address_of(name, MAKERS[OF_TABLES[name]](1).pk)

    assert (powerless.get(path).status_code, powerless.post(path).status_code) == (403, 403)


def test_addresses_of_the_site_show_nothing_to_staff_without_rights(powerless: Client):
    for number, model in enumerate((Order, Payment, Ticket, Invoice), start=1):
        MAKERS[model](number)

    assert {name: powerless.get(address_of(name)).status_code for name in OF_THE_SITE if name != "logout"} == {
        name: status for name, status in OF_THE_SITE.items() if name != "logout"
    }
    assert powerless.post(address_of("logout")).status_code == OF_THE_SITE["logout"]


def test_home_has_nothing_of_a_table_one_may_not_see(powerless: Client, staff_client: Client):
    receive(b"Subject: Offerta\r\n\r\nCiao")
    of_powerless, of_admin = (client.get("/admin/").context for client in (powerless, staff_client))

    assert (of_powerless["tiles"], of_powerless["alarms"]) == ([], [])
    assert (len(of_admin["tiles"]), len(of_admin["alarms"])) == (4, 23)
    assert (of_powerless["pec_mails"], len(of_admin["pec_mails"])) == ([], 1)


def test_search_finds_nothing_one_may_not_see(powerless: Client):
    answer = powerless.get("/admin/search/?s=ord")

    assert "admin/" not in answer.content.decode()
