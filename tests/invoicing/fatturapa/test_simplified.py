"""Simplified invoices (FSM10) by their own schema and SDI's controls on them."""

import pytest
from django.utils import translation

from invoicing.fatturapa.preflight import violations, warnings
from tests.invoicing.drafts import DAY

NAMESPACE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0"
BODY = """<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD07</TipoDocumento>
<Divisa>EUR</Divisa><Data>2026-11-18</Data><Numero>S/12</Numero></DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi><Descrizione>Pranzo di lavoro</Descrizione><Importo>55.00</Importo>
<DatiIVA><Imposta>5.00</Imposta><Aliquota>10.00</Aliquota></DatiIVA></DatiBeniServizi></FatturaElettronicaBody>"""
SIMPLIFIED = f"""<p:FatturaElettronicaSemplificata versione="FSM10" xmlns:p="{NAMESPACE}"><FatturaElettronicaHeader>
<DatiTrasmissione><IdTrasmittente><IdPaese>IT</IdPaese><IdCodice>11847200968</IdCodice></IdTrasmittente>
<ProgressivoInvio>1</ProgressivoInvio><FormatoTrasmissione>FSM10</FormatoTrasmissione>
<CodiceDestinatario>0000000</CodiceDestinatario></DatiTrasmissione><CedentePrestatore><IdFiscaleIVA>
<IdPaese>IT</IdPaese><IdCodice>11847200968</IdCodice></IdFiscaleIVA><Denominazione>Trattoria Alfa</Denominazione>
<Sede><Indirizzo>Via Po 1</Indirizzo><CAP>10123</CAP><Comune>Torino</Comune><Provincia>TO</Provincia>
<Nazione>IT</Nazione></Sede><RegimeFiscale>RF01</RegimeFiscale></CedentePrestatore><CessionarioCommittente>
<IdentificativiFiscali><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>02764130353</IdCodice></IdFiscaleIVA>
</IdentificativiFiscali></CessionarioCommittente></FatturaElettronicaHeader>{BODY}
</p:FatturaElettronicaSemplificata>"""
BUYER = "<IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>02764130353</IdCodice></IdFiscaleIVA>"
CORRECTED = (
    "<DatiFatturaRettificata><NumeroFR>S/11</NumeroFR><DataFR>{}</DataFR><ElementiRettificati>Importo"
    "</ElementiRettificati></DatiFatturaRettificata></DatiGenerali>"
)
TAX = "<DatiIVA><Imposta>5.00</Imposta><Aliquota>10.00</Aliquota></DatiIVA>"
NO_TAX = "<DatiIVA><Aliquota>0.00</Aliquota></DatiIVA>"


def change(*pairs):
    xml = SIMPLIFIED
    for old, new in pairs:
        assert old in xml
        xml = xml.replace(old, new)
    return xml.encode()


def codes(xml):
    return [(violation.code, violation.field) for violation in violations(xml, today=DAY)]


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("55.00", "400.00"),),
        (("55.00", "5000.00"), ("RF01", "RF19")),  # D.Lgs. 180/2024
        (("55.00", "5000.00"), ("RF01", "RF20")),
        (("55.00", "5000.00"), ("TD07", "TD08"), ("</DatiGenerali>", CORRECTED.format("2026-11-17"))),
        ((TAX, f"{NO_TAX}<Natura>N4</Natura>"),),
        ((TAX, "<DatiIVA><Imposta>5.00</Imposta></DatiIVA>"),),
        ((BUYER, "<CodiceFiscale>RSSMRA85T10A562S</CodiceFiscale>"),),
        (("<Data>2026", "<Data> 2026"),),
        (("</FatturaElettronicaBody>", f"</FatturaElettronicaBody>{BODY.replace('S/12', 'S/13')}"),),
    ],
)
def test_simplified_invoice_is_accepted(pairs):
    assert codes(change(*pairs)) == []


@pytest.mark.parametrize(
    ("code", "field", "pairs"),
    [
        ("00200", "FatturaElettronicaBody/DatiBeniServizi/Importo", (("55.00", "55"),)),
        ("00200", "@versione", (('"FSM10"', '"FPR12"'),)),
        ("00301", "seller.vat_number", (("200968</IdCodice></IdFiscaleIVA>", "200969</IdCodice></IdFiscaleIVA>"),)),
        ("00305", "buyer.vat_number", (("02764130353", "02764130354"),)),
        ("00306", "buyer.tax_code", ((BUYER, "<CodiceFiscale>RSSMRA85T10A562T</CodiceFiscale>"),)),
        ("00313", "buyer.recipient_code", (("0000000", "XXXXXXX"),)),
        ("00400", "lines.1", ((TAX, NO_TAX),)),
        ("00401", "lines.1", ((TAX, f"{TAX}<Natura>N4</Natura>"),)),
        ("00403", "date", (("2026-11-18", "2026-11-19"),)),
        ("00409", "number", (("</FatturaElettronicaBody>", f"</FatturaElettronicaBody>{BODY}"),)),
        ("00417", "buyer", ((BUYER, ""),)),
        ("00418", "linked_invoices", (("TD07", "TD08"), ("</DatiGenerali>", CORRECTED.format("2026-11-19")))),
        ("00425", "number", (("S/12", "S/X"),)),
        ("00445", "lines.1", ((TAX, f"{NO_TAX}<Natura>N2</Natura>"),)),
        ("00460", "total", (("55.00", "400.01"),)),
    ],
)  # fmt: skip
def test_broken_simplified_invoice_is_refused_by_its_code(code, field, pairs):
    with translation.override("it"):
        message = violations(change(*pairs), today=DAY)[0].message

    assert codes(change(*pairs)) == [(code, field)]
    assert "%(" not in message


@pytest.mark.parametrize(
    ("code", "field", "pairs"),
    [
        ("late", "date", (("2026-11-18", "2026-11-01"),)),
        ("vat_missing", "lines.1", ((TAX, "<DatiIVA/>"),)),
        ("vat", "lines.1", (("<Imposta>5.00<", "<Imposta>5.02<"),)),
        ("vat_office", "buyer.vat_number", (("02764130353", "12345678903"),)),
    ],
)
def test_doubts_about_a_simplified_invoice_are_warnings(code, field, pairs):
    xml = change(*pairs)

    assert codes(xml) == []
    assert [(doubt.code, doubt.field) for doubt in warnings(xml, today=DAY)] == [(code, field)]


def test_cent_in_the_tax_of_a_simplified_invoice_is_no_doubt():
    assert warnings(change(("<Imposta>5.00<", "<Imposta>5.01<")), today=DAY) == []
