"""Makes the database role that the application works as; run as the tables' owner after each `migrate`."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.database_role import OwnRoleError, grant_role


class Command(BaseCommand):
    help = "Give POSTGRES_APP_USER its rights on every table, with POSTGRES_APP_PASSWORD as its password."

    def handle(self, *args: Any, **options: Any) -> None:
        name, password = settings.POSTGRES_APP_USER, settings.POSTGRES_APP_PASSWORD
        if not password:
            raise CommandError("POSTGRES_APP_PASSWORD must be set: the application signs in to the database with it")
        try:
            grant_role(name=name, password=password)
        except OwnRoleError as error:
            message = f"{name} owns the tables: run this as another role, or choose another POSTGRES_APP_USER"
            raise CommandError(message) from error
        self.stdout.write(f"OK: {name} reads and writes the rows of every table, and owns none")
