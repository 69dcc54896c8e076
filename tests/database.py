"""Empties the tables after a test whose transactions were real."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

# Whether triggers forbid it or not, and without asking each foreign key: truncating 117 tables, as Django does, takes
# ten times as long. Content types and permissions stay as migrations made them.
_EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN
        SELECT quote_ident(relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
              AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END $$
"""


def empty_tables(_case: Any) -> None:
    """Takes the place of `TransactionTestCase._fixture_teardown`."""
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)


@contextmanager
def refused_rows(table: str, when: str, *, on: str = "INSERT") -> Iterator[None]:
    """The database raises an error that nobody foresaw whenever a row of `table` comes to be as `when` says."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'an error that nobody foresaw'; END $$;
            CREATE TRIGGER refused BEFORE {on} ON {table} FOR EACH ROW WHEN ({when})
            EXECUTE FUNCTION refuse_{table}()
            """
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER refused ON {table}; DROP FUNCTION refuse_{table}()")
