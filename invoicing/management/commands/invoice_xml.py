"""Prints the FatturaPA document that a draft would become. Changes nothing."""

import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError
from django.utils import timezone

from invoicing import services
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.fatturapa.draft_json import DraftUnreadableError, read_draft
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.preview import Preview
from invoicing.management.commands.fatturapa_check import reason_in_words


class Command(BaseCommand):
    help = (
        "Print the XML that would be sent for a draft (shape: docs/invoice-draft.schema.json; - reads standard input). "
        "A draft that SDI would refuse exits 1 and prints the reasons as JSON."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("draft", metavar="DRAFT.json")
        parser.add_argument("--number", help="number to print (default: the next free one)")
        parser.add_argument("--date", type=datetime.date.fromisoformat, help="date of the document, YYYY-MM-DD")
        parser.add_argument("--report", action="store_true", help="print warnings as JSON instead of the XML")

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        try:
            draft = read_draft(_content(options["draft"]), **services.draft_defaults(today))
        except DraftUnreadableError as error:
            self._refuse(error.violations, [])
        except OSError as error:
            self._refuse([Violation("unreadable", "draft", reason_in_words(error))], [])
        if options["date"]:
            draft = draft.with_date(options["date"])
        result = self._preview(draft, options["number"], today)
        if result.errors or result.xml is None:
            self._refuse(result.errors, result.warnings)
        elif options["report"]:
            self._print({"errors": [], "warnings": _plain(result.warnings)})
        else:
            self.stdout.write(result.xml.decode())

    def _preview(self, draft: InvoiceDraft, number: str | None, today: datetime.date) -> Preview:
        try:
            return services.preview(draft=draft, number=number, today=today)
        except OperationalError as error:
            self.stderr.write(f"The database does not answer, so nobody knows which numbers are taken: {error}")
            return services.first_preview(draft=draft, number=number, today=today)

    def _refuse(self, errors: Any, warnings: Any) -> None:
        self._print({"errors": _plain(errors), "warnings": _plain(warnings)})
        sys.exit(1)

    def _print(self, data: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(data, ensure_ascii=False, indent=2))


def _content(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _plain(violations: Any) -> list[dict[str, str]]:
    return [asdict(violation) for violation in violations]
