"""/.well-known/security.txt, as RFC 9116 has it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("now", [datetime(2026, 11, 29, 9, 0, tzinfo=UTC), datetime(2031, 2, 28, 23, 59, tzinfo=UTC)])
def test_contact_is_there_and_never_out_of_date(now: datetime, client: Client, settings: Any):
    settings.SITE_URL, settings.SECURITY_CONTACT = "https://www.example.it", "mailto:sicurezza@example.it"

    with time_machine.travel(now, tick=False):
        answer = client.get("/.well-known/security.txt")

    lines = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    expires = datetime.fromisoformat(lines.pop("Expires"))
    assert timedelta(days=30) < expires - now < timedelta(days=365)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines == {
        "Contact": "mailto:sicurezza@example.it", "Preferred-Languages": "it, en",
        "Canonical": "https://www.example.it/.well-known/security.txt",
    }  # fmt: skip
