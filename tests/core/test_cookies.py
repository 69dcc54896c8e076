"""Cookies of a site under https: every one is bound to its host, hidden from scripts and kept off foreign forms."""

from http.cookies import Morsel
from typing import Any

import pytest
from django.test import Client

from tests.architecture.routes import routes
from tests.architecture.test_settings import LIVE, settings_of
from tests.core.conftest import token_of
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

NAMES = (
    "HTTPS", "COOKIE_PREFIX", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE", "LANGUAGE_COOKIE_HTTPONLY",
)  # fmt: skip


@pytest.fixture(scope="session")
def live_values() -> dict[str, Any]:
    """What the settings of a site under https are, as a process with them reads them."""
    return dict(zip(NAMES, settings_of(LIVE, *NAMES), strict=True))


@pytest.fixture
def browser(live_values: dict[str, Any], settings: Any) -> Client:
    for name, value in live_values.items():
        setattr(settings, name, value)

    class HttpsClient(Client):
        def request(self, **request: Any) -> Any:
            return super().request(**request | {"wsgi.url_scheme": "https"})

    return HttpsClient()


def weaknesses(morsel: Morsel[str]) -> list[str]:
    """What is wrong with a cookie (ASVS 5.0 3.3.1 to 3.3.4)."""
    rules = {
        "prefix": morsel.key.startswith("__Host-"), "secure": bool(morsel["secure"]), "path": morsel["path"] == "/",
        "domain": not morsel["domain"], "httponly": bool(morsel["httponly"]) or not morsel.value,
        "samesite": morsel["samesite"] in ("Lax", "Strict") or not morsel.value,
    }  # fmt: skip
    return [rule for rule, is_held in rules.items() if not is_held]


def test_every_cookie_of_every_answer_is_bound_to_its_host(browser: Client, customer: Any, settings: Any):
    """ASVS 5.0 3.3.1, 3.3.2, 3.3.3, 3.3.4."""
    settings.RATE_LIMIT_BURST = 10_000
    answers: list[Any] = [browser.get(f"/{route}") for route in routes() if "<" not in route and "^" not in route]
    answers += [
        browser.post(path, values)
        for path, values in (
            ("/lingua/", {"language": "en"}), ("/aspetto/", {"theme": "dark"}), ("/aspetto/", {"theme": "auto"}),
            ("/area/ordini/ORD-2026-00001/annulla/", {}),  # a message for whoever is not signed in
            ("/assistente/", {"text": "Ciao", "keep": "on"}), ("/assistente/dimentica/", {}),
            ("/account/accedi/", {"email": customer.email, "password": PASSWORD}), ("/account/esci/", {}),
        )
    ]  # fmt: skip
    answers.append(browser.post("/api/v1/chat/conversations", {}, content_type="application/json"))
    answers.append(browser.delete("/api/v1/chat/conversations/current"))

    morsels = [morsel for answer in answers for morsel in answer.cookies.values()]

    assert {(morsel.key, *weaknesses(morsel)) for morsel in morsels if weaknesses(morsel)} == set()
    assert {morsel.key for morsel in morsels} == {
        "__Host-session", "__Host-csrf", "__Host-django_language", "__Host-theme", "__Host-conversation",
        "__Host-messages", "__Host-device",
    }  # fmt: skip


def test_without_https_no_cookie_has_the_prefix(client: Client):
    """A browser would not take it."""
    answer = client.post("/aspetto/", {"theme": "dark"})

    assert {morsel.key for morsel in answer.cookies.values()} == {"theme"}


def test_message_comes_through_its_cookie(browser: Client):
    refused = browser.post("/area/ordini/ORD-2026-00001/annulla/")

    page = browser.get(refused["Location"]).content.decode()

    assert "La sessione era scaduta" in page


@pytest.mark.parametrize("path", ["/account/esci/", "/admin/logout/"])
def test_logout_clears_what_the_browser_keeps(path: str, staff_client: Client):
    """ASVS 5.0 14.3.1."""
    before, answer, after = staff_client.get("/area/"), staff_client.post(path), staff_client.get("/")

    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in before
    assert "Clear-Site-Data" not in after


def test_logout_over_the_api_clears_what_the_browser_keeps(client: Client, customer: Any):
    """ASVS 5.0 14.3.1."""
    answer = client.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token_of(customer)}"})

    assert (answer.status_code, answer["Clear-Site-Data"]) == (204, '"cache", "storage"')
