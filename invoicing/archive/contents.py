"""The ten-year archive: packages for the accountant, and proof that every stored byte is the one that was stored.

An archive, not *conservazione a norma* (art. 39 DPR 633/1972, DM 17 June 2014): that needs a responsible person, a
manual, a signed index and a time stamp, and is done by whoever INVOICE_CONSERVATORE names.
"""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from invoicing.archive.registers import Registers, open_registers
from invoicing.courtesy_copy import draw_pdf
from invoicing.fatturapa.view import read_invoice
from invoicing.models import Document, Invoice, InvoiceFile, ReceivedMail

Progress = Callable[[int, int], None]
_CHUNK = 50
_README = """AI Strategy Hub: archivio delle fatture elettroniche, periodo {period}

fatture/        una cartella per documento: XML (e .p7m se firmato), copia di cortesia, ricevute PEC, messaggi del SdI
registro.csv    un documento per riga: cliente, importi, stato presso il SdI, nome e SHA-256 del file
totali-iva.csv  imponibile e imposta per mese, aliquota, Natura ed esigibilità
registro.xlsx   le stesse due tabelle come cartella di lavoro; qui i codici conservano gli zeri iniziali
manifest.sha256 SHA-256 di ogni file: lo controllano "sha256sum --check manifest.sha256" e "manage.py verify_archive"

Le note di credito hanno importi negativi. Un documento scartato o rifiutato è nel registro, ma non nei totali.
L'imposta in scissione dei pagamenti la versa il cliente all'Erario: non è dovuta dal cedente né fa parte del da pagare.

Questo pacchetto non è la conservazione a norma dei documenti informatici (art. 39 DPR 633/1972, DM 17 giugno 2014).
Conservazione a norma: {conservatore}
"""


class BadPeriodError(ValueError):
    """Neither a year (2026) nor a month (2026-11)."""


@dataclass(frozen=True)
class Period:
    """A year, or one month of it."""

    year: int
    month: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Period":
        """From "2026" or "2026-11"; `BadPeriodError` for anything else."""
        match = re.fullmatch(r"(20\d\d)(?:-(0[1-9]|1[0-2]))?", text)
        if match is None:
            raise BadPeriodError(text)
        return cls(int(match[1]), int(match[2]) if match[2] else None)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}" if self.month else str(self.year)

    def invoices(self) -> QuerySet[Invoice]:
        """The documents dated in the period, in the order of their numbers."""
        queryset = Invoice.objects.filter(issue_date__year=self.year)
        if self.month:
            queryset = queryset.filter(issue_date__month=self.month)
        return queryset.order_by("series", "number")  # dates may go back along them


def write_package(path: Path, period: Period, progress: Progress | None = None) -> int:
    """Write the package of `period` to `path` and return how many documents it holds. Memory does not grow with them.

    The file appears whole or not at all.
    """
    total, done, workbook = period.invoices().count(), 0, io.BytesIO()
    with _whole_or_not_at_all(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as package:
        packing = _Packing(package)
        with open_registers(workbook) as registers:
            for invoice in period.invoices().iterator(chunk_size=_CHUNK):
                _add_invoice(packing, invoice, registers)
                done += 1
                if progress:
                    progress(done, total)
            for name, content in registers.finish().items():
                packing.add(name, content)
        packing.add("registro.xlsx", workbook.getvalue())
        conservatore = settings.INVOICE_CONSERVATORE or "non indicata (INVOICE_CONSERVATORE)"
        packing.add("LEGGIMI.txt", _README.format(period=period, conservatore=conservatore).encode())
        package.writestr("manifest.sha256", "".join(packing.manifest))
    return done


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes that name when the block is through, and is gone when it is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".part")
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@dataclass
class _Packing:
    """A package in the making, and the line of each file in its manifest."""

    package: zipfile.ZipFile

    def __post_init__(self) -> None:
        self.manifest: list[str] = []
        self.names: set[str] = set()

    def add(self, name: str, content: bytes) -> None:
        stem, dot, ending = name.rpartition(".")
        number = 1
        while name in self.names:  # two receipts of one kind
            number += 1
            name = f"{stem}-{number}{dot}{ending}"
        self.names.add(name)
        self.package.writestr(name, content)
        self.manifest.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")


def _add_invoice(packing: _Packing, invoice: Invoice, registers: Registers) -> None:
    draw_pdf(invoice=invoice)
    folder = f"fatture/{invoice.number.replace('/', '-')}"
    files = list(invoice.files.select_related("xml", "signed", "pdf").order_by("pk"))
    file = files[-1]  # the one that was or will be sent
    for document in _documents_of(invoice, files):
        packing.add(f"{folder}/{document.name.replace('/', '-')}", bytes(document.content))
    registers.add(invoice, read_invoice(bytes(file.xml.content)), file.sent)


def _documents_of(invoice: Invoice, files: Iterable[InvoiceFile]) -> Iterator[Document]:
    """Everything sent and received about a document, each once."""
    document_ids = set()
    for file in files:
        for document in (file.xml, file.signed, file.pdf):
            if document and document.pk not in document_ids:
                document_ids.add(document.pk)
                yield document
    for event in invoice.events.exclude(document=None).select_related("document").order_by("pk"):
        if event.document and event.document.pk not in document_ids:
            document_ids.add(event.document.pk)
            yield event.document


def database_troubles(progress: Progress | None = None) -> Iterator[str]:
    """What is wrong with the archive in the database: bytes unlike their SHA-256, rows unlike their XML."""
    yield from _check_hashes(Document.objects.order_by("pk"), "document", progress)
    yield from _check_hashes(ReceivedMail.objects.order_by("pk"), "mail", progress)
    for invoice in Invoice.objects.order_by("pk").iterator(chunk_size=_CHUNK):
        try:
            view = read_invoice(bytes(invoice.current_file().xml.content))
        except (ValueError, ArithmeticError) as error:
            yield f"invoice {invoice.number}: the XML cannot be read: {error}"
            continue
        values = (view.number, view.day, view.document_type, view.total)
        if values != (invoice.number, invoice.issue_date, invoice.document_type, invoice.gross_amount):
            yield f"invoice {invoice.number}: the row differs from its XML"


def _check_hashes(rows: QuerySet[Any], kind: str, progress: Progress | None) -> Iterator[str]:
    total = rows.count() if progress else 0
    for done, row in enumerate(rows.iterator(chunk_size=_CHUNK), start=1):
        if hashlib.sha256(bytes(row.content)).hexdigest() != row.sha256:
            yield f"{kind} {row.pk} ({row}): the content is not that of its SHA-256 {row.sha256}"
        if progress:
            progress(done, total)


def package_troubles(path: Path) -> Iterator[str]:
    """What is wrong with a package: files changed, missing or added since its manifest was written."""
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist()) - {"manifest.sha256"}
            manifest = package.read("manifest.sha256").decode()
            for line in manifest.splitlines():
                digest, _blank, name = line.partition("  ")
                if name not in names:
                    yield f"{name}: missing"
                    continue
                names.discard(name)
                if _digest(package, name) != digest:
                    yield f"{name}: changed"
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        yield f"not a package of the archive: {error}"
        return
    yield from (f"{name}: not in the manifest" for name in sorted(names))


def _digest(package: zipfile.ZipFile, name: str) -> str:
    try:
        return hashlib.sha256(package.read(name)).hexdigest()
    except (zipfile.BadZipFile, zlib.error, EOFError):  # the archive's own checksums find it first
        return ""


def last_month(today: date) -> Period:
    """The month before `today`'s."""
    return Period(today.year, today.month - 1) if today.month > 1 else Period(today.year - 1, 12)
