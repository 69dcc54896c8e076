"""Checks FatturaPA files as SDI would, ours or anybody's, plain or signed."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from invoicing.sdi import file_check


class Command(BaseCommand):
    help = (
        "Check FatturaPA files (.xml, .xml.p7m) by the official schema and SDI's own controls. Prints JSON: an object "
        "for one file, a list for several. Exit status 1 when SDI would refuse one of them."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        reports = [_check_file(path, today) for path in options["files"]]
        self.stdout.write(json.dumps(reports[0] if len(reports) == 1 else reports, ensure_ascii=False, indent=2))
        if not all(file["accepted"] for file in reports):
            sys.exit(1)


def _check_file(path: Path, today: Any) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        return {"file": str(path), "accepted": False, "errors": [
            {"code": "unreadable", "field": "file", "message": f"{path}: {error.strerror}"}
        ], "warnings": []}  # fmt: skip
    result = file_check.check(path.name, content, today=today)
    return {
        "file": str(path),
        "accepted": not result.errors,
        "format": result.format,
        "signed": result.is_signed,
        "errors": [asdict(violation) for violation in result.errors],
        "warnings": [asdict(violation) for violation in result.warnings],
    }
