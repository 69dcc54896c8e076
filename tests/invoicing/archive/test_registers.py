"""The accountant's tables: what they add up to, and that a spreadsheet reads them as they are meant."""

import io
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from invoicing.archive.registers import REGISTER, VAT
from invoicing.fatturapa.draft import Line, PensionFund, StampDuty, Withholding
from invoicing.fatturapa.view import read_invoice
from invoicing.models import Invoice
from tests.invoicing.archive.packing import on, pack, sale, table
from tests.invoicing.drafts import COMPANY, golden_xml, make_draft
from tests.invoicing.flow import OFFICE, issue
from tests.invoicing.test_credit_notes import credit

pytestmark = pytest.mark.django_db

AMOUNTS = REGISTER[7:16]
_MAIN = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def sheet(path: Path, number: int) -> list[list[Any]]:
    """The cells of a sheet as its file has them: texts, and numbers with their format (t for text, n for number)."""
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(io.BytesIO(package.read("registro.xlsx"))) as book:
        styles = etree.fromstring(book.read("xl/styles.xml"))
        root = etree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    codes = {node.get("numFmtId"): node.get("formatCode") for node in styles.iterfind(".//m:numFmt", _MAIN)}
    looks = [node.get("numFmtId") for node in styles.iterfind("m:cellXfs/m:xf", _MAIN)]
    return [[_cell(cell, codes, looks) for cell in row] for row in root.iterfind(".//m:row", _MAIN)]


def _cell(cell: Any, codes: dict[Any, Any], looks: list[Any]) -> Any:
    assert cell.find("m:f", _MAIN) is None, "a formula"
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    value, look = cell.findtext("m:v", "", _MAIN), codes.get(looks[int(cell.get("s", "0"))], "#,##0.00")
    if "yyyy" in look:
        return date(1899, 12, 30) + timedelta(days=int(value))
    assert cell.get("t") in (None, "n")
    return Decimal(value).quantize(Decimal("0.01"))


def amounts(path: Path, row: int = 1) -> dict[str, str]:
    """The amounts of one row of the register that are not nought."""
    lines = table(path, "registro.csv")
    values = dict(zip(REGISTER, lines[row], strict=True))
    return {name: values[name] for name in AMOUNTS if values[name] != "0,00"}


def test_register_has_one_row_a_document(year: list[Invoice], tmp_path: Path):
    second, file = year[1], year[1].current_file()

    rows = table(pack(tmp_path, "2025"), "registro.csv")

    assert rows[0] == list(REGISTER)
    assert [row[0] for row in rows[1:]] == ["2025/00001", "2025/00002", "2025/00003", "2025/00004", "NC/2025/00001"]
    assert rows[2] == [
        "2025/00002", "10/11/2025", "TD01", "Mario Rossi", "", "RSSMRA85T10A562S", "IT", "1250,00", "240,00", "0,00",
        "0,00", "1490,00", "0,00", "1490,00", "0,00", "0,00", "sì", "nel cassetto fiscale", second.sdi_identifier,
        file.file_name, file.xml.sha256,
    ]  # fmt: skip
    assert rows[1][4] == "IT02764130353"
    assert rows[3][19:] == [year[2].current_file().sent.name, year[2].current_file().signed.sha256]


def test_vat_sums_are_exact_without_the_rejected_and_less_the_credited(year: list[Invoice], tmp_path: Path):
    path = pack(tmp_path, "2025")

    assert table(path, "totali-iva.csv") == [
        list(VAT),
        ["10/2025", "22,00", "", "immediata", "100,00", "22,00"],
        ["11/2025", "0,00", "N4", "", "50,00", "0,00"],
        ["11/2025", "10,00", "", "immediata", "200,00", "20,00"],
        ["11/2025", "22,00", "", "immediata", "1290,00", "283,80"],
    ]
    # a rejected document is told, and is not among the sums
    assert [row[16:18] for row in table(path, "registro.csv")[4:5]] == [["no", "scartata dal SdI"]]


def test_credit_note_is_negative_so_that_columns_add_up(tmp_path: Path):
    with on("2025-10-31"):
        invoice = issue(draft=sale(COMPANY, ("100.00", "22", "")))
    with on("2025-11-10"):
        credit(invoice, "12.20")

    path = pack(tmp_path, "2025-11")

    assert table(path, "totali-iva.csv")[1:] == [["11/2025", "22,00", "", "immediata", "-10,00", "-2,20"]]
    assert amounts(path) == {"imponibile": "-10,00", "imposta": "-2,20", "totale": "-12,20", "da_pagare": "-12,20"}


def test_customer_of_a_split_payment_does_not_owe_the_vat(tmp_path: Path):
    lines = [Line("Voce", Decimal(1), Decimal(price), Decimal(rate)) for price, rate in (("1000", "22"), ("50", "10"))]
    with on("2025-11-10"):
        issue(draft=make_draft(OFFICE, *lines, payments=(), split_payment=True))
        issue(draft=sale(COMPANY, ("100.00", "22", "")))

    path = pack(tmp_path, "2025-11")

    assert amounts(path) == {
        "imponibile": "1050,00", "imposta": "225,00", "di_cui_imposta_in_scissione": "225,00", "totale": "1275,00",
        "da_pagare": "1050,00",
    }  # fmt: skip
    assert table(path, "totali-iva.csv")[1:] == [
        ["11/2025", "10,00", "", "scissione dei pagamenti", "50,00", "5,00"],
        ["11/2025", "22,00", "", "immediata", "100,00", "22,00"],
        ["11/2025", "22,00", "", "scissione dei pagamenti", "1000,00", "220,00"],
    ]


def test_stamp_duty_withholding_and_pension_fund_have_columns_of_their_own(tmp_path: Path):
    line = Line("Parere", Decimal(1), Decimal("1000.00"), Decimal(0), nature="N4")
    draft = make_draft(
        COMPANY, line, payments=(), stamp_duty=StampDuty(charge_to_customer=True),
        withholding=Withholding("RT01", Decimal(20), "A"),
        pension_fund=PensionFund("TC01", Decimal(4), Decimal(0), "N4"),
    )  # fmt: skip
    with on("2025-11-10"):
        invoice = issue(draft=draft)

    path = pack(tmp_path, "2025-11")

    assert amounts(path) == {
        "imponibile": "1042,00", "totale": "1042,00", "ritenuta": "200,00", "da_pagare": "842,00",
        "di_cui_cassa_previdenziale": "40,00", "bollo": "2,00",
    }  # fmt: skip
    assert Decimal("842.00") == invoice.amount_due()


@pytest.mark.parametrize(("code", "word"), [("I", "immediata"), ("D", "differita"), ("S", "scissione dei pagamenti")])
def test_payability_is_read_from_the_file(code: str, word: str):
    xml = golden_xml("company").replace(b"<EsigibilitaIVA>I<", f"<EsigibilitaIVA>{code}<".encode())

    view = read_invoice(xml)

    assert [summary.payability for summary in view.summaries] == [code]
    assert view.due == view.total - (view.summaries[0].vat if code == "S" else 0)


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+39 Srl", "-1+1", "@SUM(A1)"])
def test_name_that_a_spreadsheet_would_run_is_harmless(name: str, tmp_path: Path):
    with on("2025-10-31"):
        issue(draft=sale(replace(COMPANY, name=name), ("100.00", "22", "")))

    path = pack(tmp_path, "2025")

    assert (table(path, "registro.csv")[1][3], sheet(path, 1)[1][3]) == (f"'{name}", name)


def test_csv_opens_by_a_double_click(year: list[Invoice], tmp_path: Path):
    with zipfile.ZipFile(pack(tmp_path, "2025")) as package:
        contents = [package.read(name) for name in ("registro.csv", "totali-iva.csv")]

    assert [content[:3] for content in contents] == [b"\xef\xbb\xbf"] * 2
    assert contents[1].decode("utf-8-sig").splitlines()[1] == "10/2025;22,00;;immediata;100,00;22,00"


def test_workbook_holds_the_same_tables_with_dates_and_numbers(year: list[Invoice], tmp_path: Path):
    path = pack(tmp_path, "2025")
    register, vat = sheet(path, 1), sheet(path, 2)

    assert (register[0], vat[0]) == (list(REGISTER), list(VAT))
    assert [row[0] for row in register[1:]] == [row[0] for row in table(path, "registro.csv")[1:]]
    assert register[5][:12] == [
        "NC/2025/00001", date(2025, 11, 10), "TD04", "Officine Brandolini S.r.l.", "IT02764130353", "", "IT",
        Decimal("-10.00"), Decimal("-2.20"), Decimal("0.00"), Decimal("0.00"), Decimal("-12.20"),
    ]  # fmt: skip
    assert register[3][5] == "00145920351"
    assert vat[2] == [date(2025, 11, 1), Decimal("0.00"), "N4", "", Decimal("50.00"), Decimal("0.00")]
    assert len(vat) == 5
