"""Every table that leads to a person is declared, column by column: a new one cannot be forgotten."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils import translation

from core import privacy
from core.privacy import Outcome, Person
from tests.architecture.source import APPS

TABLES = list(privacy.tables())
OURS = [table for table in TABLES if table.model.partition(".")[0] in APPS]


def points_to(model: type[Model]) -> Iterator[Any]:
    """What the columns of a model lead to; parents by inheritance are columns too."""
    for field in model._meta.get_fields(include_parents=True):
        if field.is_relation and field.concrete and field.related_model:
            yield field.related_model


def leading_to_a_person() -> set[str]:
    """Every model with a path of foreign keys to the user."""
    models = [model for model in apps.get_models() if not model._meta.proxy]
    linked_models: set[Any] = {get_user_model()}
    while True:
        more = {model for model in models if model not in linked_models and linked_models & set(points_to(model))}
        if not more:
            return {model._meta.label for model in linked_models}
        linked_models |= more


def test_every_table_with_a_path_to_a_person_is_declared():
    declared = {table.model for table in TABLES}
    exempt = {label for app in privacy.declarations() for label in app.NOT_PERSONAL}

    assert leading_to_a_person() - declared - exempt == set()
    assert declared & exempt == set()
    assert exempt <= leading_to_a_person()


def test_table_is_declared_once_and_by_its_owner_or_whoever_uses_it():
    labels = [table.model for table in TABLES]
    strange = [
        table.model
        for app in privacy.declarations()
        for table in app.TABLES
        if table.model.partition(".")[0] in APPS
        and not str(getattr(app, "__name__", "")).startswith(table.model.partition(".")[0])
    ]

    assert sorted(labels) == sorted(set(labels))
    assert strange == []


@pytest.mark.parametrize(
    "table", [table for table in TABLES if table.model.partition(".")[0] in APPS], ids=lambda t: t.model
)
def test_every_column_is_exported_or_left_out_for_a_reason(table: privacy.Table):
    columns = {field.name for field in table.model_class._meta.concrete_fields}
    key = table.model_class._meta.pk.name
    exported = {lookup.partition("__")[0].removesuffix("_id") for lookup in table.columns.values()}
    exported = {key if name == "pk" else name for name in exported}
    # a number that is no part of the export still has to be said
    exported |= {name for name in (lookup for lookup in table.columns.values()) if name in columns}

    assert columns - exported - set(table.left_out) == set()
    assert set(table.left_out) - columns == set()
    assert set(table.left_out) & exported == set()


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.model)
def test_declared_rows_and_columns_exist(table: privacy.Table, customer: Any):
    rows = table.rows(Person.of(customer))

    assert rows.model is table.model_class
    assert len(list(rows.order_by("pk").values_list(*table.columns.values()))) == rows.count()


def test_whatever_is_kept_says_why():
    with translation.override("en"):
        reasons = {
            str(table.category.title): str(table.category.why)
            for table in TABLES
            if table.category.outcome == Outcome.KEPT
        }

    assert set(reasons) == {
        "Invoices and credit notes",
        "Orders and payments",
        "Audit trail",
        "That you asked for the deletion",
    }
    assert all("art. 2220" in why or "GDPR" in why for why in reasons.values())


SECRET = ("hash", "token", "secret", "password", "payload", "client_secret")


def test_no_secret_is_exported():
    columns = {f"{table.model}.{lookup}" for table in TABLES for lookup in table.columns.values()}

    # how many words an answer took is no secret
    token_counts = {name for name in columns if name.endswith("_tokens")}
    assert [name for name in sorted(columns - token_counts) if any(word in name for word in SECRET)] == []
