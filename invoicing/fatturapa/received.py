"""Reads who invoices whom and for how much from a FatturaPA file of somebody else, ordinary or simplified.

Files that SDI delivered have passed its checks, but not all of ours: this reads what is there and insists only on what
identifies a document (2.1.1.3 Data, 2.1.1.4 Numero, 1.2.1.1 IdFiscaleIVA).
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from lxml import etree

from core.text import gettext_noop
from invoicing.fatturapa.schema import parse

_MOST = Decimal(10) ** 11  # Amount2DecimalType has room for eleven digits before the point


UNREADABLE_DOCUMENT = gettext_noop("a document cannot be read: %(trouble)s")
NO_TOTAL = gettext_noop("its total is %(total)s")
NO_DATE = gettext_noop("its date is “%(date)s”")


class NoInvoiceError(ValueError):
    """Not a FatturaPA file, or one that does not say what identifies a document; in English, whatever the language."""


@dataclass(frozen=True)
class ReceivedDocument:
    """One FatturaElettronicaBody. `vat_number` begins with its country; `total` is in `currency`, VAT included."""

    supplier: str
    vat_number: str
    document_type: str
    number: str
    day: date
    total: Decimal
    currency: str


@dataclass(frozen=True)
class ReceivedFile:
    """The documents of a file, all of one supplier to one customer, who may be known by either number."""

    customer_vat_number: str
    customer_tax_code: str
    documents: tuple[ReceivedDocument, ...]


def read_received(xml: bytes) -> ReceivedFile:
    """What a supplier's file says; `UnreadableXmlError` when it is not even XML, `NoInvoiceError` for anything else."""
    root = parse(xml)
    header = root.find("FatturaElettronicaHeader")
    bodies = root.findall("FatturaElettronicaBody")
    if header is None or not bodies:
        raise NoInvoiceError(gettext_noop("not a FatturaPA document"))
    supplier, customer = header.find("CedentePrestatore"), header.find("CessionarioCommittente")
    if supplier is None or customer is None:
        raise NoInvoiceError(gettext_noop("it does not say who invoices whom"))
    try:
        documents = tuple(_document(body, supplier) for body in bodies)
    except InvalidOperation as error:
        trouble = gettext_noop("one of its amounts is no number")
        raise NoInvoiceError(UNREADABLE_DOCUMENT % {"trouble": trouble}) from error
    except ValueError as error:
        raise NoInvoiceError(UNREADABLE_DOCUMENT % {"trouble": error}) from error
    return ReceivedFile(
        _first(customer, "DatiAnagrafici/IdFiscaleIVA/IdCodice", "IdentificativiFiscali/IdFiscaleIVA/IdCodice"),
        _first(customer, "DatiAnagrafici/CodiceFiscale", "IdentificativiFiscali/CodiceFiscale"),
        documents,
    )


def _document(body: etree._Element, supplier: etree._Element) -> ReceivedDocument:
    general = body.find("DatiGenerali/DatiGeneraliDocumento")
    if general is None or not (number := _first(general, "Numero")):
        raise ValueError(gettext_noop("it has no number"))
    total = _total(body, general)
    if abs(total) >= _MOST:  # one that is no number cannot be compared
        raise ValueError(NO_TOTAL % {"total": total})
    vat = supplier.find("DatiAnagrafici/IdFiscaleIVA")
    vat = supplier.find("IdFiscaleIVA") if vat is None else vat
    if vat is None:
        raise ValueError(gettext_noop("its supplier has no partita IVA"))
    return ReceivedDocument(
        supplier=_name(supplier),
        vat_number=_first(vat, "IdPaese") + _first(vat, "IdCodice"),
        document_type=_first(general, "TipoDocumento"),
        number=number,
        day=_day(_first(general, "Data")[:10]),
        total=total,
        currency=_first(general, "Divisa") or "EUR",
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(NO_DATE % {"date": text}) from error


def _total(body: etree._Element, general: etree._Element) -> Decimal:
    """ImportoTotaleDocumento (2.1.1.9) may be missing: then the sum of the summaries, or a simplified one's amounts."""
    if total := _first(general, "ImportoTotaleDocumento"):
        return Decimal(total)
    amounts = [
        Decimal((node.text or "0").strip())
        for path in ("DatiRiepilogo/ImponibileImporto", "DatiRiepilogo/Imposta", "Importo")
        for node in body.iterfind(f"DatiBeniServizi/{path}")
    ]
    return sum(amounts, Decimal(_first(general, "Arrotondamento") or "0"))


def _name(party: etree._Element) -> str:
    for place in ("DatiAnagrafici/Anagrafica/", ""):  # simplified files have the name without the frame
        if company := _first(party, f"{place}Denominazione"):
            return company
        if person := f"{_first(party, f'{place}Nome')} {_first(party, f'{place}Cognome')}".strip():
            return person
    return ""


def _first(node: etree._Element, *paths: str) -> str:
    texts = (str(node.findtext(path) or "").strip() for path in paths)
    return next((text for text in texts if text), "")
