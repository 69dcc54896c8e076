"""The committed description of the API is the one the code gives, and every door of the API is in it."""

import re
from typing import Any

import pytest
import yaml
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from billing.payments.webhooks import PATH as WEBHOOK
from core.web.problems import problem
from tests.architecture.routes import routes
from tests.architecture.source import ROOT

UNDOCUMENTED = {"schema", "docs", "^.*$"}  # the description itself, and the answer to wrong addresses


@pytest.fixture(scope="module")
def schema() -> Any:
    """As `manage.py spectacular` makes it, with the warnings kept in GENERATOR_STATS."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        return SchemaGenerator().get_schema(request=None, public=True)


def operations(schema: Any) -> list[dict[str, Any]]:
    return [operation for methods in schema["paths"].values() for operation in methods.values()]


def test_committed_description_is_up_to_date(schema: Any):
    document = (ROOT / "docs" / "openapi.yaml").read_text()

    fresh = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()

    assert document == fresh, "renew it: manage.py spectacular --file docs/openapi.yaml"


def test_description_is_valid_and_nothing_had_to_be_guessed(schema: Any):
    assert list(GENERATOR_STATS._warn_cache) == []
    assert list(GENERATOR_STATS._error_cache) == []
    validate_schema(schema)


def test_every_door_of_the_api_is_described(schema: Any):
    doors = {route.removeprefix("api/v1/") for route in routes() if route.startswith("api/v1/")} - UNDOCUMENTED
    paths = {re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", door).rstrip("$") for door in doors}

    assert set(schema["paths"]) == {f"/api/v1/{path}" for path in paths} | {WEBHOOK}


def test_every_operation_may_be_refused_with_a_problem(schema: Any):
    refusals = [operation["responses"]["default"] for operation in operations(schema)]

    assert refusals == [{"$ref": "#/components/responses/Problem"}] * len(refusals)
    shape = schema["components"]["schemas"]["Problem"]
    assert set(problem(400, "invalid", "x", errors=[])) == set(shape["properties"])
    assert set(problem(400, "invalid", "x")) == set(shape["required"])


def test_whoever_needs_a_token_is_told_which(schema: Any):
    with_token = [operation for operation in operations(schema) if {} not in operation.get("security", [{}])]

    assert schema["components"]["securitySchemes"]["bearerAuth"] == {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
    }  # fmt: skip
    assert {str(operation["security"]) for operation in with_token} == {"[{'bearerAuth': []}, {'cookieAuth': []}]"}
    assert {operation["tags"][0] for operation in with_token} == {"auth", "invoices", "me", "orders", "tickets"}


def test_amounts_are_strings_everywhere(schema: Any):
    text = yaml.safe_dump(schema["components"])

    assert "type: number" not in text
    assert "format: double" not in text
