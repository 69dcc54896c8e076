"""No door takes as a name what would speak to somebody else in a mail of ours."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from chatbot.models import Ticket
from notifications.models import Mail
from tests.core.conftest import token_of
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

LURES = ("Vinci 500 € su evil.it", "Giulia http://evil.example", "Giulia\r\nBcc: x@y.example", "Giulia\u202eissoR")
PERSON = {"email": "nora@esempio.example", "password": PASSWORD, "first_name": "Nora", "last_name": "Nuova"}
GUEST = {"name": "Mario Rossi", "email": "mario@posta.example", "text": "Ciao"}


@pytest.mark.parametrize("field", ["first_name", "last_name"])
@pytest.mark.parametrize("lure", LURES)
def test_registration_takes_no_lure_for_a_name(lure: str, field: str, client: Client, api: Any):
    values = {**PERSON, field: lure}

    page = client.post("/account/registrati/", {**values, "terms": "on"})
    status, problem = api("post", "auth/register", values)

    assert list(page.context["form"].errors) == [field]
    assert (status, [(error["field"], error["code"]) for error in problem["errors"]]) == (
        400,
        [(field, "name_invalid")],
    )
    assert (User.objects.count(), Mail.objects.count()) == (0, 0)


@pytest.mark.parametrize("lure", LURES)
def test_name_is_not_changed_into_a_lure(lure: str, client: Client, customer: Any):
    answer = client.patch(
        "/api/v1/me", {"first_name": lure}, content_type="application/json",
        headers={"Authorization": f"Bearer {token_of(customer)}"},
    )  # fmt: skip

    customer.refresh_from_db()
    assert (answer.status_code, answer.json()["errors"][0]["field"], customer.first_name) == (
        400,
        "first_name",
        "Giulia",
    )


def test_back_office_holds_names_to_the_same_rule(staff_client: Client, customer: Any):
    page = staff_client.post(
        f"/admin/accounts/user/{customer.pk}/change/",
        {"first_name": LURES[0], "last_name": "D’Angelo", "language": "it", "is_active": "on"},
    )

    assert list(page.context["adminform"].form.errors) == ["first_name"]
    customer.refresh_from_db()
    assert customer.last_name == "Ferrante"


@pytest.mark.parametrize("lure", LURES)
def test_request_of_a_guest_takes_no_lure_for_a_name(lure: str, client: Client):
    begun = client.post("/api/v1/chat/conversations", {}, content_type="application/json").json()

    page = client.post("/assistenza/persona/", {**GUEST, "name": lure})
    handed = client.post(
        f"/api/v1/chat/conversations/{begun['token']}/handoff",
        {**GUEST, "name": lure},
        content_type="application/json",
    )

    assert (page.status_code, handed.status_code) == (400, 400)
    assert (Ticket.objects.count(), Mail.objects.count()) == (0, 0)


def test_names_of_any_language_pass_every_door(client: Client, api: Any, customer: Any):
    values = {**PERSON, "first_name": "Nguyễn Thị", "last_name": "O’Brien Jr."}

    client.post("/account/registrati/", {**values, "terms": "on"})
    status, _none = api("post", "auth/register", {**values, "email": "li@esempio.example", "first_name": "李小龙"})

    names = set(User.objects.exclude(pk=customer.pk).values_list("first_name", "last_name"))
    assert (status, names) == (202, {("Nguyễn Thị", "O’Brien Jr."), ("李小龙", "O’Brien Jr.")})
