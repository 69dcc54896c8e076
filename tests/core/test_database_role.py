"""The role the application works as cannot switch off what guards the audit trail and issued invoices."""

from collections.abc import Callable
from contextlib import contextmanager
from io import StringIO
from typing import Any

import psycopg
import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from core import audit
from core.models import AuditEntry
from tests.architecture.source import ROOT
from tests.factories import make_customer, make_order
from tests.invoicing.flow import issue

pytestmark = pytest.mark.django_db

TRIGGERS = """
    SELECT relname, tgname, proname FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal
"""


def role() -> str:
    """A name of this database's own: roles are the whole server's."""
    return f"app_of_{connection.settings_dict['NAME']}"


@pytest.fixture
def granted(settings: Any) -> None:
    """The role, with its rights; gone with the test's transaction."""
    settings.POSTGRES_APP_USER, settings.POSTGRES_APP_PASSWORD = role(), "per-le-prove"
    call_command("grant_app_role", stdout=StringIO())


@contextmanager
def as_application() -> Any:
    """The block runs as the application's role."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {role()}")
        yield cursor
        cursor.execute("RESET SESSION AUTHORIZATION")


def refusal_of(statement: str) -> type[BaseException] | None:
    """What the database says to the application's role."""
    try:
        with as_application() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return type(error.__cause__) if error.__cause__ else None
    return None


def test_application_switches_no_trigger_off(granted: None):
    """ASVS 5.0 16.4.2."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        triggers = cursor.fetchall()

    statements = ["SET session_replication_role = replica", "SET LOCAL session_replication_role = replica"]
    for table, trigger, function in triggers:
        statements += [
            f"ALTER TABLE {table} DISABLE TRIGGER {trigger}", f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TRIGGER {trigger} ON {table}", f"DROP FUNCTION {function}() CASCADE", f"TRUNCATE {table} CASCADE",
            f"ALTER TABLE {table} OWNER TO {role()}", f"DROP TABLE {table} CASCADE",
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
        ]  # fmt: skip
    tables = {table for table, _trigger, _function in triggers}

    assert {"core_auditentry", "invoicing_invoice", "invoicing_invoicefile", "invoicing_document"} <= tables
    assert {statement: refusal_of(statement) for statement in statements} == dict.fromkeys(
        statements, InsufficientPrivilege
    )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE anywhere (x int)", "CREATE ROLE another SUPERUSER", "ALTER ROLE {role} SUPERUSER",
        "DELETE FROM django_migrations", "CREATE DATABASE another", "COPY core_auditentry TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')", "SET ROLE {owner}",
    ],
)  # fmt: skip
def test_application_has_no_rights_beyond_rows(statement: str, granted: None):
    """ASVS 5.0 13.2.2."""
    owner = connection.settings_dict["USER"]

    assert refusal_of(statement.replace("SET ROLE {owner}", f'SET ROLE "{owner}"')) is not None


def test_application_works_as_this_role_and_is_held_by_the_triggers(granted: None, stripe_stand_in: Any):
    with as_application():
        customer = make_customer("nora@esempio.example")
        order = make_order(customer)
        audit.record(action="test.done", target=customer, actor=customer)
        invoice = issue()

    assert order.number.startswith("ORD-")
    assert invoice.number
    assert refusal_of(f"UPDATE invoicing_invoice SET number = 'X' WHERE id = {invoice.pk}") is RestrictViolation
    assert refusal_of("DELETE FROM core_auditentry") is RestrictViolation
    assert AuditEntry.objects.filter(action="test.done").count() == 1


@pytest.mark.django_db(transaction=True, available_apps=["core"])
def test_application_signs_in_with_its_password_and_the_usual_options(granted: None):
    params = connection.get_connection_params()
    address = {name: params[name] for name in ("host", "port", "dbname", "options")}
    try:
        with psycopg.connect(**address, user=role(), password="per-le-prove") as own:
            row = own.execute("SELECT current_user, count(*) FROM core_auditentry").fetchone()
            with pytest.raises(InsufficientPrivilege):
                own.execute("SET session_replication_role = replica")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP OWNED BY {role()}; DROP ROLE {role()}")

    assert row == (role(), 0)


def test_second_run_sets_the_password_anew(granted: None, settings: Any):
    settings.POSTGRES_APP_PASSWORD = "un'altra"

    call_command("grant_app_role", stdout=StringIO())

    assert refusal_of("SELECT 1 FROM billing_order") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda settings: setattr(settings, "POSTGRES_APP_PASSWORD", ""), "POSTGRES_APP_PASSWORD must be set"),
        (lambda settings: setattr(settings, "POSTGRES_APP_USER", connection.settings_dict["USER"]), "owns the tables"),
    ],
)  # fmt: skip
def test_command_says_what_is_wrong(change: Callable[[Any], None], words: str, settings: Any):
    settings.POSTGRES_APP_USER, settings.POSTGRES_APP_PASSWORD = role(), "x"
    change(settings)

    with pytest.raises(CommandError, match=words):
        call_command("grant_app_role")


def test_compose_gives_the_owners_password_to_migrations_alone():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    apps = {
        name: service["environment"] for name, service in services.items() if service.get("image") == "ai-strategy-hub"
    }

    users = {name: environment["DATABASE_URL"].split("://")[1].split(":")[0] for name, environment in apps.items()}
    assert users == {"migrate": "aish", "web": "aish_app", "worker": "aish_app", "slow": "aish_app", "beat": "aish_app"}
    assert {name for name, environment in apps.items() if environment.get("POSTGRES_PASSWORD") != ""} == {"migrate"}
