"""Loads files, or all the files of folders, into the assistant's knowledge base; exit status 1 if one is not taken."""

import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chatbot.knowledge.ingest import KINDS, add_document
from chatbot.knowledge.waiting import Watch
from chatbot.models import Document
from core.uploads import UploadRefusedError

_EVERY_S = 0.5


class Command(BaseCommand):
    help = "Load PDF, DOCX, TXT and MD files into the assistant's knowledge base; the worker reads them."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder to look into")
        parser.add_argument("--wait", action="store_true", help="wait until all are read; exit status 1 if one failed")

    def handle(self, *args: Any, **options: Any) -> None:
        refused_count, documents = 0, []
        for path in _files(options["paths"]):
            try:
                content = path.read_bytes()
                document = add_document(file=BytesIO(content), name=path.name, size=len(content), now=timezone.now())
            except (OSError, UploadRefusedError) as error:
                refused_count += 1
                self.stderr.write(f"{path}: {error}")
            else:
                documents.append(document)
                self.stdout.write(f"{path}: {document.state}")
        failed_count = self._wait(documents) if options["wait"] else 0
        if refused_count or failed_count:
            counts = [(refused_count, "not taken"), (failed_count, "not read")]
            raise CommandError(", ".join(f"{count} {what}" for count, what in counts if count))

    def _wait(self, documents: Sequence[Document]) -> int:
        """Tell how the reading goes until it is over; returns how many failed."""
        watch = Watch(documents, now=timezone.now())
        while True:
            for line in watch.look(now=timezone.now()):
                self.stdout.write(line)
            if watch.is_over:
                break
            time.sleep(_EVERY_S)
        failures = list(watch.failures())
        for line in failures:
            self.stderr.write(line)
        return len(failures)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower().lstrip(".") in KINDS)
        else:
            yield path
