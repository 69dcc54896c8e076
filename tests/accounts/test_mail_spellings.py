"""Every door of accounts takes an address in any spelling, and knows it again in any other."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD, make_customer

pytestmark = pytest.mark.django_db

KEPT = "nora@xn--mller-kva.example"
SPELLINGS = (
    KEPT,
    "nora@müller.example",
    "NORA@MÜLLER.example",
    "ｎｏｒａ@müller。example",
    "no\u200bra@müller.example",
)
PERSON = {"password": PASSWORD, "first_name": "Nora", "last_name": "Nuova"}
REFUSED = "Prima della @ un indirizzo e-mail ha lettere senza accenti, cifre e segni come . - _ +"


def test_registration_in_every_spelling_is_one_account(client: Client, api: Any):
    for email in SPELLINGS:
        client.post("/account/registrati/", {**PERSON, "email": email, "terms": "on"})
        api("post", "auth/register", {**PERSON, "email": email})

    assert [user.email for user in User.objects.all()] == [KEPT]


@pytest.mark.parametrize("email", SPELLINGS)
def test_login_in_every_spelling_is_the_same_account(email: str, client: Client, api: Any):
    make_customer(KEPT)

    page = client.post("/account/accedi/", {"email": email, "password": PASSWORD})
    status, _pair = api("post", "auth/login", {"email": email, "password": PASSWORD})

    assert (page.status_code, page["Location"], status) == (302, "/area/", 200)


def test_address_that_no_mail_server_need_take_is_refused_beside_its_field(client: Client, api: Any):
    values = {**PERSON, "email": "ü@müller.example"}

    page = client.post("/account/registrati/", {**values, "terms": "on"})
    status, problem = api("post", "auth/register", values)

    assert page.context["form"].errors == {"email": [REFUSED]}
    assert (status, problem["errors"]) == (400, [{"field": "email", "code": "invalid", "message": REFUSED}])
    assert User.objects.count() == 0


def test_pec_is_kept_in_its_spelling(customer_client: Client, api: Any):
    page = customer_client.post("/area/profilo/", {"kind": "company", "pec": "studio@pec.müller.example"})

    assert page.context["form"].cleaned_data["pec"] == "studio@pec.xn--mller-kva.example"


def test_accounts_from_before_are_found_again():
    old, taken = make_customer("piero@example.it"), make_customer("rosa@example.it")
    User.objects.filter(pk=old.pk).update(email="piero@müller.example")
    User.objects.filter(pk=taken.pk).update(email="nora@müller.example")
    make_customer(KEPT)

    import_module("accounts.migrations.0005_plain_addresses").respell(apps, connection.schema_editor())

    assert set(User.objects.values_list("email", flat=True)) == {
        "piero@xn--mller-kva.example", "nora@müller.example", KEPT,
    }  # fmt: skip
