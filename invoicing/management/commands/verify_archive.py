"""Proves that what was stored is what is there: the database's archive, or packages written from it."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from invoicing.archive.contents import database_troubles, package_troubles
from invoicing.management.commands.export_archive import bar


class Command(BaseCommand):
    help = "Recompute the SHA-256 of every stored byte, or of packages. Exit status 1 names what does not fit."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("packages", nargs="*", type=Path, metavar="PACKAGE.zip")

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for trouble in self._troubles(options["packages"]):
            count += 1
            self.stderr.write(trouble)
        if count:
            sys.exit(1)
        self.stdout.write("The archive is intact.")

    def _troubles(self, packages: list[Path]) -> Any:
        if not packages:
            yield from database_troubles(bar if sys.stderr.isatty() else None)
        for path in packages:
            yield from (f"{path}: {trouble}" for trouble in package_troubles(path))
