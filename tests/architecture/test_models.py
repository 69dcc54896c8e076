"""The tables: who may point to whom, and that PostgreSQL itself knows every state."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import CheckConstraint, ForeignKey, ManyToManyField, Model, Q

from tests.architecture.source import APPS

MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]
STATE_NAMES = {"state", "status", "role", "outcome", "purpose"}
WITHOUT_CHECK = {
    "invoicing.InvoiceEvent.state": "a copy of Invoice.state, which is checked; the rows are append-only by trigger",
    "chatbot.Message.role": "no state: written once with the row, and never a condition of anything but its look",
    "chatbot.Message.outcome": "how an answer ended, written once, for statistics",
}


def pointing() -> Iterator[tuple[type[Model], Any]]:
    for model in MODELS:
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey | ManyToManyField):
                yield model, field


def states() -> list[Any]:
    return [field for model in MODELS for field in model._meta.fields if field.choices and field.name in STATE_NAMES]


def values_of_check(field: Any) -> list[Any]:
    """The values that the check constraints of the table allow this column, "" if there is none."""
    conditions = [item.condition for item in field.model._meta.constraints if isinstance(item, CheckConstraint)]
    leaves = [leaf for condition in conditions if isinstance(condition, Q) for leaf in condition.children]
    return next((list(leaf[1]) for leaf in leaves if isinstance(leaf, tuple) and leaf[0] == f"{field.name}__in"), [])


def test_relations_point_to_the_right_only():
    wrong = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model, field in pointing()
        if field.related_model._meta.label != settings.AUTH_USER_MODEL
        and APPS.index(model._meta.app_label) > APPS.index(field.related_model._meta.app_label)
    ]

    assert wrong == []


def test_below_accounts_only_notifications_and_core_know_the_user_and_only_by_setting():
    upward = {
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model, field in pointing()
        if APPS.index(model._meta.app_label) > APPS.index(field.related_model._meta.app_label)
    }

    assert upward == {"core.AuditEntry.actor", "notifications.Mail.user"}


def test_nothing_of_ours_depends_on_the_tables_of_others():
    foreign = {field.related_model._meta.app_label for _model, field in pointing()} - set(APPS)

    assert foreign == set()


@pytest.mark.parametrize("field", states(), ids=str)
def test_table_knows_every_state(field: Any):
    choices = [] if str(field) in WITHOUT_CHECK else [value for value, _label in field.choices or ()]

    assert values_of_check(field) == choices


def test_exceptions_are_still_needed():
    assert set(WITHOUT_CHECK) <= {str(field) for field in states()}


@pytest.mark.django_db
def test_checks_of_the_models_are_in_the_database():
    names = {item.name for model in MODELS for item in model._meta.constraints if isinstance(item, CheckConstraint)}

    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conname = ANY(%s)", [list(names)])
        names_in_database = {name for (name,) in cursor.fetchall()}

    assert names_in_database == names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_model_follows_the_house(model: type[Model]):
    names = [item.name for item in (*model._meta.constraints, *model._meta.indexes)]
    texts = [
        field.name
        for field in model._meta.fields
        if field.null and field.get_internal_type() in ("CharField", "TextField")
    ]

    assert [name for name in names if not name.startswith(f"{model._meta.app_label}_")] == []
    assert list(model._meta.ordering) == []
    assert texts == []
