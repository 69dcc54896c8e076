"""Who is told when the audit trail does not fit, and how often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from core import audit
from core.models import Sweep
from notifications.alarms import verify_trail
from notifications.models import Mail
from notifications.tasks import verify_audit_trail

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def staff_address(settings: Any) -> None:
    settings.STAFF_EMAIL = "banco@aish.example"


def tamper(position: int, action: str = "order.refunded") -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER core_auditentry_append_only")
        cursor.execute("UPDATE core_auditentry SET action = %s WHERE position = %s", [action, position])
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER core_auditentry_append_only")


@pytest.fixture
def trail() -> None:
    for number in range(3):
        audit.record(action="order.paid", number=number)
    audit.seal()


def mails() -> list[tuple[str, str]]:
    return list(Mail.objects.order_by("pk").values_list("kind", "to_email"))


def test_staff_are_written_to_once_for_each_finding(trail: None):
    counts = []
    for day in range(6):
        if day == 1:
            tamper(2)
        if day == 3:
            tamper(3)
        if day == 5:
            tamper(2, "order.paid")
            tamper(3, "order.paid")
        verify_trail(now=NOW + day * DAY)
        counts.append(len(mails()))

    assert counts == [0, 1, 1, 2, 2, 2]
    assert mails() == [("audit_broken", "banco@aish.example")] * 2


def test_mail_leads_to_what_was_found(trail: None, staff_client: Client):
    tamper(2)
    verify_trail(now=NOW)

    mail = Mail.objects.get()
    page = staff_client.get("/admin/core/auditverification/", {"broken": "yes"})

    assert "/admin/core/auditverification/?broken=yes" in mail.text
    assert [row.first_broken for row in page.context["cl"].result_list] == [2]


def test_broken_trail_stands_on_the_overview_and_above_the_list(trail: None, staff_client: Client):
    verify_trail(now=NOW)
    sound = staff_client.get("/admin/core/auditentry/").content.decode()
    tamper(2)
    verify_trail(now=NOW + DAY)

    alarms = {str(tile["label"]): tile["figure"] for tile in staff_client.get("/admin/").context["alarms"]}
    broken = staff_client.get("/admin/core/auditentry/").content.decode()

    assert alarms["Registro delle operazioni alterato"] == 1
    assert ("Ogni sigillo torna." in sound, "Alcune voci non tornano." in broken) == (True, True)


def test_without_an_address_the_overview_alone_tells(trail: None, settings: Any):
    settings.STAFF_EMAIL = ""
    tamper(2)

    assert (verify_trail(now=NOW), mails()) == (3, [])


def test_check_is_a_periodic_task_with_its_row(trail: None):
    verify_audit_trail()

    row = Sweep.objects.get(name="notifications.verify_audit_trail")
    assert (row.rows_worked, row.every, row.last_error) == (3, DAY, "")
