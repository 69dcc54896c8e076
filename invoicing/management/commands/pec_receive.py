"""Does with mails from files what the mailbox reader does with mails from the mailbox."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from invoicing.sdi import receipts


class Command(BaseCommand):
    help = (
        "Take PEC mails (.eml) in as the mailbox reader does. Prints JSON: an object for one file, a list for several, "
        "with outcome (applied, supplier, unmatched, quarantined, foreign, open when it failed), invoice, its state, "
        "and whether the mail was new."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE.eml", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        results = [self._receive(path) for path in options["files"]]
        self.stdout.write(json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False, indent=2))
        if any("error" in mail for mail in results):
            sys.exit(1)

    def _receive(self, path: Path) -> dict[str, Any]:
        try:
            raw = path.read_bytes()
        except OSError as error:
            return {"file": str(path), "error": f"{path}: {error.strerror}"}
        row, is_new = receipts.receive(raw=raw)
        if row.invoice:
            row.invoice.refresh_from_db()
        return {
            "file": str(path),
            "outcome": row.outcome,
            "kind": row.kind,
            "reason": row.reason,
            "invoice": row.invoice.number if row.invoice else None,
            "state": row.invoice.state if row.invoice else None,
            "stored": is_new,
        }
