"""Checks FatturaPA files as SDI would, ours or anybody's, plain, signed or zipped."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.fatturapa.preflight import Violation
from invoicing.sdi import file_check
from invoicing.sdi.file_check import CheckedFile


class Command(BaseCommand):
    help = (
        "Check FatturaPA files (.xml, .xml.p7m, .zip; FPR12, FPA12, FSM10) by the official schemas and SDI's own "
        "controls. Prints JSON: an object for one file, a list for several; a zip has its files under “files”. Exit "
        "status 1 when SDI would refuse one of them."
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
        trouble = Violation("unreadable", "file", reason_in_words(error))
        return {"file": str(path), "accepted": False, "errors": [asdict(trouble)], "warnings": []}
    return {"file": str(path)} | _report(file_check.check(path.name, content, today=today))


def _report(result: CheckedFile) -> dict[str, Any]:
    report: dict[str, Any] = {
        "accepted": result.is_accepted,
        "format": result.format,
        "signed": result.is_signed,
        "errors": [asdict(violation) for violation in result.errors],
        "warnings": [asdict(violation) for violation in result.warnings],
    }
    if result.format == file_check.ZIP:
        report["files"] = [{"file": file.name} | _report(file) for file in result.files]
    return report


def reason_in_words(error: OSError) -> str:
    """Why a file cannot be read, and what to look at."""
    if isinstance(error, FileNotFoundError):
        return _("There is no such file: check its name and folder.")
    if isinstance(error, IsADirectoryError):
        return _("This is a folder: name the files in it.")
    return _("The file cannot be opened: check that you may read it.")
