"""Before and after: which values the audit trail keeps of which column, over all tables."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Model

from accounts.models import User
from billing.models import Category, Service
from chatbot.models import AssistantVersion
from core.changes import between, keeps_values, snapshot
from core.privacy import is_personal
from tests.architecture.source import APPS
from tests.factories import make_customer, make_service

MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]
PERSONAL = [model for model in MODELS if is_personal(model)]
WORD = "mirtillo"


def filled(model: type[Model]) -> Model:
    """A row that is not saved, with a person's word in every column that takes one, and another everywhere else."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and not field.choices:
            values[field.attname] = WORD
        elif isinstance(field, models.JSONField):
            values[field.attname] = {"text": WORD}
        elif isinstance(field, models.BinaryField):
            values[field.attname] = WORD.encode()
        elif isinstance(field, models.GenericIPAddressField):
            values[field.attname] = "192.0.2.77"
    return model(**values)


@pytest.mark.parametrize("model", PERSONAL, ids=lambda model: model._meta.label)
def test_nothing_a_person_wrote_stays_in_the_trail(model: type[Model]):
    row = filled(model)
    names = [field.name for field in model._meta.concrete_fields if getattr(row, field.attname)]

    kept = between(row, dict.fromkeys(names))

    assert set(kept) == set(names)
    assert WORD not in json.dumps(kept, default=str)
    assert "192.0.2.77" not in json.dumps(kept, default=str)


@pytest.mark.parametrize("model", PERSONAL, ids=lambda model: model._meta.label)
def test_of_people_only_words_of_a_list_amounts_moments_and_numbers_of_accounts_are_kept(model: type[Model]):
    closed = (models.BooleanField, models.DecimalField, models.DateTimeField, models.DurationField)

    open_fields = [
        field.name
        for field in model._meta.concrete_fields
        if keeps_values(field) and not field.choices and not isinstance(field, closed)
        and field.related_model is not User
    ]  # fmt: skip

    assert open_fields == []


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("webhook_secret", False), ("api_token", False), ("password", False), ("token_hash", False), ("key", False),
        ("signing_key", False), ("max_tokens", True), ("keyword", True),
    ],
)  # fmt: skip
def test_no_secret_would_be_kept_of_any_table(name: str, is_kept: bool):
    field: Any = models.CharField(max_length=40)
    field.set_attributes_from_name(name)
    field.model = Service  # of no person: a short text of it is kept otherwise

    assert keeps_values(field) is is_kept


@pytest.mark.parametrize(
    ("model", "name", "is_kept"),
    [
        (User, "role", True), (User, "is_active", True), (User, "language", True), (User, "first_name", False),
        (User, "email", False), (User, "password", False),
        (Service, "price", True), (Service, "is_active", True), (Service, "name_it", True), (Service, "category", True),
        (Service, "lead_it", False),
        (AssistantVersion, "daily_budget", True), (AssistantVersion, "max_tokens", True),
        (AssistantVersion, "prompt", False),
    ],
)  # fmt: skip
def test_prices_states_and_short_texts_of_our_own_are_kept(model: type[Model], name: str, is_kept: bool):
    assert keeps_values(model._meta.get_field(name)) is is_kept


@pytest.mark.django_db
def test_values_stand_as_they_come_back_from_the_database():
    other = Category.objects.create(slug="gdpr", name_it="Privacy", name_en="Privacy", seal="gdpr")
    service = make_service("audit", price=Decimal("100.00"), is_active=True)
    first = str(service.category)
    before = snapshot(service, ["price", "is_active", "category", "lead_it", "position"])

    service.price, service.is_active, service.category, service.lead_it = Decimal("120.50"), False, other, "Altro."

    assert between(service, before) == {
        "price": ["100.00", "120.50"], "is_active": [True, False], "category": [first, "Privacy"], "lead_it": None,
    }  # fmt: skip


@pytest.mark.django_db
def test_state_and_moment_of_a_person_are_kept_and_the_name_is_not():
    user = make_customer("giulia@esempio.example")
    at = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    user.email_verified_at = at
    before = snapshot(user, ["first_name", "is_active", "email_verified_at", "role"])

    user.first_name, user.is_active, user.email_verified_at = "Ada", False, at + timedelta(hours=1)

    assert between(user, before) == {
        "first_name": None, "is_active": [True, False],
        "email_verified_at": ["2026-11-29T12:00:00+00:00", "2026-11-29T13:00:00+00:00"],
    }  # fmt: skip
