"""Writes the package of a year or a month: for the accountant, and for keeping."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoicing.archive.contents import BadPeriodError, Period, write_package


class Command(BaseCommand):
    requires_system_checks = ()  # they load every page of the site, which costs more memory than the packing
    help = "Write all documents of a year (2026) or a month (2026-11) with receipts, registers and manifest to a .zip."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("period", help="2026 or 2026-11")
        parser.add_argument("--out", type=Path, help="file to write (default: fatture-PERIOD.zip)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            period = Period.parse(options["period"])
        except BadPeriodError as error:
            raise CommandError(f"{error} is neither a year (2026) nor a month (2026-11)") from error
        path = options["out"] or Path(f"fatture-{period}.zip")
        try:
            count = write_package(path, period, bar if sys.stderr.isatty() else None)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        self.stdout.write(f"{path}: {count} documents")


def bar(done: int, total: int) -> None:
    """One line on the terminal that fills up."""
    if done % 25 and done != total:
        return
    width = 40 * done // max(total, 1)
    end = "\n" if done == total else ""
    sys.stderr.write(f"\r[{'#' * width:40}] {done}/{total}{end}")
    sys.stderr.flush()
