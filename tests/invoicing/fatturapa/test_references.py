"""Declarations of intent, deferred VAT, references, attachments: where the law or the customer asks for them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from invoicing.fatturapa.draft import Attachment, DeclarationOfIntent, Line, Payment, PurchaseOrder
from invoicing.fatturapa.preflight import violations, warnings
from invoicing.fatturapa.preview import make_preview
from invoicing.services import seller_from_settings
from tests.invoicing.drafts import COMPANY, DAY, NUMBER, PERSON, TRANSMISSION, golden_draft, make_draft, xml_of

D = Decimal
INTENT = DeclarationOfIntent("08060120341234567-000001", date(2026, 1, 10))
OTHER = DeclarationOfIntent("08060120341234567-000002", date(2026, 2, 10))
EXPORTED = Line("Licenza", D(1), D("1000.00"), D(0), nature="N3.5")
OFFICE = golden_draft("public-administration").buyer


def build(*lines, buyer=COMPANY, **fields):
    """The document as SDI would get it, valid by schema and controls."""
    xml = xml_of(make_draft(buyer, *lines, **{"payments": (), **fields}))
    assert violations(xml, today=DAY, is_exact=True) == []
    return etree.fromstring(xml)


def texts(root, path):
    return [node.text for node in root.iterfind(f".//{path}")]


def errors(*lines, **fields):
    draft = make_draft(COMPANY, *lines, **{"payments": (), **fields})
    preview = make_preview(draft, number=NUMBER, transmission=TRANSMISSION, today=DAY)
    return [(violation.code, violation.field) for violation in preview.errors]


def test_declaration_of_intent_stands_on_each_line_that_rests_on_it():
    own = replace(EXPORTED, declaration_of_intent=OTHER)

    root = build(EXPORTED, Line("Formazione", D(1), D("10.00"), D(22)), own, declaration_of_intent=INTENT)

    assert texts(root, "AltriDatiGestionali/TipoDato") == ["INTENTO", "INTENTO"]
    assert texts(root, "AltriDatiGestionali/RiferimentoTesto") == [INTENT.protocol, OTHER.protocol]
    assert texts(root, "AltriDatiGestionali/RiferimentoData") == ["2026-01-10", "2026-02-10"]
    assert texts(root, "DettaglioLinee[AltriDatiGestionali]/NumeroLinea") == ["1", "3"]


def test_sale_by_declaration_of_intent_is_refused_without_it():
    assert errors(EXPORTED) == [("intent_missing", "lines.1.declaration_of_intent")]
    assert errors(EXPORTED, declaration_of_intent=INTENT) == []
    assert errors(Line("x", D(1), D(1), D(22), declaration_of_intent=INTENT)) == [
        ("intent_unused", "lines.1.declaration_of_intent")
    ]


@pytest.mark.parametrize("intent", [None, DeclarationOfIntent("0806", date(2026, 1, 10))])
def test_file_of_others_without_a_declaration_of_intent_is_a_doubt(intent):
    xml = xml_of(make_draft(COMPANY, EXPORTED, payments=(), declaration_of_intent=intent))

    assert violations(xml, today=DAY) == []
    assert [(doubt.code, doubt.field) for doubt in warnings(xml, today=DAY)] == [("intent_missing", "lines.1")]
    right = xml_of(make_draft(COMPANY, EXPORTED, payments=(), declaration_of_intent=INTENT))
    assert warnings(right, today=DAY) == []


CASH_VAT = "IVA per cassa, art. 32-bis, DL 83/2012"


@pytest.mark.parametrize(
    ("regime", "buyer", "fields", "payability", "reference"),
    [
        ("RF17", COMPANY, {}, "D", [CASH_VAT]),
        ("RF17", OFFICE, {}, "D", [CASH_VAT]),
        ("RF17", PERSON, {}, "I", []),  # who is no business has no cash VAT
        ("RF17", OFFICE, {"split_payment": True}, "S", ["Scissione dei pagamenti, art. 17-ter, DPR 633/1972"]),
        ("RF16", OFFICE, {}, "D", ["IVA a esigibilità differita, art. 6, c. 5, DPR 633/1972"]),
        ("RF16", COMPANY, {}, "I", []),
        ("RF01", COMPANY, {}, "I", []),
    ],
)
def test_vat_is_due_when_the_regime_says(regime, buyer, fields, payability, reference):
    seller = replace(seller_from_settings(), tax_regime=regime)

    root = build(buyer=buyer, seller=seller, **fields)

    assert texts(root, "EsigibilitaIVA") == [payability]
    assert texts(root, "RiferimentoNormativo") == reference


def test_references_stand_in_the_order_of_the_layout_each_with_its_codes():
    root = build(
        purchase_order=PurchaseOrder("ODA 7", DAY, "J51B21000010006", "Z1234567AB", "12", "Commessa", (1,)),
        purchase_orders=(PurchaseOrder("ODA 8", cig="Z1234567AC"),),
        contracts=(PurchaseOrder("C/1", date(2026, 1, 7), cig="Z1234567AD"),),
        agreements=(PurchaseOrder("Consip 3"),),
        administration_reference="FORN 118",
    )  # fmt: skip

    block = root.find(".//DatiGenerali")
    names = [child.tag for child in block][1:]
    assert names == ["DatiOrdineAcquisto", "DatiOrdineAcquisto", "DatiContratto", "DatiConvenzione"]
    assert [node.tag for node in block[1]] == [
        "RiferimentoNumeroLinea", "IdDocumento", "Data", "NumItem", "CodiceCommessaConvenzione", "CodiceCUP",
        "CodiceCIG",
    ]  # fmt: skip
    assert texts(root, "CodiceCIG") == ["Z1234567AB", "Z1234567AC", "Z1234567AD"]
    assert texts(root, "CedentePrestatore/RiferimentoAmministrazione") == ["FORN 118"]


def test_line_has_a_reference_of_the_administration():
    root = build(Line("x", D(1), D(1), D(22), administration_reference="CDC 4"))

    assert texts(root, "DettaglioLinee/RiferimentoAmministrazione") == ["CDC 4"]


def test_attachments_and_bic_stand_in_the_document():
    payment = Payment("MP05", None, DAY, "IT60X0542811101000000123456", "BPMOIT22XXX")

    root = build(attachments=(Attachment("relazione.pdf", "SGVsbG8=", "PDF", "Relazione"),), payments=(payment,))

    assert [(node.tag, node.text) for node in root.find(".//Allegati")] == [
        ("NomeAttachment", "relazione.pdf"), ("FormatoAttachment", "PDF"), ("DescrizioneAttachment", "Relazione"),
        ("Attachment", "SGVsbG8="),
    ]  # fmt: skip
    assert texts(root, "BIC") == ["BPMOIT22XXX"]


def test_attachments_beyond_five_megabytes_are_refused():
    big = Attachment("a.bin", "QUJD" * (5 * 1024 * 1024 // 4 + 1))

    assert ("00003", "attachments") in errors(attachments=(big,))
