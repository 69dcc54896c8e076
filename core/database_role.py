"""The database role that web, worker and beat work as: it reads and writes rows, and owns nothing.

An owner may switch its triggers off, and a superuser all of them (`session_replication_role`): then neither the audit
trail nor an issued invoice is append-only for whoever finds a hole in the application (ASVS 5.0 13.2.2, 16.4.2). So the
tables belong to the role that migrates. TRUNCATE is not granted, for it asks no trigger of a row.
"""

from django.db import connection, transaction

# Statements about roles take no parameters: name and password come as settings of the transaction.
_VALUES = "SELECT set_config('aish.role', %(role)s, true), set_config('aish.password', %(password)s, true)"
_GRANT = """
DO $$
DECLARE
    role text := current_setting('aish.role');
    verb text := CASE WHEN EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) THEN 'ALTER' ELSE 'CREATE' END;
BEGIN
    EXECUTE format(
        '%s ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
        verb, role, current_setting('aish.password')
    );
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I', role);
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM %I', role);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I', role);
END $$
"""


class OwnRoleError(Exception):
    """The role to be given rights is the one that gives them."""


@transaction.atomic
def grant_role(*, name: str, password: str) -> None:
    """Make the role `name`, or set its password anew, and give it its rights on every table there is by now.

    To be done as the tables' owner after each migration: new tables are its owner's alone. Raises `OwnRoleError`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if cursor.fetchone() == (name,):
            raise OwnRoleError
        cursor.execute(_VALUES, {"role": name, "password": password})
        cursor.execute(_GRANT)
