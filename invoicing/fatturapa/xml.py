"""Builds FatturaPA XML (FPR12 and FPA12, schema 1.2.3) from a draft and its number.

The root is in the namespace, its children are not (elementFormDefault unqualified), and the order of elements is the
schema's. Numbers in the comments are those of the official layout.
"""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

from accounts.fiscal.letters import basic_latin, latin
from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, Discount, InvoiceDraft, PurchaseOrder, Seller
from invoicing.fatturapa.law import CAUSALE, CREDIT_NOTE, FLAT_RATE, FLAT_RATE_NOTE, INTENT
from invoicing.fatturapa.routing import Route, route
from invoicing.fatturapa.totals import ReckonedLine, Totals, compute_totals

NAMESPACE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
# what no XML can hold: control characters and halves of surrogate pairs
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Transmission:
    """1.1: who transmits, under which running number (also that of the file)."""

    transmitter_tax_code: str
    progressive: str
    transmitter_country: str = "IT"

    @property
    def file_name(self) -> str:
        return f"{self.transmitter_country}{self.transmitter_tax_code}_{self.progressive}.xml"


def build_xml(draft: InvoiceDraft, *, number: str, transmission: Transmission, figures: Totals | None = None) -> bytes:
    """The document as UTF-8 bytes, exactly as they are sent and kept. Checks nothing (see `preflight`).

    `figures` are those of the draft, if they are at hand; `TotalsError` when they lead nowhere.
    """
    way, figures = route(draft.buyer), figures or compute_totals(draft)
    root = etree.Element(f"{{{NAMESPACE}}}FatturaElettronica", nsmap={"p": NAMESPACE}, versione=way.format)
    header = _add(root, "FatturaElettronicaHeader")
    _transmission(header, way, transmission)
    _seller(header, draft.seller)
    _add_if(header[-1], "RiferimentoAmministrazione", basic_latin(draft.administration_reference, 20))
    _buyer(header, draft.buyer, way)
    body = _add(root, "FatturaElettronicaBody")
    _general(body, draft, number, figures)
    goods = _add(body, "DatiBeniServizi")
    for position, line in enumerate(figures.lines, start=1):
        _line(goods, position, line)
    _summaries(goods, draft, figures)
    _payments(body, draft, figures)
    _attachments(body, draft)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, name)
    if text:
        try:
            child.text = text
        except ValueError:  # lxml writes nothing that XML cannot hold
            child.text = _NOT_XML.sub("", text)
    return child


def _add_if(parent: etree._Element, name: str, text: str) -> None:
    if text:  # an empty element is an error, an absent one is not
        _add(parent, name, text)


def _add_date(parent: etree._Element, name: str, day: datetime.date | None) -> None:
    if day:
        _add(parent, name, day.isoformat())


def _transmission(header: etree._Element, way: Route, transmission: Transmission) -> None:
    block = _add(header, "DatiTrasmissione")
    transmitter = _add(block, "IdTrasmittente")
    _add(transmitter, "IdPaese", transmission.transmitter_country)
    _add(transmitter, "IdCodice", transmission.transmitter_tax_code)
    _add(block, "ProgressivoInvio", transmission.progressive)
    _add(block, "FormatoTrasmissione", way.format)
    _add(block, "CodiceDestinatario", way.recipient_code)
    _add_if(block, "PECDestinatario", way.pec)


def _seller(header: etree._Element, seller: Seller) -> None:
    block = _add(header, "CedentePrestatore")
    identity = _add(block, "DatiAnagrafici")
    _vat_id(identity, seller.country, seller.vat_number)
    _add_if(identity, "CodiceFiscale", seller.tax_code)
    _add(_add(identity, "Anagrafica"), "Denominazione", latin(seller.name, 80))
    _add(identity, "RegimeFiscale", seller.tax_regime)
    _address(block, seller.address)
    if seller.rea_number:
        register = _add(block, "IscrizioneREA")
        _add(register, "Ufficio", seller.rea_office)
        _add(register, "NumeroREA", basic_latin(seller.rea_number, 20))
        if seller.share_capital is not None:
            _add(register, "CapitaleSociale", _amount(seller.share_capital))
        _add(register, "StatoLiquidazione", "LN")


def _buyer(header: etree._Element, buyer: Buyer, way: Route) -> None:
    block = _add(header, "CessionarioCommittente")
    identity = _add(block, "DatiAnagrafici")
    if way.vat_number:
        _vat_id(identity, way.vat_country, way.vat_number)
    _add_if(identity, "CodiceFiscale", way.tax_code)
    names = _add(identity, "Anagrafica")
    if buyer.kind is BuyerKind.PERSON or not buyer.name:
        _add(names, "Nome", latin(buyer.first_name, 60))
        _add(names, "Cognome", latin(buyer.last_name, 60))
    else:
        _add(names, "Denominazione", latin(buyer.name, 80))
    _address(block, way.address)


def _vat_id(parent: etree._Element, country: str, number: str) -> None:
    block = _add(parent, "IdFiscaleIVA")
    _add(block, "IdPaese", country)
    _add(block, "IdCodice", number)


def _address(parent: etree._Element, address: Address) -> None:
    block = _add(parent, "Sede")
    _add(block, "Indirizzo", latin(address.street, 60))
    _add(block, "CAP", address.postcode)
    _add(block, "Comune", latin(address.city, 60))
    _add_if(block, "Provincia", address.province)
    _add(block, "Nazione", address.country)


def _general(body: etree._Element, draft: InvoiceDraft, number: str, figures: Totals) -> None:
    general = _add(body, "DatiGenerali")
    block = _add(general, "DatiGeneraliDocumento")
    _add(block, "TipoDocumento", draft.document_type)
    _add(block, "Divisa", draft.currency)
    _add(block, "Data", draft.date.isoformat())
    _add(block, "Numero", number)
    _withholding(block, draft, figures)
    if figures.stamp_duty:
        stamp = _add(block, "DatiBollo")
        _add(stamp, "BolloVirtuale", "SI")
        _add(stamp, "ImportoBollo", _amount(figures.stamp_duty))
    _pension_fund(block, draft, figures)
    _add(block, "ImportoTotaleDocumento", _amount(figures.gross))
    if figures.rounding:
        _add(block, "Arrotondamento", _amount(figures.rounding))
    for piece in _notes(draft):
        _add(block, "Causale", piece)
    _references(general, draft)


def _notes(draft: InvoiceDraft) -> list[str]:
    is_flat_rate = draft.seller.tax_regime == FLAT_RATE and draft.document_type != CREDIT_NOTE
    return [*pieces(draft.notes, CAUSALE), *([FLAT_RATE_NOTE] if is_flat_rate else [])]


def pieces(text: str, size: int) -> list[str]:
    """`text` in pieces of at most `size` characters, cut at spaces (Causale may be repeated)."""
    rest, parts = latin(text, 100_000), []
    while len(rest) > size:
        cut = rest.rfind(" ", 1, size + 1)
        cut = cut if cut > 0 else size
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts


def _withholding(block: etree._Element, draft: InvoiceDraft, figures: Totals) -> None:
    if draft.withholding is None:
        return
    part = _add(block, "DatiRitenuta")
    _add(part, "TipoRitenuta", draft.withholding.type)
    _add(part, "ImportoRitenuta", _amount(figures.withholding))
    _add(part, "AliquotaRitenuta", _amount(draft.withholding.rate))
    _add(part, "CausalePagamento", draft.withholding.reason)


def _pension_fund(block: etree._Element, draft: InvoiceDraft, figures: Totals) -> None:
    if draft.pension_fund is None or figures.fund is None:
        return
    part = _add(block, "DatiCassaPrevidenziale")
    _add(part, "TipoCassa", draft.pension_fund.type)
    _add(part, "AlCassa", _amount(draft.pension_fund.rate))
    _add(part, "ImportoContributoCassa", _amount(figures.fund.amount))
    _add(part, "ImponibileCassa", _amount(figures.fund.base))
    _add(part, "AliquotaIVA", _amount(draft.pension_fund.vat_rate))
    _add_if(part, "Ritenuta", "SI" if draft.pension_fund.withholding else "")
    _add_if(part, "Natura", draft.pension_fund.nature)


def _references(general: etree._Element, draft: InvoiceDraft) -> None:
    kinds = {
        "DatiOrdineAcquisto": draft.orders,
        "DatiContratto": draft.contracts,
        "DatiConvenzione": draft.agreements,
    }
    for name, references in kinds.items():
        for reference in references:
            _reference(_add(general, name), reference)
    for linked in draft.linked_invoices:
        block = _add(general, "DatiFattureCollegate")
        _add(block, "IdDocumento", basic_latin(linked.number, 20))
        _add_date(block, "Data", linked.date)


def _reference(block: etree._Element, reference: PurchaseOrder) -> None:
    for number in reference.lines:
        _add(block, "RiferimentoNumeroLinea", str(number))
    _add(block, "IdDocumento", basic_latin(reference.id, 20))
    _add_date(block, "Data", reference.date)
    _add_if(block, "NumItem", basic_latin(reference.item, 20))
    _add_if(block, "CodiceCommessaConvenzione", latin(reference.project, 100))
    _add_if(block, "CodiceCUP", basic_latin(reference.cup, 15))
    _add_if(block, "CodiceCIG", basic_latin(reference.cig, 15))


def _line(goods: etree._Element, position: int, line: ReckonedLine) -> None:
    block = _add(goods, "DettaglioLinee")
    _add(block, "NumeroLinea", str(position))
    _add_if(block, "TipoCessionePrestazione", line.kind)
    _add(block, "Descrizione", latin(line.description, 1000))
    _add(block, "Quantita", _up_to_8(line.quantity))
    _add_if(block, "UnitaMisura", basic_latin(line.unit, 10))
    _add_date(block, "DataInizioPeriodo", line.period_start)
    _add_date(block, "DataFinePeriodo", line.period_end)
    _add(block, "PrezzoUnitario", _up_to_8(line.unit_price))
    _discounts(block, line.discounts)
    _add(block, "PrezzoTotale", _amount(line.total))
    _add(block, "AliquotaIVA", _amount(line.vat_rate))
    _add_if(block, "Ritenuta", "SI" if line.is_withheld else "")
    _add_if(block, "Natura", line.nature)
    _add_if(block, "RiferimentoAmministrazione", basic_latin(line.administration_reference, 20))
    if line.intent:  # AdE, provv. 293390/2021, point 3
        data = _add(block, "AltriDatiGestionali")
        _add(data, "TipoDato", INTENT)
        _add(data, "RiferimentoTesto", line.intent.protocol)
        _add_date(data, "RiferimentoData", line.intent.date)


def _discounts(block: etree._Element, discounts: Sequence[Discount]) -> None:
    for discount in discounts:
        part = _add(block, "ScontoMaggiorazione")
        _add(part, "Tipo", "SC")
        if discount.percent is not None:
            _add(part, "Percentuale", _amount(discount.percent))
        elif discount.amount is not None:
            _add(part, "Importo", _up_to_8(discount.amount))


def _summaries(goods: etree._Element, draft: InvoiceDraft, figures: Totals) -> None:
    for summary in figures.summaries:
        block = _add(goods, "DatiRiepilogo")
        _add(block, "AliquotaIVA", _amount(summary.vat_rate))
        _add_if(block, "Natura", summary.nature)
        _add(block, "ImponibileImporto", _amount(summary.net))
        _add(block, "Imposta", _amount(summary.vat))
        if not summary.nature or (draft.split_payment and summary.nature.startswith("N6")):
            _add(block, "EsigibilitaIVA", draft.vat_payability)
        _add_if(block, "RiferimentoNormativo", latin(summary.law_reference, 100))


def _payments(body: etree._Element, draft: InvoiceDraft, figures: Totals) -> None:
    if not draft.payments:
        return
    block = _add(body, "DatiPagamento")
    _add(block, "CondizioniPagamento", draft.payment_terms)
    for payment in draft.payments:
        detail = _add(block, "DettaglioPagamento")
        _add(detail, "ModalitaPagamento", payment.method)
        _add_date(detail, "DataScadenzaPagamento", payment.due_date)
        _add(detail, "ImportoPagamento", _amount(figures.due if payment.amount is None else payment.amount))
        _add_if(detail, "IBAN", payment.iban)
        _add_if(detail, "BIC", payment.bic)


def _attachments(body: etree._Element, draft: InvoiceDraft) -> None:
    for attachment in draft.attachments:
        block = _add(body, "Allegati")
        _add(block, "NomeAttachment", latin(attachment.name, 60))
        _add_if(block, "FormatoAttachment", basic_latin(attachment.format, 10))
        _add_if(block, "DescrizioneAttachment", latin(attachment.description, 100))
        _add(block, "Attachment", attachment.content)


def _amount(value: Decimal) -> str:
    """Exactly two decimals (Amount2DecimalType, RateType)."""
    return f"{value:.2f}"


def _up_to_8(value: Decimal) -> str:
    """Two to eight decimals (QuantitaType, Amount8DecimalType), without trailing zeros beyond the second."""
    digits = f"{value:.8f}"
    return digits[:-6] + digits[-6:].rstrip("0")
