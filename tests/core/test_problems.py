"""Refusals of the API: one shape for all of them, a code for programs, words for people."""

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory
from django.urls import get_resolver
from rest_framework import exceptions, serializers

from core.errors import DomainError, InvalidInputError
from core.web.problems import handle
from core.web.ratelimit import TooManyRequestsError
from tests.factories import make_customer, sign_in

pytestmark = pytest.mark.django_db


class Line(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=1)


class Basket(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=3)
    lines = Line(many=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raise serializers.ValidationError("These two do not go together.", "pair")


def handle_error(error: Exception) -> tuple[int, Any, dict[str, str]]:
    answer = handle(error, {})
    assert answer is not None
    headers = {name: answer[name] for name in ("Retry-After", "WWW-Authenticate") if name in answer}
    return answer.status_code, answer.data, headers


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, Any]:
    options: dict[str, Any] = {"headers": headers, "content_type": "application/json"}
    answer = getattr(client, method)(f"/api/v1/{path}", body, **options)
    return answer.status_code, answer["Content-Type"], answer.json()


PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code", "title"),
    [
        ("get", "orders", {}, 401, "not_authenticated", "Non sono state immesse le credenziali di autenticazione."),
        ("get", "nowhere", {}, 404, "not_found", "A questo indirizzo non c’è nulla."),
        ("put", "nowhere", {}, 404, "not_found", "A questo indirizzo non c’è nulla."),
        ("get", "services/nowhere", {}, 404, "not_found", "Non trovato."),
        ("delete", "services", {}, 405, "method_not_allowed", 'Metodo "DELETE" non consentito'),
        ("get", "me", {"Authorization": "Bearer x"}, 401, "token_invalid",
         "Questo token non è valido o non lo è più."),
    ],
)  # fmt: skip
def test_refused_request_is_told_in_one_shape(
    client: Client, method: str, path: str, headers: dict[str, str], status: int, code: str, title: str
):
    answer = call(client, method, path, **headers)

    body = {"type": f"urn:problem:{code}", "title": title, "status": status, "code": code}
    assert answer == (status, PROBLEM, body)


def test_words_follow_the_caller_and_codes_do_not(client: Client):
    _status, _kind, italian = call(client, "get", "orders")
    _status, _kind, english = call(client, "get", "orders", **{"Accept-Language": "en"})

    assert english["title"] == "Authentication credentials were not provided."
    assert (italian["code"], italian["title"] != english["title"]) == (english["code"], True)


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        ("{", "application/json", 400, "parse_error"),
        ("\xff", "application/json", 400, "parse_error"),
        ("a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
)
def test_body_that_cannot_be_read_is_told_as_such(client: Client, content: str, kind: str, status: int, code: str):
    answer = client.post("/api/v1/auth/login", content.encode("latin-1"), content_type=kind)

    body = answer.json()
    assert (answer.status_code, answer["Content-Type"], body["code"], body["status"]) == (status, PROBLEM, code, status)
    assert set(body) == {"type", "title", "status", "code"}


def test_fields_to_correct_are_named_one_by_one(client: Client):
    answer = call(client, "post", "auth/login", {"email": "giulia"}, **{"Accept-Language": "en"})

    assert answer == (
        400, PROBLEM,
        {
            "type": "urn:problem:invalid", "title": "Some fields need correction.", "status": 400, "code": "invalid",
            "errors": [
                {
                    "field": "email", "code": "invalid",
                    "message": "Please write one e-mail address, for instance name@example.it.",
                },
                {"field": "password", "code": "required", "message": "This field is required."},
            ],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"name": "abcd", "lines": [{"quantity": 1}, {"quantity": 0}]},
         [("name", "max_length"), ("lines.1.quantity", "min_value")]),
        ({"name": "abc", "lines": [{}]}, [("lines.0.quantity", "required")]),
        ({"name": "abc", "lines": "x"}, [("lines", "not_a_list")]),
        ({"name": "abc", "lines": [{"quantity": 1}]}, [("", "pair")]),
        ([], [("", "invalid")]),
    ],
)  # fmt: skip
def test_place_of_an_error_is_a_path(data: Any, errors: list[tuple[str, str]]):
    basket = Basket(data=data)
    assert not basket.is_valid()

    status, body, _headers = handle_error(exceptions.ValidationError(basket.errors))

    assert status == 400
    assert [(error["field"], error["code"]) for error in body["errors"]] == errors
    assert {frozenset(error) for error in body["errors"]} == {frozenset({"field", "code", "message"})}


def test_rules_refusal_keeps_its_code_and_names_its_field():
    plain = handle_error(DomainError("Already paid.", code="already_paid"))
    of_field = handle_error(InvalidInputError("Not a VAT number.", code="vat_number", field="vat_number"))

    assert plain == (
        409,
        {"type": "urn:problem:already_paid", "title": "Already paid.", "status": 409, "code": "already_paid",
         "errors": []},
        {},
    )  # fmt: skip
    assert of_field[0] == 400
    assert of_field[1]["errors"] == [{"field": "vat_number", "code": "vat_number", "message": "Not a VAT number."}]


def test_limit_says_when_to_come_back(client: Client, settings: Any):
    settings.RATE_LIMIT_PER_MINUTE, settings.RATE_LIMIT_BURST = 6, 1
    client.get("/api/v1/services")

    answer = client.get("/api/v1/services")

    assert handle_error(TooManyRequestsError(retry_after_s=7))[2] == {"Retry-After": "7"}
    assert (answer.status_code, answer["Retry-After"], answer["Content-Type"]) == (429, "10", PROBLEM)
    assert answer.json()["code"] == "throttled"


def test_refusal_says_how_to_sign_in(client: Client):
    assert client.get("/api/v1/orders")["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(Http404(), 404, "not_found"), (PermissionDenied(), 403, "permission_denied")],
)
def test_djangos_own_refusals_have_the_same_shape(error: Exception, status: int, code: str):
    result_status, body, _headers = handle_error(error)

    assert (result_status, set(body)) == (status, {"type", "title", "status", "code"})
    assert (body["status"], body["code"]) == (status, code)


def test_bug_is_not_taken_for_a_refusal():
    assert handle(ValueError("a secret"), {}) is None


def test_bug_in_the_api_tells_nothing_of_itself():
    request = RequestFactory().get("/api/v1/orders")

    answer = get_resolver().resolve_error_handler(500)(request)

    assert (answer.status_code, answer["Content-Type"]) == (500, PROBLEM)
    assert json.loads(answer.content) == {
        "type": "urn:problem:server_error", "title": "Qualcosa non ha funzionato dalla nostra parte.", "status": 500,
        "code": "server_error",
    }  # fmt: skip


@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (403, "permission_denied"), (404, "not_found")])
def test_refusal_before_the_api_has_its_shape_too(status: int, code: str):
    request = RequestFactory().get("/api/v1/orders")

    answer = get_resolver().resolve_error_handler(status)(request, exception=Exception())

    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert json.loads(answer.content)["code"] == code


def test_caller_of_a_closed_account_is_refused_by_name():
    client = Client()
    user = make_customer("chiuso@esempio.example")
    sign_in(client, user)
    type(user).objects.update(is_active=False)

    assert call(client, "get", "me")[2]["code"] == "not_authenticated"
