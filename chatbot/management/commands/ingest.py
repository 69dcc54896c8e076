"""Loads files, or all the files of folders, into the assistant's knowledge base; exit status 1 if one is not taken."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chatbot.ingest import KINDS, add_document
from core.uploads import UploadRefusedError


class Command(BaseCommand):
    help = "Load PDF, DOCX, TXT and MD files into the assistant's knowledge base; the worker reads them."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder to look into")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = 0
        for path in _files(options["paths"]):
            try:
                content = path.read_bytes()
                document = add_document(file=BytesIO(content), name=path.name, size=len(content), now=timezone.now())
            except (OSError, UploadRefusedError) as error:
                refused += 1
                self.stderr.write(f"{path}: {error}")
            else:
                self.stdout.write(f"{path}: {document.status}")
        if refused:
            raise CommandError(f"{refused} not taken")


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower().lstrip(".") in KINDS)
        else:
            yield path
