"""The catalogue: its demo, its pages in both languages, its search."""

import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from billing.catalogue.demo import load_catalogue
from billing.models import Category, Service
from tests.factories import make_service

pytestmark = pytest.mark.django_db


def test_demo_catalogue_has_three_categories_kinds_and_pricings_and_can_be_loaded_twice():
    load_catalogue()
    first = set(Service.objects.values_list("slug", "price"))
    load_catalogue()

    assert set(Service.objects.values_list("slug", "price")) == first
    assert (Category.objects.count(), Service.objects.count()) == (3, 12)
    assert set(Service.objects.values_list("kind", flat=True)) == {"package", "quote", "subscription"}
    assert set(Service.objects.values_list("pricing", flat=True)) == {"fixed", "range", "on_request"}


def test_demo_texts_are_complete_in_both_languages():
    data = tomllib.loads((files("billing") / "demo" / "services.toml").read_text(encoding="utf-8"))

    missing = [
        f"{row['slug']}.{name}"
        for row in data["services"]
        for name in [key for key in row if key.endswith("_it")]
        if not row.get(name.removesuffix("_it") + "_en")
    ]

    assert missing == []


def test_every_service_page_shows_its_name_and_price_in_the_readers_language(client: Client):
    load_catalogue()

    for service in Service.objects.listed():
        for language, name in (("it", service.name_it), ("en", service.name_en)):
            page = client.get(service.get_absolute_url(), headers={"Accept-Language": language})
            assert page.status_code == 200
            assert "<h1" in page.content.decode()
            assert name.replace("&", "&amp;") in page.content.decode()


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("?q=nis2+sei", {"readiness-nis2"}),
        ("?q=READINESS", {"readiness-nis2"}),
        ("?q=zzz", set()),
        ("?categoria=cybersecurity-nis2", {"readiness-nis2", "altro"}),
        ("?categoria=nessuna", set()),
        ("?q=%25", set()),
    ],
)
def test_catalogue_is_narrowed_by_words_and_category(query: str, slugs: set[str], client: Client):
    make_service(law_note_it="D.Lgs. 138/2024")
    make_service("altro", "10.00", name_it="Altro", name_en="Other", subject="gdpr", tagline_it="-", lead_it="-")

    page = client.get(f"/servizi/{query}")

    assert {service.slug for service in page.context["services"]} == slugs


def test_withdrawn_service_is_not_found(client: Client):
    make_service(is_active=False)

    assert client.get("/servizi/readiness-nis2/").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"pricing": "fixed", "price": None},
        {"pricing": "range", "price": Decimal(10), "price_to": Decimal(5)},
        {"pricing": "on_request", "price": Decimal(10)},
        {"pricing": "fixed", "price": Decimal(0)},
    ],
)
def test_database_refuses_a_price_that_does_not_fit_its_kind(fields: dict[str, Any]):
    service = make_service()

    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.filter(pk=service.pk).update(**fields)


@pytest.mark.parametrize("rows", [1, 3])
def test_catalogue_page_costs_the_same_for_any_length(rows: int, client: Client, django_assert_num_queries: Any):
    for number in range(rows):
        make_service(f"servizio-{number}", "10.00")

    with django_assert_num_queries(2):
        page = client.get("/servizi/")

    assert len(page.context["services"]) == rows
