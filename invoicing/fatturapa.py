"""Builds FatturaPA XML (FPR12, schema 1.2.3) from a draft and its number.

The root is in the namespace, its children are not (elementFormDefault unqualified), and the order of elements is the
schema's. Numbers in the comments are those of the official layout.
"""

from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

from invoicing.draft import Address, Buyer, BuyerKind, InvoiceDraft, Seller
from invoicing.latin import basic_latin, latin, pieces
from invoicing.totals import line_total, summaries, totals

NAMESPACE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
NO_RECIPIENT_CODE = "0000000"


@dataclass(frozen=True)
class Transmission:
    """1.1: who transmits, under which running number (also that of the file)."""

    transmitter_tax_code: str
    progressive: str
    transmitter_country: str = "IT"

    @property
    def file_name(self) -> str:
        return f"{self.transmitter_country}{self.transmitter_tax_code}_{self.progressive}.xml"


def build_xml(draft: InvoiceDraft, *, number: str, transmission: Transmission) -> bytes:
    """The document as UTF-8 bytes, exactly as they are sent and kept. Does not check anything: see `preflight`."""
    root = etree.Element(f"{{{NAMESPACE}}}FatturaElettronica", nsmap={"p": NAMESPACE}, versione="FPR12")
    header = _add(root, "FatturaElettronicaHeader")
    _transmission(header, draft.buyer, transmission)
    _seller(header, draft.seller)
    _buyer(header, draft.buyer)
    body = _add(root, "FatturaElettronicaBody")
    _general(body, draft, number)
    goods = _add(body, "DatiBeniServizi")
    _lines(goods, draft)
    _summaries(goods, draft)
    _payments(body, draft)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, name)
    child.text = text
    return child


def _add_if(parent: etree._Element, name: str, text: str) -> None:
    if text:  # an empty element is an error, an absent one is not
        _add(parent, name, text)


def _transmission(header: etree._Element, buyer: Buyer, transmission: Transmission) -> None:
    block = _add(header, "DatiTrasmissione")
    transmitter = _add(block, "IdTrasmittente")
    _add(transmitter, "IdPaese", transmission.transmitter_country)
    _add(transmitter, "IdCodice", transmission.transmitter_tax_code)
    _add(block, "ProgressivoInvio", transmission.progressive)
    _add(block, "FormatoTrasmissione", "FPR12")
    _add(block, "CodiceDestinatario", buyer.recipient_code or NO_RECIPIENT_CODE)
    if not buyer.recipient_code:  # 1.1.6: the PEC only where there is no code
        _add_if(block, "PECDestinatario", buyer.pec)


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


def _buyer(header: etree._Element, buyer: Buyer) -> None:
    block = _add(header, "CessionarioCommittente")
    identity = _add(block, "DatiAnagrafici")
    if buyer.vat_number:
        _vat_id(identity, buyer.country, buyer.vat_number)
    _add_if(identity, "CodiceFiscale", buyer.tax_code)
    names = _add(identity, "Anagrafica")
    if buyer.kind is BuyerKind.PERSON:
        _add(names, "Nome", latin(buyer.first_name, 60))
        _add(names, "Cognome", latin(buyer.last_name, 60))
    else:
        _add(names, "Denominazione", latin(buyer.name, 80))
    _address(block, buyer.address)


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


def _general(body: etree._Element, draft: InvoiceDraft, number: str) -> None:
    block = _add(_add(body, "DatiGenerali"), "DatiGeneraliDocumento")
    _add(block, "TipoDocumento", draft.document_type)
    _add(block, "Divisa", draft.currency)
    _add(block, "Data", draft.date.isoformat())
    _add(block, "Numero", basic_latin(number, 20))
    _add(block, "ImportoTotaleDocumento", _amount(totals(draft).gross))
    for piece in pieces(draft.notes, 200):
        _add(block, "Causale", piece)


def _lines(goods: etree._Element, draft: InvoiceDraft) -> None:
    for position, line in enumerate(draft.lines, start=1):
        block = _add(goods, "DettaglioLinee")
        _add(block, "NumeroLinea", str(position))
        _add(block, "Descrizione", latin(line.description, 1000))
        _add(block, "Quantita", _up_to_8(line.quantity))
        _add_if(block, "UnitaMisura", basic_latin(line.unit, 10))
        _add(block, "PrezzoUnitario", _up_to_8(line.unit_price))
        _add(block, "PrezzoTotale", _amount(line_total(line)))
        _add(block, "AliquotaIVA", _amount(line.vat_rate))


def _summaries(goods: etree._Element, draft: InvoiceDraft) -> None:
    for summary in summaries(draft):
        block = _add(goods, "DatiRiepilogo")
        _add(block, "AliquotaIVA", _amount(summary.vat_rate))
        _add(block, "ImponibileImporto", _amount(summary.net))
        _add(block, "Imposta", _amount(summary.vat))
        _add(block, "EsigibilitaIVA", "I")


def _payments(body: etree._Element, draft: InvoiceDraft) -> None:
    if not draft.payments:
        return
    block = _add(body, "DatiPagamento")
    _add(block, "CondizioniPagamento", draft.payment_terms)
    for payment in draft.payments:
        detail = _add(block, "DettaglioPagamento")
        _add(detail, "ModalitaPagamento", payment.method)
        if payment.due_date:
            _add(detail, "DataScadenzaPagamento", payment.due_date.isoformat())
        _add(detail, "ImportoPagamento", _amount(payment.amount))


def _amount(value: Decimal) -> str:
    """Exactly two decimals (Amount2DecimalType, RateType)."""
    return f"{value:.2f}"


def _up_to_8(value: Decimal) -> str:
    """Two to eight decimals (QuantitaType, Amount8DecimalType), without trailing zeros beyond the second."""
    digits = f"{value:.8f}"
    whole, fraction = digits.split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
