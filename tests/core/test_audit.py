"""The audit chain: written with what it tells of, never changed, and a change made by force is found."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from core import audit, tasks
from core.management.commands.audit_verify import Command
from core.models import AuditEntry, AuditVerification, Sweep
from tests.core.conftest import COMMITTED
from tests.factories import make_order

pytestmark = pytest.mark.django_db


def write(count: int) -> list[AuditEntry]:
    """So many sealed entries."""
    entries = [audit.record(action="order.paid", number=number) for number in range(1, count + 1)]
    audit.seal()
    return entries


def force(statement: str, *values: Any) -> None:
    """What somebody does who may switch the trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER core_auditentry_append_only")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER core_auditentry_append_only")


def broken_positions() -> list[int | None]:
    return [entry.position for entry in audit.broken_entries()]


def test_entry_tells_who_did_what_to_which_object(customer: Any):
    order = make_order(customer)
    sweep = Sweep.objects.create(name="tests.sweep", every=timedelta(minutes=1))
    first = AuditEntry.objects.count()

    audit.record(action="order.set", target=order, actor=customer, value=7)
    audit.record(action="sweep.set", target=sweep)
    audit.record(action="core.cleared")

    rows = AuditEntry.objects.order_by("pk").values_list("actor_id", "actor_label", "action", "target", "detail")
    assert list(rows[first:]) == [
        (customer.pk, f"user {customer.pk}", "order.set", f"billing.order:{order.number}", {"value": 7}),
        (None, "system", "sweep.set", "core.sweep:tests.sweep", {}),
        (None, "system", "core.cleared", "", {}),
    ]


def test_entry_goes_with_a_change_that_is_rolled_back():
    with transaction.atomic():
        audit.record(action="order.paid")
        transaction.set_rollback(True)

    assert AuditEntry.objects.count() == 0


def test_sealing_twice_chains_each_entry_once():
    first = audit.record(action="order.paid")
    counts = [audit.seal(), audit.seal()]
    first.refresh_from_db()
    first_hash = first.hash
    second = audit.record(action="order.cancelled")

    tasks.seal_audit()

    first.refresh_from_db()
    second.refresh_from_db()
    assert counts == [1, 0]
    assert (first.position, second.position, first.hash == first_hash, second.hash == first_hash) == (1, 2, True, False)
    assert broken_positions() == []


@pytest.mark.slow
@COMMITTED
def test_sealers_at_once_make_one_chain():
    def work(number: int) -> None:
        try:
            for _turn in range(3):
                audit.record(action="order.paid", number=number)
                audit.seal()
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))

    positions = AuditEntry.objects.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(1, 31))
    assert broken_positions() == []


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("values", [{"action": "x"}, {"detail": {}}, {"actor_label": "x"}, {"target": "x"}])
def test_entry_cannot_be_changed(values: dict[str, Any], sealed: bool):
    entry = audit.record(action="order.paid", number=1)
    if sealed:
        audit.seal()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(**values)

    assert AuditEntry.objects.values_list("action", "detail", "actor_label", "target").get() == (
        "order.paid", {"number": 1}, "system", "",
    )  # fmt: skip


@pytest.mark.parametrize("values", [{"position": None}, {"position": 5}, {"hash": ""}, {"hash": "0" * 64}])
def test_seal_cannot_be_lifted_or_moved(values: dict[str, Any]):
    [entry] = write(1)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(**values)

    assert broken_positions() == []


def test_entry_cannot_be_deleted():
    write(2)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.all().delete()

    assert AuditEntry.objects.count() == 2


def test_entry_outlives_its_actor_and_still_fits(customer: Any):
    entry, label = audit.record(action="order.paid", actor=customer), f"user {customer.pk}"
    audit.seal()

    customer.delete()

    entry.refresh_from_db()
    assert (entry.actor, entry.actor_label, broken_positions()) == (None, label, [])


def test_people_are_numbers_in_what_can_never_be_changed(customer: Any):
    entry = audit.record(action="user.registered", target=customer, actor=customer)

    assert (entry.actor_label, entry.target) == (f"user {customer.pk}", f"accounts.user:{customer.pk}")


@pytest.mark.parametrize(
    ("statement", "positions"),
    [
        ("UPDATE core_auditentry SET action = 'order.refunded' WHERE position = 2", [2]),
        ("UPDATE core_auditentry SET detail = '{\"number\": 9}' WHERE position = 2", [2]),
        ("UPDATE core_auditentry SET actor_label = 'giulia' WHERE position = 1", [1]),
        ("UPDATE core_auditentry SET target = 'x' WHERE position = 4", [4]),
        ("UPDATE core_auditentry SET at = at + interval '1 us' WHERE position = 3", [3]),
        ("UPDATE core_auditentry SET id = id + 100 WHERE position = 3", [3]),
        ("UPDATE core_auditentry SET hash = repeat('0', 64) WHERE position = 2", [2, 3]),
        ("DELETE FROM core_auditentry WHERE position = 2", [3]),
        ("UPDATE core_auditentry SET position = position + 10 WHERE position = 4", [14]),
        ("UPDATE core_auditentry SET position = NULL WHERE position = 2", [3]),
    ],
)
def test_change_by_force_is_found_where_it_was_made(statement: str, positions: list[int]):
    write(4)

    force(statement)

    assert broken_positions() == positions


def test_two_entries_changed_about_are_found():
    write(4)

    force("UPDATE core_auditentry SET position = position + 10 WHERE position = 2")
    force("UPDATE core_auditentry SET position = 2 WHERE position = 3")
    force("UPDATE core_auditentry SET position = 3 WHERE position = 12")

    assert broken_positions() == [2, 3, 4]


def test_hash_cannot_be_made_without_the_key():
    [entry] = write(1)
    values = [1, entry.pk, entry.at.isoformat(), "system", "order.refunded", "", {"number": 1}, ""]
    plain = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()

    force("UPDATE core_auditentry SET action = %s, hash = %s", "order.refunded", hashlib.sha256(plain).hexdigest())

    assert broken_positions() == [1]


@COMMITTED
def test_audit_verify_counts_what_is_sealed_and_what_waits(capsys: pytest.CaptureFixture[str]):
    write(3)
    audit.record(action="order.paid")

    Command().run_from_argv(["manage.py", "audit_verify", "--skip-checks"])

    assert capsys.readouterr() == ("OK: 3 entries sealed, 1 waiting for the next seal\n", "")


@COMMITTED
def test_audit_verify_names_what_does_not_fit_and_fails(capsys: pytest.CaptureFixture[str]):
    entry = write(3)[1]
    force("UPDATE core_auditentry SET action = 'order.refunded' WHERE position = 2")

    with pytest.raises(SystemExit) as stopped:
        Command().run_from_argv(["manage.py", "audit_verify", "--skip-checks"])

    output = capsys.readouterr()
    assert (stopped.value.code, output.out) == (1, "")
    assert output.err == (
        f"position 2 (row {entry.pk}): {entry.at:%Y-%m-%d %H:%M:%S} order.refunded \n"
        "CommandError: 1 audit entries do not fit the chain\n"
    )


NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def what_came_out() -> tuple[Any, ...]:
    result = audit.verify(now=NOW)
    return result.count, result.broken_count, result.first_broken, result.is_cut, result.position


def test_verification_keeps_what_came_out():
    before = what_came_out()
    entries = write(4)
    audit.record(action="order.paid")
    sound = what_came_out()

    force("UPDATE core_auditentry SET action = 'order.refunded' WHERE position IN (2, 3)")

    assert (before, sound) == ((0, 0, None, False, None), (4, 0, None, False, 4))
    assert what_came_out() == (4, 2, 2, False, 4)
    entries[3].refresh_from_db()
    assert AuditVerification.objects.order_by("-pk")[0].hash == entries[3].hash
    assert AuditVerification.objects.broken().count() == 1


def test_end_that_was_cut_off_is_missed_until_it_is_back():
    write(4)
    audit.verify(now=NOW)

    force("DELETE FROM core_auditentry WHERE position >= 3")
    once, twice = what_came_out(), what_came_out()
    audit.record(action="order.paid", number=99)
    audit.record(action="order.paid", number=98)
    audit.record(action="order.paid", number=97)
    audit.seal()

    assert (once, twice) == ((2, 0, None, True, 4), (2, 0, None, True, 4))
    assert what_came_out() == (5, 0, None, True, 4)  # a new chain over the gap fits in itself


def test_trail_that_fits_again_is_no_alarm():
    write(2)
    force("UPDATE core_auditentry SET action = 'x' WHERE position = 2")
    audit.verify(now=NOW)
    force("UPDATE core_auditentry SET action = 'order.paid' WHERE position = 2")

    assert (what_came_out(), AuditVerification.objects.broken().count()) == ((2, 0, None, False, 2), 0)


@COMMITTED
def test_audit_verify_misses_the_end(capsys: pytest.CaptureFixture[str]):
    write(3)
    audit.verify(now=NOW)
    force("DELETE FROM core_auditentry WHERE position = 3")

    with pytest.raises(SystemExit) as stopped:
        Command().run_from_argv(["manage.py", "audit_verify", "--skip-checks"])

    output = capsys.readouterr()
    assert (stopped.value.code, output.out) == (1, "")
    assert output.err == (
        "position 3: the chain ended there on 2026-11-29 12:00, and does no more\n"
        "CommandError: the end of the chain is missing\n"
    )
