"""Golden documents: a draft as JSON and the XML it must become, for each kind of customer and of document."""

from xml.etree import ElementTree

import pytest
from a38.fattura import auto_from_etree
from lxml import etree

from invoicing.fatturapa.preflight import violations
from invoicing.fatturapa.preview import make_preview
from invoicing.fatturapa.schema import parse, schema_errors
from invoicing.fatturapa.totals import compute_totals
from tests.invoicing.drafts import (
    DAY,
    GOLDEN_NAMES,
    NUMBER,
    TRANSMISSION,
    golden_draft,
    golden_xml,
    second_opinion,
    xml_of,
)

every_golden = pytest.mark.parametrize("name", GOLDEN_NAMES)


def canonical(xml: bytes) -> bytes:
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True))
    return bytes(etree.tostring(root, method="c14n"))


@every_golden
def test_draft_becomes_its_golden_document(name):
    assert canonical(xml_of(golden_draft(name))) == canonical(golden_xml(name))


@every_golden
def test_golden_bytes_are_valid_by_schema_by_us_and_by_the_second_opinion(name):
    for xml in (golden_xml(name), xml_of(golden_draft(name))):
        assert schema_errors(parse(xml)) == []
        assert violations(xml, today=DAY) == []
        assert second_opinion(xml) == []


@every_golden
def test_examination_has_nothing_to_say(name):
    preview = make_preview(golden_draft(name), number=NUMBER, transmission=TRANSMISSION, today=DAY)

    # the deferred invoice of October had to be sent by the 15th of November
    late = ["late"] if name == "deferred" else []
    assert (preview.errors, [warning.code for warning in preview.warnings]) == ((), late)


@every_golden
def test_a38_reads_back_what_was_written(name):
    draft = golden_draft(name)
    invoice = auto_from_etree(ElementTree.fromstring(golden_xml(name)))

    body, figures = invoice.fattura_elettronica_body[0], compute_totals(draft)
    general = body.dati_generali.dati_generali_documento
    summaries = [(block.imponibile_importo, block.imposta) for block in body.dati_beni_servizi.dati_riepilogo]
    payments = [detail.importo_pagamento for part in body.dati_pagamento for detail in part.dettaglio_pagamento]
    assert (general.numero, general.data, general.tipo_documento) == (NUMBER, draft.date, draft.document_type)
    assert general.importo_totale_documento == figures.gross
    assert summaries == [(summary.net, summary.vat) for summary in figures.summaries]
    assert sum(payments) == (figures.due if draft.payments else 0)


def test_golden_documents_cover_types_formats_natures_and_ways_to_pay():
    values: dict[str, set[str | None]] = {}
    for name in GOLDEN_NAMES:
        for element in etree.fromstring(golden_xml(name)).iter():
            values.setdefault(element.tag, set()).add(element.text)

    assert values["TipoDocumento"] == {"TD01", "TD02", "TD04", "TD05", "TD06", "TD24"}
    assert values["FormatoTrasmissione"] == {"FPR12", "FPA12"}
    assert values["Natura"] == {"N1", "N2.1", "N2.2", "N4", "N6.1"}
    assert values["ModalitaPagamento"] == {"MP01", "MP05", "MP08", "MP12", "MP19"}
    assert values["CondizioniPagamento"] == {"TP01", "TP02", "TP03"}
    assert values["EsigibilitaIVA"] == {"I", "S"}
    assert values["AliquotaIVA"] == {"22.00", "10.00", "4.00", "0.00"}
