"""The XML: golden for both kinds of customer; valid by the official schema, our checks, a second opinion and a38."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from a38.fattura import FatturaPrivati12
from a38.validation import Validation
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from invoicing.draft import Line
from invoicing.fatturapa import Transmission, build_xml
from invoicing.preflight import findings
from invoicing.reading import read_invoice
from invoicing.schema import SCHEMA_SHA256, parse, schema_errors
from invoicing.totals import totals
from sandbox.pec.sdi_checks import check_invoice
from tests.invoicing.drafts import COMPANY, DAY, PERSON, make_draft

GOLDEN = Path(__file__).parent / "golden"
TRANSMISSION = Transmission("11847200968", "0001A")

amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999.99"), places=2)
quantities = st.integers(min_value=1, max_value=20).map(Decimal)
rates = st.sampled_from([Decimal(22), Decimal(10), Decimal(5), Decimal(4)])
lines = st.builds(Line, st.just("Servizio"), quantities, amounts, rates)


@pytest.mark.parametrize(("name", "buyer"), [("company", COMPANY), ("person", PERSON)])
def test_document_is_the_golden_one(name, buyer):
    xml = build_xml(make_draft(buyer), number="2026/00042", transmission=TRANSMISSION)

    golden = etree.fromstring((GOLDEN / f"{name}.xml").read_bytes(), etree.XMLParser(remove_blank_text=True))
    assert etree.tostring(etree.fromstring(xml), method="c14n") == etree.tostring(golden, method="c14n")


@pytest.mark.parametrize("buyer", [COMPANY, PERSON])
def test_bytes_are_valid_by_schema_by_us_and_by_the_second_opinion(buyer):
    xml = build_xml(make_draft(buyer), number="2026/00042", transmission=TRANSMISSION)

    assert schema_errors(parse(xml)) == []
    assert findings(xml, today=DAY) == []
    assert check_invoice(xml, TRANSMISSION.file_name, datetime(2026, 11, 18, 12, tzinfo=UTC)) == []


def test_a38_reads_back_what_was_written():
    xml = build_xml(make_draft(), number="2026/00042", transmission=TRANSMISSION)

    invoice = FatturaPrivati12()
    invoice.from_etree(ElementTree.fromstring(xml))
    validation = Validation()
    invoice.validate(validation)

    body = invoice.fattura_elettronica_body[0]
    general = body.dati_generali.dati_generali_documento
    assert (general.numero, general.data, general.importo_totale_documento) == ("2026/00042", DAY, Decimal("4758.00"))
    assert body.dati_beni_servizi.dati_riepilogo[0].imposta == Decimal("858.00")
    assert (validation.errors, validation.warnings) == ([], [])


@given(st.lists(lines, min_size=1, max_size=12))
def test_any_amounts_pass_our_arithmetic_and_the_second_opinion(drawn):
    draft = make_draft(COMPANY, *drawn, payments=())

    xml = build_xml(draft, number="2026/00001", transmission=TRANSMISSION)

    sums, view = totals(draft), read_invoice(xml)
    assert findings(xml, today=DAY) == []
    assert check_invoice(xml, TRANSMISSION.file_name, datetime(2026, 11, 18, 12, tzinfo=UTC)) == []
    assert (view.total, sum(s.vat for s in view.summaries)) == (sums.gross, sums.vat)


def test_tax_is_taken_once_per_rate_not_line_by_line():
    thirds = [Line("Terzo", Decimal(1), Decimal("0.33"), Decimal(22))] * 3

    assert totals(make_draft(COMPANY, *thirds)).vat == Decimal("0.22")


@given(st.text(min_size=1, max_size=200))
def test_any_text_in_a_description_makes_a_valid_document(text):
    line = Line(text, Decimal(1), Decimal("10.00"), Decimal(22))

    xml = build_xml(make_draft(COMPANY, line, payments=(), notes=text), number="2026/00001", transmission=TRANSMISSION)

    errors = [finding for finding in findings(xml, today=DAY) if "Descrizione" not in finding.message]
    assert errors == []


def test_pinned_schema_is_the_official_one(shared):
    official = (shared / "fatturapa" / "xsd" / "Schema_VFPR12_v1.2.3.xsd").read_bytes()
    assert hashlib.sha256(official).hexdigest() == SCHEMA_SHA256


def test_official_samples_get_the_expected_verdict(shared):
    verdicts = {
        path.stem[-5:]: {finding.code for finding in findings(path.read_bytes(), today=DAY)}
        for path in sorted((shared / "fatturapa" / "samples").glob("*.xml"))
    }

    # every sample uses 01234567890, whose check digit is wrong; FPR03 has wrong sums on top
    plain = {"00301", "00306"}
    assert verdicts == {
        "FPA01": plain, "FPA02": plain, "FPA03": plain, "FPR01": plain, "FPR02": plain,
        "FPR03": plain | {"00421", "00422"}, "FPR04": plain,
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b'<?xml version="1.0"?><!DOCTYPE a><a/>',
        b"<a>" + b"x" * (6 * 1024 * 1024) + b"</a>",
    ],
)
def test_what_is_not_plain_xml_is_a_format_error(content):
    assert [finding.code for finding in findings(content, today=DAY)] == ["00200"]
