"""SDI's controls: official samples, and one broken variant for each code."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.pec.fiscal_codes import is_fiscal_code, is_vat_number
from sandbox.pec.sdi_checks import SCHEMA_SHA256, KnownFiles, SchemaError, check_invoice, parse, schema_bytes, stem
from sandbox.pec.sdi_controls import DESCRIPTIONS, document_keys

NAMESPACE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
RECEIVED_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SELLER = "<IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>07643520567</IdCodice></IdFiscaleIVA>"
BUYER = "<IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>00743110157</IdCodice></IdFiscaleIVA>"
GERMAN = "<IdFiscaleIVA><IdPaese>DE</IdPaese><IdCodice>129273398</IdCodice></IdFiscaleIVA>"
NAME = "IT07643520567_00001.xml"


def line(*, number=1, price="100.00", total="", rate="22.00", natura="", quantity="", discount="", withheld=False):
    return (
        f"<DettaglioLinee><NumeroLinea>{number}</NumeroLinea><Descrizione>Servizio</Descrizione>"
        f"{f'<Quantita>{quantity}</Quantita>' if quantity else ''}<PrezzoUnitario>{price}</PrezzoUnitario>{discount}"
        f"<PrezzoTotale>{total or price}</PrezzoTotale><AliquotaIVA>{rate}</AliquotaIVA>"
        f"{'<Ritenuta>SI</Ritenuta>' if withheld else ''}{f'<Natura>{natura}</Natura>' if natura else ''}"
        "</DettaglioLinee>"
    )


def summary(*, rate="22.00", natura="", base="100.00", tax="22.00", due="", rounding=""):
    return (
        f"<DatiRiepilogo><AliquotaIVA>{rate}</AliquotaIVA>{f'<Natura>{natura}</Natura>' if natura else ''}"
        f"{f'<Arrotondamento>{rounding}</Arrotondamento>' if rounding else ''}"
        f"<ImponibileImporto>{base}</ImponibileImporto><Imposta>{tax}</Imposta>"
        f"{f'<EsigibilitaIVA>{due}</EsigibilitaIVA>' if due else ''}</DatiRiepilogo>"
    )


def fund(*, rate="22.00", natura="", withheld=False):
    return (
        "<DatiCassaPrevidenziale><TipoCassa>TC22</TipoCassa><AlCassa>4.00</AlCassa>"
        f"<ImportoContributoCassa>0.00</ImportoContributoCassa><AliquotaIVA>{rate}</AliquotaIVA>"
        f"{'<Ritenuta>SI</Ritenuta>' if withheld else ''}{f'<Natura>{natura}</Natura>' if natura else ''}"
        "</DatiCassaPrevidenziale>"
    )


def body(*, kind="TD01", day="2026-11-20", number="2026/00001", general="", linked_invoices="", lines="", summaries=""):
    return (
        "<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento>"
        f"<TipoDocumento>{kind}</TipoDocumento><Divisa>EUR</Divisa><Data>{day}</Data><Numero>{number}</Numero>{general}"
        f"</DatiGeneraliDocumento>{linked_invoices}</DatiGenerali>"
        f"<DatiBeniServizi>{lines or line()}{summaries or summary()}</DatiBeniServizi></FatturaElettronicaBody>"
    )


def party(tag, ids, *, regime="", country="IT"):
    return (
        f"<{tag}><DatiAnagrafici>{ids}<Anagrafica><Denominazione>{tag} Srl</Denominazione></Anagrafica>{regime}"
        f"</DatiAnagrafici><Sede><Indirizzo>Via Roma 1</Indirizzo><CAP>00100</CAP><Comune>Roma</Comune>"
        f"<Nazione>{country}</Nazione></Sede></{tag}>"
    )


def invoice(
    *,
    version="FPR12",
    transmission_format="",
    code="ABC1234",
    pec="",
    seller=SELLER,
    buyer=BUYER,
    bodies="",
    **document,
) -> bytes:
    """A valid invoice of 100.00 + 22 %, with the given parts in the place of its own."""
    regime = "<RegimeFiscale>RF01</RegimeFiscale>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><p:FatturaElettronica xmlns:p="{NAMESPACE}" versione="{version}">'
        "<FatturaElettronicaHeader><DatiTrasmissione><IdTrasmittente><IdPaese>IT</IdPaese>"
        "<IdCodice>07643520567</IdCodice></IdTrasmittente><ProgressivoInvio>00001</ProgressivoInvio>"
        f"<FormatoTrasmissione>{transmission_format or version}</FormatoTrasmissione>"
        f"<CodiceDestinatario>{code}</CodiceDestinatario>"
        f"{f'<PECDestinatario>{pec}</PECDestinatario>' if pec else ''}</DatiTrasmissione>"
        f"{party('CedentePrestatore', seller, regime=regime)}{party('CessionarioCommittente', buyer)}"
        f"</FatturaElettronicaHeader>{bodies or body(**document)}</p:FatturaElettronica>"
    ).encode()


def codes(xml, *, name=NAME, **options):
    return [verdict.code for verdict in check_invoice(xml, name, RECEIVED_AT, **options)]


def discount(content, kind="SC"):
    return f"<ScontoMaggiorazione><Tipo>{kind}</Tipo>{content}</ScontoMaggiorazione>"


ZERO = {"rate": "0.00", "price": "0.00"}
WITHHOLDING = (
    "<DatiRitenuta><TipoRitenuta>RT02</TipoRitenuta><ImportoRitenuta>20.00</ImportoRitenuta>"
    "<AliquotaRitenuta>20.00</AliquotaRitenuta><CausalePagamento>A</CausalePagamento></DatiRitenuta>"
)
LINKED_INVOICE = "<DatiFattureCollegate><IdDocumento>1</IdDocumento><Data>2026-11-19</Data></DatiFattureCollegate>"
NO_VAT = {"rate": "0.00", "natura": "N2.1"}
NO_VAT_SUMMARY = summary(**NO_VAT, tax="0.00")
SM = "<IdFiscaleIVA><IdPaese>SM</IdPaese><IdCodice>12345</IdCodice></IdFiscaleIVA>"
OO = "<IdFiscaleIVA><IdPaese>OO</IdPaese><IdCodice>99999999999</IdCodice></IdFiscaleIVA>"
PERSON = "<CodiceFiscale>RSSMRA85T10A562S</CodiceFiscale>"

DEFECTS = [
    ("00200", {"number": "2026/00001/troppo-lungo"}),
    ("00200", {"lines": line(price="1.0")}),
    ("00301", {"seller": SELLER.replace("07643520567", "01234567890")}),
    ("00302", {"seller": SELLER + "<CodiceFiscale>RSSMRA85T10A562X</CodiceFiscale>"}),
    ("00305", {"buyer": BUYER.replace("00743110157", "00743110158")}),
    ("00306", {"buyer": "<CodiceFiscale>09876543210</CodiceFiscale>"}),
    ("00313", {"code": "XXXXXXX"}),
    ("00313", {"code": "XXXXXXX", "buyer": PERSON}),
    ("00330", {"code": "0000000", "pec": "sdi48@pec.fatturapa.it"}),
    ("00400", {"lines": line(**NO_VAT) + line(**ZERO), "summaries": NO_VAT_SUMMARY}),
    (
        "00401",
        {
            "lines": line(**NO_VAT) + line(price="0.00", natura="N2.1"),
            "summaries": NO_VAT_SUMMARY + summary(base="0.00", tax="0.00"),
        },
    ),
    ("00403", {"day": "2026-11-21"}),
    ("00411", {"lines": line(withheld=True)}),
    (
        "00413",
        {
            "general": fund(rate="0.00"),
            "summaries": summary() + summary(**NO_VAT, base="0.00", tax="0.00"),
            "lines": line() + line(**NO_VAT, price="0.00"),
        },
    ),
    (
        "00414",
        {
            "general": fund(natura="N2.1"),
            "summaries": summary() + summary(**NO_VAT, base="0.00", tax="0.00"),
            "lines": line() + line(**NO_VAT, price="0.00"),
        },
    ),
    ("00415", {"general": fund(withheld=True)}),
    ("00417", {"buyer": ""}),
    ("00418", {"kind": "TD04", "day": "2026-11-18", "linked_invoices": LINKED_INVOICE}),
    ("00419", {"lines": line() + line(price="0.00", rate="10.00")}),
    (
        "00420",
        {
            "lines": line(rate="0.00", natura="N6.3"),
            "summaries": summary(rate="0.00", natura="N6.3", tax="0.00", due="S"),
        },
    ),
    ("00421", {"summaries": summary(tax="22.02")}),
    ("00421", {"lines": line(price="0.50", rate="5.00"), "summaries": summary(rate="5.00", base="0.50", tax="0.05")}),
    ("00422", {"summaries": summary(base="101.00", tax="22.22")}),
    ("00422", {"lines": line(price="100.00"), "summaries": summary(rounding="1.00")}),
    ("00423", {"lines": line(price="33.34", quantity="3.00", total="100.00")}),
    ("00424", {"lines": line(rate="0.22"), "summaries": summary(rate="0.22", tax="0.22")}),
    ("00425", {"number": "BIS"}),
    ("00427", {"code": "ABC123"}),
    ("00428", {"transmission_format": "FPA12", "code": "ABC123"}),
    ("00429", {"lines": line(**NO_VAT), "summaries": NO_VAT_SUMMARY + summary(rate="0.00", base="0.00", tax="0.00")}),
    (
        "00430",
        {
            "lines": line() + line(**NO_VAT, price="0.00"),
            "summaries": summary()
            + summary(**NO_VAT, base="0.00", tax="0.00")
            + summary(natura="N2.1", base="0.00", tax="0.00"),
        },
    ),
    ("00437", {"general": discount("")}),
    ("00438", {"lines": line(discount=discount(""))}),
    (
        "00443",
        {
            "lines": line() + line(price="0.00", rate="10.00"),
            "summaries": summary() + summary(rate="4.00", base="0.00", tax="0.00"),
        },
    ),
    (
        "00444",
        {
            "lines": line() + line(**NO_VAT, price="0.00"),
            "summaries": summary() + summary(rate="0.00", natura="N1", base="0.00", tax="0.00"),
        },
    ),
    ("00445", {"lines": line(rate="0.00", natura="N2"), "summaries": summary(rate="0.00", natura="N2", tax="0.00")}),
    ("00471", {"buyer": SELLER}),
    ("00471", {"seller": SELLER + PERSON, "buyer": PERSON}),
    ("00472", {"kind": "TD27"}),
    ("00473", {"kind": "TD17"}),
    ("00473", {"kind": "TD18", "seller": OO}),
    ("00473", {"kind": "TD28", "seller": GERMAN}),
    ("00474", {"kind": "TD21", "buyer": SELLER, "lines": line(**NO_VAT), "summaries": NO_VAT_SUMMARY}),
    ("00475", {"kind": "TD22", "buyer": PERSON}),
    ("00476", {"seller": SM, "buyer": GERMAN, "code": "XXXXXXX"}),
]

SOUND = [
    {},
    {"buyer": PERSON, "code": "0000000"},
    {"buyer": GERMAN, "code": "XXXXXXX", "lines": line(**NO_VAT), "summaries": NO_VAT_SUMMARY},
    {"version": "FPA12", "code": "ABC123"},
    {"lines": line(price="33.3333", quantity="3.00", total="100.00")},
    {"lines": line(price="200.00", discount=discount("<Percentuale>50.00</Percentuale>"), total="100.00")},
    {"lines": line(price="90.00", discount=discount("<Importo>10.00</Importo>", "MG"), total="100.00")},
    {"lines": line(price="100.004", total="100.004"), "summaries": summary(rounding="-0.004")},
    {"lines": line(price="100.75", total="100.75")},  # less than one euro away from the summary
    {"lines": line(price="0.50", rate="5.00"), "summaries": summary(rate="5.00", base="0.50", tax="0.03")},
    {"lines": line(withheld=True), "general": WITHHOLDING},
    {"kind": "TD04", "linked_invoices": LINKED_INVOICE},
    {"kind": "TD17", "seller": OO},
    {"kind": "TD28", "seller": SM},
    {"kind": "TD27", "buyer": SELLER},
    {"kind": "TD16", "lines": line(natura="N6.3"), "summaries": summary(natura="N6.3")},
]


def test_descriptions_are_complete_and_fit_both_families():
    assert {code for code, _ in DEFECTS} <= DESCRIPTIONS.keys()
    assert max(map(len, DESCRIPTIONS.values())) <= 255


@pytest.mark.parametrize("parts", SOUND)
def test_sound_variant_passes(parts):
    assert codes(invoice(**parts)) == []


@pytest.mark.parametrize(("code", "parts"), DEFECTS)
def test_broken_variant_fails_with_its_code_only(code, parts):
    assert codes(invoice(**parts)) == [code]


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("FPA01", []),
        ("FPA02", []),
        ("FPA03", []),
        ("FPR01", []),
        ("FPR02", []),
        ("FPR03", ["00422"]),
        ("FPR04", []),
    ],
)
def test_official_sample_gets_its_verdict(shared: Path, sample, expected):
    path = shared / "fatturapa" / "samples" / f"IT01234567890_{sample}.xml"

    without_registry = codes(path.read_bytes(), name=path.name, registry_checks=False)
    with_registry = codes(path.read_bytes(), name=path.name)

    assert without_registry == expected
    # the samples' seller has a wrong check digit, and so has the buyer's fiscal code
    assert with_registry == [*expected, "00301", "00306"]


@pytest.mark.parametrize(
    "name",
    [
        "fattura.xml",
        "07643520567_00001.xml",
        "IT0764352056_00001.xml",
        "IT07643520567_000001.xml",
        "IT07643520567_1.pdf",
    ],
)
def test_file_name_that_breaks_the_rule_is_00001(name):
    assert codes(invoice(), name=name) == ["00001"]


@pytest.mark.parametrize("file_name", ["IT07643520567_00001.xml", "it07643520567_00001.xml.p7m"])
def test_file_name_used_before_is_00002(file_name):
    assert codes(invoice(), known=KnownFiles(stems=frozenset({stem(file_name)}))) == ["00002"]


def test_file_over_five_megabytes_is_00003():
    assert codes(b" " * (5 * 1024 * 1024 + 1)) == ["00003"]


def test_empty_file_is_00106():
    assert codes(b"") == ["00106"]


def test_more_than_fifty_format_errors_are_00201():
    lines = "\n".join(line(number=0) for _ in range(51))

    assert codes(invoice(lines=lines)) == ["00201"]


def test_format_errors_are_told_one_by_one_with_their_line():
    verdicts = check_invoice(invoice(lines=line(number=0) + "\n" + line(rate="22")), NAME, RECEIVED_AT)

    assert [verdict.code for verdict in verdicts] == ["00200", "00200"]
    assert "riga 1" in verdicts[0].description
    assert "riga 2" in verdicts[1].description


def test_document_known_to_sdi_is_00404():
    known = KnownFiles(documents=frozenset(document_keys(parse(invoice()))))

    assert codes(invoice(), known=known) == ["00404"]
    assert codes(invoice(kind="TD06"), known=known) == ["00404"]
    # another number, another year and a credit note are other documents
    assert codes(invoice(number="2026/00002"), known=known) == []
    assert codes(invoice(day="2025-11-20"), known=known) == []
    assert codes(invoice(kind="TD04"), known=known) == []


def test_same_document_twice_in_a_lot_is_00409():
    assert codes(invoice(bodies=body() + body())) == ["00409"]
    assert codes(invoice(bodies=body() + body(number="2026/00002"))) == []


def test_day_of_reception_is_that_of_rome():
    late_evening_utc = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    assert check_invoice(invoice(day="2026-11-21"), NAME, late_evening_utc) == []
    assert [v.code for v in check_invoice(invoice(day="2026-11-21"), NAME, late_evening_utc - timedelta(hours=1))] == [
        "00403"
    ]


@pytest.mark.parametrize(
    "xml",
    [
        b"not xml",
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x y="&b;"/>',
    ],
)
def test_hostile_xml_is_00200_and_reveals_nothing(xml):
    verdicts = check_invoice(xml, NAME, RECEIVED_AT)

    assert [verdict.code for verdict in verdicts] == ["00200"]
    assert "root:" not in verdicts[0].description


def test_schema_is_the_official_one_from_either_source(shared: Path):
    beside = shared / "fatturapa" / "xsd" / "Schema_VFPR12_v1.2.3.xsd"

    package_schema, _ = schema_bytes()
    file_schema, _ = schema_bytes(beside)

    assert hashlib.sha256(package_schema).hexdigest() == SCHEMA_SHA256
    assert file_schema == package_schema
    assert codes(invoice(), schema=beside) == []


def test_schema_with_another_hash_is_refused(tmp_path: Path):
    other = tmp_path / "schema.xsd"
    other.write_bytes(schema_bytes()[0] + b"\n")

    with pytest.raises(SchemaError, match="not the official"):
        schema_bytes(other)


@pytest.mark.parametrize("number", ["00743110157", "07643520567", "12345670017", "01234567897"])
def test_vat_number_with_right_check_digit(number):
    assert is_vat_number(number)


@pytest.mark.parametrize("number", ["01234567890", "0074311015", "007431101577", "0074311015A", "00000000000", ""])
def test_vat_number_that_is_none(number):
    assert not is_vat_number(number)


@given(st.integers(min_value=10000, max_value=9_999_999_999))
def test_each_vat_number_has_exactly_one_check_digit(stem_number):
    assert sum(is_vat_number(f"{stem_number:010}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize("code", ["RSSMRA85T10A562S", "RSSMRA85T10A56NH", "00743110157"])
def test_fiscal_code_is_recognised(code):
    assert is_fiscal_code(code)


@pytest.mark.parametrize(
    "code", ["RSSMRA85T10A562T", "rssmra85t10a562s", "RSSMRA85T10A562", "01234567890", "1234567890123456"]
)
def test_fiscal_code_that_is_none(code):
    assert not is_fiscal_code(code)
