"""The prices of the models the product comes with, as published on the day they are valid from."""

from datetime import date
from decimal import Decimal

from django.db import migrations

_ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
PRICES = [
    # model, valid from, in, out, written to cache (five minutes), read from cache: dollars a million tokens
    ("claude-sonnet-4-6", date(2026, 2, 1), "3", "15", "3.75", "0.30", _ANTHROPIC),
    ("claude-haiku-4-5", date(2025, 10, 1), "1", "5", "1.25", "0.10", _ANTHROPIC),
    ("claude-sonnet-5-5", date(2026, 10, 7), "2", "10", "2.50", "0.10", _ANTHROPIC),
    ("claude-haiku-5-5", date(2026, 10, 7), "0.10", "0.50", "0.125", "0.01", _ANTHROPIC),
]


def add_prices(apps, schema_editor):
    price = apps.get_model("chatbot", "ModelPrice")
    for model, valid_from, into, out, written, read, source in PRICES:
        price.objects.get_or_create(
            model=model, valid_from=valid_from,
            defaults={
                "input_price": Decimal(into), "output_price": Decimal(out), "cache_write_price": Decimal(written),
                "cache_read_price": Decimal(read), "source": source,
            },
        )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0004_assistant")]
    operations = [migrations.RunPython(add_prices, migrations.RunPython.noop)]
