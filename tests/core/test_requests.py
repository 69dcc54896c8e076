"""What every request and answer carries, whatever the view: an id, security headers, and no way into a cache."""

import json
import logging
import logging.config
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from tests.core.conftest import token_of

pytestmark = pytest.mark.django_db

NEVER_CACHED = "max-age=0, no-cache, no-store, must-revalidate, private"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self' https://js.stripe.com",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self' https://api.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "form-action": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}


def directives(answer: Any) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))


@pytest.mark.parametrize("request_id", ["abcd1234", "a" * 64, "7f9c2ba4-e88f-827d-6160-450ab5b7fcd1"])
def test_id_of_a_proxy_is_kept(client: Client, request_id: str):
    assert client.get("/health", headers={"X-Request-ID": request_id})["X-Request-ID"] == request_id


@pytest.mark.parametrize(
    "request_id", ["", "short", "a" * 65, "abcd 1234", "abcd1234\r\nx", 'abcd1234"', "perchéabcd", "../../etc"]
)
def test_id_that_could_do_harm_in_a_log_is_replaced(client: Client, request_id: str):
    answers = [client.get("/health", headers={"X-Request-ID": request_id})["X-Request-ID"] for _time in range(2)]

    assert [len(identifier) for identifier in answers] == [32, 32]
    assert answers[0] != answers[1]
    assert request_id not in answers


def test_log_line_is_one_json_object_with_the_id_of_its_request(client: Client, redis_away: None, log_lines: Any):
    client.get("/api/v1/services", headers={"X-Request-ID": "abcd1234"})

    [line] = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert line.pop("at")
    assert line == {
        "level": "WARNING", "logger": "core.web.ratelimit", "message": "Redis is away, limit api let pass",
        "request_id": "abcd1234",
    }  # fmt: skip


def test_log_line_of_a_bug_stays_one_line_and_has_the_traceback(log_lines: Any):
    try:
        int("first\nsecond")
    except ValueError:
        logging.getLogger("core.trial").exception("row %s\n{}", 7)

    [line] = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert (line["message"], line["level"]) == ("row 7\n{}", "ERROR")
    assert line["exc_info"].endswith("ValueError: invalid literal for int() with base 10: 'first\\nsecond'")


def test_line_about_a_refusal_has_the_id_of_its_request(client: Client, log_lines: Any):
    async_to_sync(AsyncClient().get)("/nowhere", headers={"X-Request-ID": "abcd1234"})  # as in production
    client.get("/api/v1/orders", headers={"X-Request-ID": "abcd5678"})

    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert [(line["logger"], line["status_code"], line["request_id"]) for line in lines] == [
        ("django.request", 404, "abcd1234"), ("django.request", 401, "abcd5678"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/servizi/", "/account/accedi/", "/assistenza/", "/nowhere", "/api/v1/services"])
def test_answer_carries_every_security_header(client: Client, path: str):
    answer = client.get(path)

    names = (
        "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
        "Permissions-Policy",
    )  # fmt: skip
    assert [answer.get(name) for name in names] == [
        "DENY", "nosniff", "same-origin", "same-origin", "camera=(), microphone=(), geolocation=(), browsing-topics=()",
    ]  # fmt: skip
    assert directives(answer) == POLICY
    assert "Server" not in answer
    assert "X-Powered-By" not in answer


def test_back_office_alone_evaluates_and_styles_in_place(staff_client: Client):
    policy = directives(staff_client.get("/admin/"))

    differences = {name for name, value in policy.items() if value != POLICY[name]}
    assert (differences, policy["script-src"], policy["style-src"]) == (
        {"script-src", "style-src"}, "'self' 'unsafe-eval'", "'self' 'unsafe-inline'",
    )  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/", "/area/", "/area/ordini/", "/area/profilo/", "/servizi/", "/api/v1/me", "/admin/"]
)
def test_page_of_somebody_signed_in_stays_out_of_every_cache(staff_client: Client, path: str):
    answer = staff_client.get(path)

    assert (answer.status_code, answer["Cache-Control"]) == (200, NEVER_CACHED)


def test_answer_to_a_token_stays_out_of_every_cache(client: Client, customer: Any):
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token_of(customer)}"})

    assert (answer.status_code, answer["Cache-Control"]) == (200, NEVER_CACHED)


def test_public_page_may_be_kept_and_varies_with_its_reader(client: Client):
    answer = client.get("/")

    assert (answer.status_code, answer.get("Cache-Control")) == (200, None)
    assert {"Cookie", "Accept-Language"} <= set(answer["Vary"].split(", "))


def test_other_origins_are_not_let_in(client: Client):
    answer = client.get("/api/v1/services", headers={"Origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in answer


def test_application_of_ours_may_call_the_api_and_nothing_else(client: Client, settings: Any):
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.it"]
    headers = {"Origin": "https://app.example.it"}

    api, page = client.get("/api/v1/services", headers=headers), client.get("/", headers=headers)

    assert api["Access-Control-Allow-Origin"] == "https://app.example.it"
    assert "Access-Control-Allow-Credentials" not in api
    assert api["Access-Control-Expose-Headers"] == "X-Request-ID, Retry-After"
    assert "Access-Control-Allow-Origin" not in page
