"""SDI's controls made before sending: one broken document per code, and the second opinion agrees."""

from copy import deepcopy
from datetime import date

import pytest
from django.utils import translation
from lxml import etree

from invoicing.fatturapa.preflight import file_violations, file_warnings, violations, warnings
from sandbox.pec.sdi_checks import KnownFiles, check_file
from sandbox.pec.sdi_controls import DESCRIPTIONS
from tests.invoicing.drafts import DAY, golden_xml, second_opinion

SELLER = "//CedentePrestatore/DatiAnagrafici"
BUYER = "//CessionarioCommittente/DatiAnagrafici"
LINE, BLOCK = "//DettaglioLinee[1]", "//DatiRiepilogo[1]"
GENERAL = "//DatiGeneraliDocumento"
DOCUMENT = "FatturaElettronicaBody/DatiGenerali/DatiGeneraliDocumento"
BARE = "<ScontoMaggiorazione><Tipo>SC</Tipo></ScontoMaggiorazione>"
SPLIT = "<EsigibilitaIVA>S</EsigibilitaIVA>"
AGAIN = "again"


def line(rate, nature=""):
    nature = nature and f"<Natura>{nature}</Natura>"
    return (
        "<DettaglioLinee><NumeroLinea>99</NumeroLinea><Descrizione>x</Descrizione><PrezzoUnitario>0.00</PrezzoUnitario>"
        f"<PrezzoTotale>0.00</PrezzoTotale><AliquotaIVA>{rate}</AliquotaIVA>{nature}</DettaglioLinee>"
    )


def block(rate, nature=""):
    nature = nature and f"<Natura>{nature}</Natura>"
    return (
        f"<DatiRiepilogo><AliquotaIVA>{rate}</AliquotaIVA>{nature}"
        "<ImponibileImporto>0.00</ImponibileImporto><Imposta>0.00</Imposta></DatiRiepilogo>"
    )


def fund(rate, more=""):
    return (
        "<DatiCassaPrevidenziale><TipoCassa>TC22</TipoCassa><AlCassa>4.00</AlCassa><ImportoContributoCassa>0.00"
        f"</ImportoContributoCassa><AliquotaIVA>{rate}</AliquotaIVA>{more}</DatiCassaPrevidenziale>"
    )


def break_document(name, changes):
    """A golden document with other values by path: None takes the element away, XML comes behind it."""
    root = etree.fromstring(golden_xml(name))
    for path, value in changes.items():
        if path == "@versione":
            root.set("versione", value)
            continue
        node = root.xpath(path)[-1]
        if value is None:
            node.getparent().remove(node)
        elif value == AGAIN:
            node.addnext(deepcopy(node))
        elif value.startswith("<"):
            node.addnext(etree.fromstring(value))
        else:
            node.text = value
    return etree.tostring(root)


# code, part of the draft, golden document, changes
BROKEN_DOCUMENTS = [
    ("00200", f"{DOCUMENT}/Data", "company", {f"{GENERAL}/Data": "18/11/2026"}),
    ("00200", f"{DOCUMENT}/Numero", "company", {f"{GENERAL}/Numero": "2026/0000000000000042"}),
    ("00301", "seller.vat_number", "company", {f"{SELLER}/IdFiscaleIVA/IdCodice": "11847200969"}),
    ("00302", "seller.tax_code", "company", {f"{SELLER}/CodiceFiscale": "11847200969"}),
    ("00302", "seller.tax_code", "fee", {f"{SELLER}/CodiceFiscale": "BNCNNA80A41F205V"}),
    ("00305", "buyer.vat_number", "company", {f"{BUYER}/IdFiscaleIVA/IdCodice": "02764130354"}),
    ("00305", "buyer.vat_number", "company", {f"{BUYER}/IdFiscaleIVA/IdCodice": "00000000000"}),
    ("00306", "buyer.tax_code", "person", {f"{BUYER}/CodiceFiscale": "RSSMRA85T10A562T"}),
    ("00306", "buyer.tax_code", "association", {f"{BUYER}/CodiceFiscale": "91234560340"}),
    ("00313", "buyer.recipient_code", "company", {"//CodiceDestinatario": "XXXXXXX"}),
    ("00313", "buyer.recipient_code", "person", {"//CodiceDestinatario": "XXXXXXX"}),
    ("00330", "buyer.pec", "company-pec", {"//PECDestinatario": "sdi48@pec.fatturapa.it"}),
    ("00400", "lines.99", "company-pec", {LINE: line("0.00")}),
    ("00401", "lines.99", "company-pec", {LINE: line("22.00", "N1")}),
    ("00403", "date", "company", {f"{GENERAL}/Data": "2026-11-19"}),
    ("00409", "number", "company", {"//FatturaElettronicaBody": AGAIN}),
    ("00411", "lines.1", "company", {f"{LINE}/AliquotaIVA": "<Ritenuta>SI</Ritenuta>"}),
    ("00413", "pension_fund", "fee", {"//DatiCassaPrevidenziale": fund("0.00")}),
    ("00414", "pension_fund", "fee", {"//DatiCassaPrevidenziale": fund("22.00", "<Natura>N1</Natura>")}),
    ("00415", "pension_fund", "company", {f"{GENERAL}/Numero": fund("22.00", "<Ritenuta>SI</Ritenuta>")}),
    ("00417", "buyer", "company", {f"{BUYER}/IdFiscaleIVA": None}),
    ("00418", "linked_invoices", "credit-note", {"//DatiFattureCollegate/Data": "2026-11-19"}),
    ("00419", "summary", "company", {LINE: line("10.00")}),
    ("00420", "split_payment", "discount-in-euro", {"//DatiRiepilogo[2]/Imposta": SPLIT}),
    ("00421", "summary", "company", {f"{BLOCK}/Imposta": "858.02"}),
    ("00422", "summary", "company", {f"{BLOCK}/ImponibileImporto": "3901.00", f"{BLOCK}/Imposta": "858.22"}),
    ("00423", "lines.1", "company", {f"{LINE}/PrezzoTotale": "3900.02"}),
    ("00423", "lines.1", "company", {f"{LINE}/PrezzoTotale": "3899.98"}),
    ("00423", "lines.1", "company-pec", {f"{LINE}/ScontoMaggiorazione[1]/Percentuale": "10.01"}),
    ("00423", "lines.1", "company-pec", {f"{LINE}/ScontoMaggiorazione[2]/Tipo": "MG"}),
    ("00423", "lines.1", "company-pec", {f"{LINE}/Quantita": None}),
    ("00425", "number", "company", {f"{GENERAL}/Numero": "NOVEMBRE"}),
    ("00427", "buyer.recipient_code", "company", {"//CodiceDestinatario": "X4K7P2"}),
    ("00427", "buyer.recipient_code", "public-administration", {"//CodiceDestinatario": "UFX1Y2Z"}),
    ("00428", "format", "company", {"@versione": "FPA12"}),
    ("00429", "summary", "company-pec", {BLOCK: block("0.00")}),
    ("00430", "summary", "company-pec", {BLOCK: block("22.00", "N1")}),
    ("00437", "discount", "company", {f"{GENERAL}/Numero": BARE}),
    ("00438", "lines.1", "company", {f"{LINE}/PrezzoUnitario": BARE}),
    ("00443", "summary", "company", {LINE: line("10.00"), BLOCK: block("4.00")}),
    ("00444", "summary", "company", {LINE: line("0.00", "N1"), BLOCK: block("0.00", "N4")}),
    ("00445", "lines.99", "company-pec", {LINE: line("0.00", "N3"), BLOCK: block("0.00", "N3")}),
    ("00471", "buyer", "company", {f"{BUYER}/IdFiscaleIVA/IdCodice": "11847200968"}),
    ("00472", "buyer", "company", {f"{GENERAL}/TipoDocumento": "TD27"}),
    ("00473", "seller.country", "company", {f"{GENERAL}/TipoDocumento": "TD17"}),
    ("00473", "seller.country", "eu-person", {f"{GENERAL}/TipoDocumento": "TD28"}),
    ("00474", "lines", "company-pec", {
        f"{GENERAL}/TipoDocumento": "TD21", f"{BUYER}/IdFiscaleIVA/IdCodice": "11847200968"
    }),
    ("00475", "buyer.vat_number", "person", {f"{GENERAL}/TipoDocumento": "TD20"}),
    ("00476", "buyer.country", "eu-company", {f"{SELLER}/IdFiscaleIVA/IdPaese": "FR"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "field", "name", "changes"), BROKEN_DOCUMENTS)
def test_broken_document_is_found_by_its_code_alone(code, field, name, changes):
    xml = break_document(name, changes)

    errors = violations(xml, today=DAY)
    assert {violation.code for violation in errors} == {code}
    assert errors[0].field == field
    assert set(second_opinion(xml)) == {code}


@pytest.mark.parametrize(("code", "field", "name", "changes"), [row for row in BROKEN_DOCUMENTS if row[0] != "00200"])
def test_finding_is_told_in_italian_and_in_english(code, field, name, changes):
    xml = break_document(name, changes)
    messages = {}

    for language in ("it", "en"):
        with translation.override(language):
            messages[language] = violations(xml, today=DAY)[0].message

    assert messages["it"] != messages["en"]
    assert [text for text in messages.values() if "%(" in text or not text.endswith(".")] == []


@pytest.mark.parametrize(
    ("codes", "name", "changes"),
    [
        ({"00400", "00429"}, "eu-company", {"//DettaglioLinee/Natura": None, "//DatiRiepilogo/Natura": None}),
        ({"00401", "00422", "00444"}, "company", {f"{LINE}/AliquotaIVA": "<Natura>N1</Natura>"}),
        ({"00411", "00423"}, "fee", {"//DatiRitenuta": None, f"{LINE}/PrezzoTotale": "999.98"}),
        ({"00301", "00305"}, "company", {
            f"{SELLER}/IdFiscaleIVA/IdCodice": "01234567890", f"{BUYER}/IdFiscaleIVA/IdCodice": "01234567890",
            f"{GENERAL}/TipoDocumento": "TD27",
        }),
        ({"00472", "00474"}, "company-pec", {f"{GENERAL}/TipoDocumento": "TD21"}),
        ({"00473", "00475"}, "person", {f"{GENERAL}/TipoDocumento": "TD19"}),
        ({"00424"}, "company", {
            f"{LINE}/AliquotaIVA": "0.22", f"{BLOCK}/AliquotaIVA": "0.22", f"{BLOCK}/Imposta": "8.58"
        }),
        ({"00445"}, "eu-company", {"//DettaglioLinee/Natura": "N2", "//DatiRiepilogo/Natura": "N2"}),
    ],
)  # fmt: skip
def test_change_that_breaks_several_rules_is_found_by_all(codes, name, changes):
    xml = break_document(name, changes)

    assert {violation.code for violation in violations(xml, today=DAY)} == codes
    assert set(second_opinion(xml)) == codes


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("company", {f"{BLOCK}/ImponibileImporto": "3900.99", f"{BLOCK}/Imposta": "858.22"}),
        ("company", {f"{LINE}/PrezzoUnitario": "3900.009"}),
        ("company", {f"{LINE}/PrezzoTotale": "3900.01"}),  # a cent, in both directions, of lines and of the tax
        ("company", {f"{LINE}/PrezzoTotale": "3899.99"}),
        ("company", {f"{BLOCK}/Imposta": "858.01"}),
        ("company", {f"{BLOCK}/Imposta": "857.99"}),
        ("company", {f"{LINE}/PrezzoTotale": "3900.0000"}),
        ("company", {f"{GENERAL}/Data": "2026-11-18+01:00"}),
        ("company-pec", {f"{LINE}/ScontoMaggiorazione[2]/Tipo": "<Percentuale>99.00</Percentuale>"}),
        ("credit-note", {"//DatiFattureCollegate/Data": None}),
        ("person", {f"{BUYER}/CodiceFiscale": "RSSMRA85T10A56NH"}),  # omocodia
        ("eu-company", {"//CodiceDestinatario": "2R4GTO8", f"{BUYER}/IdFiscaleIVA/IdPaese": "SM"}),
        ("company", {f"{GENERAL}/TipoDocumento": "TD16", f"{LINE}/AliquotaIVA": "<Natura>N6.1</Natura>",
                     f"{BLOCK}/AliquotaIVA": "<Natura>N6.1</Natura>"}),
        ("eu-company", {f"{GENERAL}/TipoDocumento": "TD17", f"{SELLER}/IdFiscaleIVA/IdPaese": "FR",
                        f"{BUYER}/IdFiscaleIVA/IdPaese": "IT", f"{BUYER}/IdFiscaleIVA/IdCodice": "02764130353",
                        "//CodiceDestinatario": "X4K7P2Q"}),
    ],
)  # fmt: skip
def test_what_sdi_lets_pass_is_not_found(name, changes):
    xml = break_document(name, changes)

    assert violations(xml, today=DAY) == []
    assert second_opinion(xml) == []


@pytest.mark.parametrize(
    ("code", "changes"), [("00421", {f"{BLOCK}/Imposta": "858.01"}), ("00423", {f"{LINE}/PrezzoTotale": "3899.99"})]
)
def test_cent_that_sdi_tolerates_is_none_in_what_we_issue(code, changes):
    errors = violations(break_document("company", changes), today=DAY, is_exact=True)

    assert [violation.code for violation in errors] == [code]


def test_lot_may_hold_a_credit_note_with_the_number_of_an_invoice():
    xml = break_document("company", {"//FatturaElettronicaBody": AGAIN, f"({GENERAL}/TipoDocumento)[2]": "TD04"})

    assert (violations(xml, today=DAY), second_opinion(xml)) == ([], [])


def test_pec_beside_a_code_is_ours_alone_to_find():
    xml = break_document("company", {"//CodiceDestinatario": "<PECDestinatario>a@pec.example</PECDestinatario>"})

    assert [violation.code for violation in violations(xml, today=DAY)] == ["00426"]
    assert second_opinion(xml) == []


def test_year_beyond_9999_is_a_date_in_the_future():
    xml = break_document("company", {f"{GENERAL}/Data": "12026-11-18"})

    assert [violation.code for violation in violations(xml, today=DAY)] == ["00403"]


@pytest.mark.parametrize(
    ("file_name", "codes"),
    [
        ("IT11847200968_00001.xml", []),
        ("IT11847200968_a.xml.p7m", []),
        ("IT11847200968_00001.zip", []),
        ("ITRSSMRA85T10A562S_00001.xml", []),
        ("DE123_00001.xml", []),
        ("IT1184720096_00001.xml", ["00001"]),
        ("IT11847200968_000001.xml", ["00001"]),
        ("IT11847200968_.xml", ["00001"]),
        ("IT11847200968_00-01.xml", ["00001"]),
        ("IT11847200968_00001.pdf", ["00001"]),
        ("IT11847200968_00001.xml.p7m.p7m", ["00001"]),
    ],
)
def test_name_of_the_file(file_name, codes):
    assert [(violation.code, violation.field) for violation in file_violations(file_name, b"<a/>")] == [
        (c, "file") for c in codes
    ]
    assert file_warnings(file_name) == []
    assert [violation.code for violation in check_file(file_name, 4, KnownFiles())] == codes


@pytest.mark.parametrize("file_name", ["IT11847200968.xml", "fattura.xml", "allegato (2).xml.p7m", ""])
def test_name_that_was_not_meant_for_sdi_is_a_doubt(file_name):
    doubts = [(violation.code, violation.field) for violation in file_warnings(file_name)]

    assert (file_violations(file_name, b"<a/>"), doubts) == ([], [("00001", "file")])
    assert [violation.code for violation in check_file(file_name, 4, KnownFiles())] == ["00001"]


@pytest.mark.parametrize(("size", "codes"), [(5 * 1024 * 1024, []), (5 * 1024 * 1024 + 1, ["00003"])])
def test_size_of_the_file(size, codes):
    name = "IT11847200968_00001.xml"

    assert [violation.code for violation in file_violations(name, b"x" * size)] == codes
    assert [violation.code for violation in check_file(name, size, KnownFiles())] == codes


def test_every_code_that_can_be_checked_offline_has_a_broken_document():
    offline = set(DESCRIPTIONS) - {"00001", "00002", "00003", "00102", "00106", "00201", "00311", "00312", "00404"}

    assert {row[0] for row in BROKEN_DOCUMENTS} | {"00424"} == offline


def test_official_samples_get_the_expected_verdict(shared):
    paths = sorted((shared / "fatturapa" / "samples").glob("*.xml"))
    verdicts = {
        path.stem[-5:]: {violation.code for violation in violations(path.read_bytes(), today=DAY)} for path in paths
    }
    opinions = {path.stem[-5:]: set(second_opinion(path.read_bytes())) for path in paths}

    # every sample uses 01234567890, whose check digit is wrong; FPR03 has a wrong sum on top
    plain = {"00301", "00306"}
    assert verdicts == opinions == {
        "FPA01": plain, "FPA02": plain, "FPA03": plain, "FPR01": plain, "FPR02": plain,
        "FPR03": plain | {"00422"}, "FPR04": plain,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "field", "name", "changes"),
    [
        ("vat_office", "seller.vat_number", "company", {f"{SELLER}/IdFiscaleIVA/IdCodice": "12345678903"}),
        ("vat_office", "buyer.vat_number", "company", {f"{BUYER}/IdFiscaleIVA/IdCodice": "12345678903"}),
        ("linked_missing", "linked_invoices", "credit-note", {"//DatiFattureCollegate": None}),
        ("late", "date", "company", {f"{GENERAL}/Data": "2026-11-05"}),
        ("late", "date", "deferred", {}),
        ("total", "total", "company", {f"{GENERAL}/ImportoTotaleDocumento": "4758.01"}),
        ("cig_missing", "purchase_order", "public-administration", {"//DatiOrdineAcquisto": None}),
    ],
)
def test_doubts_are_warnings_and_no_errors(code, field, name, changes):
    xml = break_document(name, changes)

    assert violations(xml, today=DAY) == []
    assert [(violation.code, violation.field) for violation in warnings(xml, today=DAY)] == [(code, field)]


@pytest.mark.parametrize(
    ("name", "changes", "today"),
    [
        ("company", {}, date(2026, 11, 30)),  # twelve days
        ("deferred", {}, date(2026, 11, 15)),  # the 15th of the next month
        ("deferred", {f"{GENERAL}/Data": "2026-12-31"}, date(2027, 1, 15)),
        ("company", {f"{GENERAL}/ImportoTotaleDocumento": None}, DAY),
    ],
)
def test_nothing_is_said_where_there_is_no_doubt(name, changes, today):
    assert warnings(break_document(name, changes), today=today) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<a/>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b'<?xml version="1.0"?><!DOCTYPE a><a/>',
    ],
)
def test_what_is_not_a_plain_invoice_is_a_format_error(content):
    assert {violation.code for violation in violations(content, today=DAY)} == {"00200"}


def test_document_above_five_megabytes_is_too_large():
    content = b"<a>" + b"x" * (5 * 1024 * 1024) + b"</a>"

    assert [violation.code for violation in violations(content, today=DAY)] == ["00003"]
