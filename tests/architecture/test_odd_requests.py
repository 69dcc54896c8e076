"""Requests that reach no view, or that no view foresees: each gets a page (or a problem) that says what to do."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from billing.models import Order
from tests.architecture.routes import routes
from tests.factories import make_order, sign_in

ODD = ("%00", "%2F", "a" * 10_000, "%C3%A8%E2%82%AC", "%FF", "%0A", "-1", "9" * 400, "..%2F..%2Fetc%2Fpasswd")
WITH_PARAMETERS = sorted(route for route in routes() if "<" in route)


def with_each_place_odd(route: str, odd: str) -> str:
    """The address with `odd` in every place of a parameter."""
    path = re.sub(r"\(\?P<\w+>[^)]*\)|<\w+:\w+>", lambda _: odd, route)
    return "/" + path.strip("^$").replace(r"\.", ".")


@pytest.mark.parametrize("route", WITH_PARAMETERS)
@pytest.mark.parametrize("odd", ODD, ids=lambda value: value[:12])
def test_odd_value_in_an_address_is_refused_in_words(route: str, odd: str, customer: Any):
    client = Client()
    sign_in(client, customer)
    path = with_each_place_odd(route, odd)

    for method in ("get", "post"):
        answer = getattr(client, method)(path)

        assert answer.status_code in (200, 302, 400, 401, 403, 404, 405), (method, path[:80])
        if answer.status_code == 200:  # pages of mailed links say it themselves
            assert re.search("link|collegamento", answer.content.decode())
        elif answer.status_code != 302:
            assert answer.content


@pytest.mark.parametrize("odd", ["%00", "%FF", "%C3%A8"])
@pytest.mark.parametrize("path", ["/", "/servizi/", "/account/accedi/", "/api/v1/services", "/api/v1/orders"])
def test_odd_value_in_a_query_is_refused_in_words(path: str, odd: str, customer: Any):
    client = Client()
    sign_in(client, customer)

    for name in ("page", "next", "q", "subject", "ordering"):
        assert client.get(f"{path}?{name}={odd}").status_code < 500


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/api/v1/services", "application/problem+json")])
@pytest.mark.parametrize("host", ["evil.example", "a b", "testserver:x", "[::1", "\x00", "x" * 3000])
def test_unknown_host_is_refused_with_a_page_of_its_own(
    path: str, kind: str, host: str, caplog: pytest.LogCaptureFixture, settings: Any
):
    answer = Client(raise_request_exception=False).get(path, headers={"host": host}, HTTP_ACCEPT_LANGUAGE="it")

    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (400, kind)
    title = answer.json()["title"] if path.startswith("/api/") else answer.content.decode()
    assert "Qui non c’è un sito con questo nome" in title
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    if kind == "text/html":  # at a name that is not ours nothing of ours can be fetched, and / leads nowhere
        assert re.findall(r'(?:href|src)="([^"]*)"', answer.content.decode()) == [settings.SITE_URL]
        (nonce,) = re.findall(r'nonce="([^"]+)"', answer.content.decode())
        assert f"'nonce-{nonce}'" in answer["Content-Security-Policy"]
    assert [record for record in caplog.records if record.exc_info] == []  # a line, no traceback


@pytest.mark.django_db
def test_refused_method_has_a_page_in_the_readers_language():
    answer = Client().get("/carrello/nis2/aggiungi/", HTTP_ACCEPT_LANGUAGE="it")

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]
    assert "Questo indirizzo non è una pagina" in answer.content.decode()


@pytest.mark.django_db
def test_refused_method_of_the_api_is_a_problem():
    answer = Client().put("/api/v1/services")

    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("action", ["annulla", "paga/prepara"])
def test_button_pressed_after_the_session_ended_leads_back_to_its_page(action: str, customer: Any):
    order = make_order(customer)
    page = f"/area/ordini/{order.number}/"
    client = Client()

    answer = client.post(f"{page}{action}/", headers={"referer": f"http://testserver{page}?da=lista"}, follow=True)

    assert parse_qs(urlsplit(answer.redirect_chain[-1][0]).query)["next"] == [f"{page}?da=lista"]
    assert "La sessione era scaduta" in answer.content.decode()
    sign_in(client, customer)
    assert client.get(f"{page}?da=lista").status_code == 200
    order.refresh_from_db()
    assert order.status == Order.Status.AWAITING_PAYMENT


@pytest.mark.parametrize("referer", ["", "https://evil.example/x", "nonsense", "//evil.example/x"])
def test_lost_session_leads_nowhere_but_here(referer: str, db: None):
    answer = Client().post("/area/ordini/ORD-2026-00001/annulla/", headers={"referer": referer})

    assert parse_qs(urlsplit(answer["Location"]).query)["next"] == ["/area/"]
