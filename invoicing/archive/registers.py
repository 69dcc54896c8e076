"""The accountant's figures of a period: one row a document, and VAT by month, rate, Natura and payability.

As CSV that an Italian spreadsheet opens with a double click (semicolons, decimal commas, days first, UTF-8 with BOM),
and as a workbook in which dates are dates and a codice fiscale keeps its zeros. Credit notes are negative, so that
columns can be added up.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from tempfile import TemporaryDirectory

from django.utils import translation
from xlsxwriter import Workbook

from core.spreadsheet import harmless
from invoicing.fatturapa.law import CREDIT_NOTE
from invoicing.fatturapa.view import InvoiceView
from invoicing.models import Document, Invoice

Cell = str | Decimal | date

# EsigibilitaIVA (2.2.2.7); a row with a Natura has no VAT that could become due
PAYABILITY = {"I": "immediata", "D": "differita", "S": "scissione dei pagamenti"}
REGISTER = (
    "numero", "data", "tipo", "cliente", "partita_iva", "codice_fiscale", "paese", "imponibile", "imposta",
    "di_cui_imposta_in_scissione", "arrotondamento", "totale", "ritenuta", "da_pagare", "di_cui_cassa_previdenziale",
    "bollo", "nei_totali", "stato", "identificativo_sdi", "file", "sha256",
)  # fmt: skip
VAT = ("mese", "aliquota", "natura", "esigibilita", "imponibile", "imposta")
_WIDTHS = {"cliente": 36, "sha256": 66, "file": 30, "stato": 26, "esigibilita": 24}


class Registers:
    """Both tables in the making; documents are added in the order of the register."""

    def __init__(self, workbook: Workbook) -> None:
        self._register = _Table(workbook, "Registro", REGISTER)
        self._vat = _Table(workbook, "IVA", VAT)
        self._sums: dict[tuple[date, Decimal, str, str], list[Decimal]] = {}

    def add(self, invoice: Invoice, view: InvoiceView, file: Document) -> None:
        """One document as `view` reads it from its XML; `file` is what was or will be sent.

        One that does not stand is in the register and not in the sums: it counts as not issued (Circ. 13/E 2018).
        """
        sign, counts = -1 if view.document_type == CREDIT_NOTE else 1, invoice.stands()
        with translation.override("it"):
            state = invoice.get_state_display()
        self._register.add((
            view.number, view.day, view.document_type, view.buyer.name, view.buyer.vat_number, view.buyer.tax_code,
            view.buyer.country, *(0 + sign * amount for amount in _amounts(view)), "sì" if counts else "no", state,
            invoice.sdi_identifier, file.name, file.sha256,
        ))  # fmt: skip
        if counts:
            self._add_vat(view, sign)

    def _add_vat(self, view: InvoiceView, sign: int) -> None:
        for summary in view.summaries:
            key = (view.day.replace(day=1), summary.vat_rate, summary.nature, PAYABILITY.get(summary.payability, ""))
            sums = self._sums.setdefault(key, [Decimal(0), Decimal(0)])
            sums[0] += sign * summary.net
            sums[1] += sign * summary.vat

    def finish(self) -> dict[str, bytes]:
        """The CSV files by name; the workbook is complete with it, too."""
        for key, sums in sorted(self._sums.items()):
            self._vat.add((*key, *sums))
        return {"registro.csv": self._register.finish(), "totali-iva.csv": self._vat.finish()}


@contextmanager
def open_registers(workbook: io.BytesIO) -> Iterator[Registers]:
    """Registers whose workbook is written to `workbook` when the block is through. Rows go through files on disk."""
    with TemporaryDirectory(prefix="registri-") as folder:
        book = Workbook(workbook, {"constant_memory": True, "tmpdir": folder})
        try:
            yield Registers(book)
        finally:
            book.close()


def _amounts(view: InvoiceView) -> tuple[Decimal, ...]:
    """The amounts of a register's row, in its order."""
    net = sum((summary.net for summary in view.summaries), Decimal(0))
    vat = sum((summary.vat for summary in view.summaries), Decimal(0))
    withheld = sum((withholding.amount for withholding in view.withholdings), Decimal(0))
    fund = sum((fund.amount for fund in view.funds), Decimal(0))
    return net, vat, view.split_vat, view.rounding, view.total, withheld, view.due, fund, view.stamp_duty


class _Table:
    """One table as CSV and as a sheet, row by row."""

    def __init__(self, workbook: Workbook, title: str, names: Sequence[str]) -> None:
        self._text = io.StringIO()
        self._csv = csv.writer(self._text, delimiter=";")
        self._csv.writerow(names)
        self._sheet = workbook.add_worksheet(title)
        formats = ("#,##0.00", "dd/mm/yyyy", "mm/yyyy")
        self._amount, self._day, self._month = (workbook.add_format({"num_format": format_}) for format_ in formats)
        self._sheet.freeze_panes(1, 0)
        bold = workbook.add_format({"bold": True})
        for column, name in enumerate(names):
            self._sheet.set_column(column, column, _WIDTHS.get(name, max(14, len(name) + 2)))
            self._sheet.write_string(0, column, name, bold)
        self._count, self._names = 0, names

    def add(self, row: Sequence[Cell]) -> None:
        self._csv.writerow([self._as_text(column, cell) for column, cell in enumerate(row)])
        self._count += 1
        for column, cell in enumerate(row):
            if isinstance(cell, Decimal):
                self._sheet.write_number(self._count, column, float(cell), self._amount)
            elif isinstance(cell, date):
                look = self._month if self._is_month(column) else self._day
                self._sheet.write_datetime(self._count, column, datetime.combine(cell, time()), look)
            else:
                self._sheet.write_string(self._count, column, cell)

    def _as_text(self, column: int, cell: Cell) -> str:
        """A cell as an Italian spreadsheet reads it; a text that it would run as a formula gets an apostrophe."""
        if isinstance(cell, Decimal):
            return f"{cell:.2f}".replace(".", ",")
        if isinstance(cell, date):
            return f"{cell:%m/%Y}" if self._is_month(column) else f"{cell:%d/%m/%Y}"
        return harmless(cell)

    def _is_month(self, column: int) -> bool:
        return self._names[column] == "mese"

    def finish(self) -> bytes:
        self._sheet.autofilter(0, 0, max(self._count, 1), len(self._names) - 1)
        return self._text.getvalue().encode("utf-8-sig")
