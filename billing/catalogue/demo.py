"""Loads the demo catalogue from demo/services.toml; run again it brings texts and prices up to date."""

import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import Any

from django.db import transaction

from billing.models import Category, Service, ServiceItem

_TEXTS = ("name", "tagline", "lead", "problem", "solution", "audience", "duration", "law_note")
# list in the file -> (kind of item, its key for label, title, text)
_LISTS = {
    "deliverables": (ServiceItem.Kind.DELIVERABLE, "format", "name", "about"),
    "steps": (ServiceItem.Kind.STEP, "when", "title", "about"),
    "faqs": (ServiceItem.Kind.FAQ, "", "question", "answer"),
    "facts": (ServiceItem.Kind.FACT, "label", "value", ""),
}


@transaction.atomic
def load_catalogue() -> int:
    """Make or update every category and service of the demo; returns how many services."""
    data = tomllib.loads((files("billing") / "demo" / "services.toml").read_text(encoding="utf-8"))
    for position, row in enumerate(data["categories"]):
        Category.objects.update_or_create(slug=row["slug"], defaults={**row, "position": position})
    for position, row in enumerate(data["services"]):
        _load_service(row, position)
    return len(data["services"])


def _load_service(row: dict[str, Any], position: int) -> None:
    texts = {f"{name}_{code}": row.get(f"{name}_{code}", "").strip() for name in _TEXTS for code in ("it", "en")}
    service, _created = Service.objects.update_or_create(
        slug=row["slug"],
        defaults={
            "category": Category.objects.get(slug=row["category"]),
            "subject": row["subject"],
            "kind": row["kind"],
            "pricing": row["pricing"],
            "price": _decimal(row.get("price")),
            "price_to": _decimal(row.get("price_to")),
            "position": position,
            "seo_it": row.get("seo_description_it", "")[:200],
            "seo_en": row.get("seo_description_en", "")[:200],
            **texts,
        },
    )
    service.items.all().delete()
    for name, (kind, label, title, text) in _LISTS.items():
        pairs = zip(row.get(f"{name}_it", []), row.get(f"{name}_en", []), strict=True)
        ServiceItem.objects.bulk_create(
            ServiceItem(
                service=service, kind=kind, position=place,
                label_it=it.get(label, ""), label_en=en.get(label, ""),
                title_it=it[title], title_en=en[title],
                text_it=it.get(text, ""), text_en=en.get(text, ""),
            )
            for place, (it, en) in enumerate(pairs)
        )  # fmt: skip


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
