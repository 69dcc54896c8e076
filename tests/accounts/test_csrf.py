"""A page of ours that calls the API with its session cookie must show the token, and can get it."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingProfile, User
from tests.factories import sign_in

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def make_browser(user: Any = None) -> Client:
    browser = Client(enforce_csrf_checks=True)
    if user:
        sign_in(browser, user)
    return browser


@pytest.mark.parametrize("token", [None, "", "a" * 64, "of another browser"])
def test_change_with_the_cookie_alone_is_refused(token: str | None, customer: Any, stranger: Any):
    """ASVS 5.0 3.5.1."""
    browser = make_browser(customer)
    browser.get("/api/v1/auth/csrf")
    foreign = make_browser(stranger).get("/api/v1/auth/csrf").json()["csrf_token"]
    headers = {} if token is None else {"X-CSRFToken": foreign if token.startswith("of") else token}

    answer = browser.patch("/api/v1/me", {"first_name": "Anna"}, **JSON, headers=headers)

    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert User.objects.get(pk=customer.pk).first_name == "Giulia"
    assert BillingProfile.objects.count() == 0


def test_change_with_the_token_is_made(customer: Any):
    browser = make_browser(customer)
    got = browser.get("/api/v1/auth/csrf")

    answer = browser.patch(
        "/api/v1/me", {"first_name": "Anna"}, **JSON, headers={"X-CSRFToken": got.json()["csrf_token"]}
    )

    assert (got.status_code, got["Cache-Control"], list(got.json())) == (200, "no-store", ["csrf_token"])
    assert (answer.status_code, User.objects.get(pk=customer.pk).first_name) == (200, "Anna")


def test_guest_gets_one_and_asks_with_it():
    browser = make_browser()
    token = browser.get("/api/v1/auth/csrf").json()["csrf_token"]

    without = browser.post("/api/v1/chat/conversations", {}, **JSON)
    with_it = browser.post("/api/v1/chat/conversations", {}, **JSON, headers={"X-CSRFToken": token})

    assert (without.status_code, with_it.status_code) == (403, 201)
