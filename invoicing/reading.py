"""Reads the parts of a FatturaPA document that a person wants to see, from the XML itself."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

from invoicing.schema import parse


@dataclass(frozen=True)
class PartyView:
    """Seller or buyer as printed."""

    name: str
    street: str
    town: str
    vat_number: str
    tax_code: str


@dataclass(frozen=True)
class Registration:
    """What the seller must say of itself (art. 2250 c.c.), and its tax regime."""

    rea: str
    share_capital: Decimal | None
    tax_regime: str


@dataclass(frozen=True)
class LineView:
    number: str
    description: str
    quantity: Decimal | None
    unit_price: Decimal
    vat_rate: Decimal
    total: Decimal


@dataclass(frozen=True)
class SummaryView:
    vat_rate: Decimal
    net: Decimal
    vat: Decimal


@dataclass(frozen=True)
class PaymentView:
    method: str
    amount: Decimal
    due_date: date | None


@dataclass(frozen=True)
class InvoiceView:
    """One FatturaElettronicaBody with its header."""

    number: str
    day: date
    document_type: str
    format: str
    recipient_code: str
    pec: str
    seller: PartyView
    registration: Registration
    buyer: PartyView
    lines: tuple[LineView, ...]
    summaries: tuple[SummaryView, ...]
    total: Decimal
    payments: tuple[PaymentView, ...]
    notes: tuple[str, ...]

    @property
    def is_paid_by_card(self) -> bool:
        return bool(self.payments) and all(payment.method == "MP08" for payment in self.payments)


def read_invoice(xml: bytes) -> InvoiceView:
    """The first document in `xml`, which must be valid FatturaPA (`UnreadableXmlError` when it is not even XML)."""
    root = parse(xml)
    header, body = root.find("FatturaElettronicaHeader"), root.find("FatturaElettronicaBody")
    if header is None or body is None:
        raise ValueError("not a FatturaPA document")
    general = body.find("DatiGenerali/DatiGeneraliDocumento")
    if general is None:
        raise ValueError("not a FatturaPA document")
    seller, buyer = header.find("CedentePrestatore"), header.find("CessionarioCommittente")
    if seller is None or buyer is None:
        raise ValueError("not a FatturaPA document")
    return InvoiceView(
        number=_text(general, "Numero"),
        day=date.fromisoformat(_text(general, "Data")),
        document_type=_text(general, "TipoDocumento"),
        format=_text(header, "DatiTrasmissione/FormatoTrasmissione"),
        recipient_code=_text(header, "DatiTrasmissione/CodiceDestinatario"),
        pec=_text(header, "DatiTrasmissione/PECDestinatario"),
        seller=_party(seller),
        registration=_registration(seller),
        buyer=_party(buyer),
        lines=tuple(_line(node) for node in body.iterfind("DatiBeniServizi/DettaglioLinee")),
        summaries=tuple(_summary(node) for node in body.iterfind("DatiBeniServizi/DatiRiepilogo")),
        total=_number(general, "ImportoTotaleDocumento"),
        payments=tuple(_payment(node) for node in body.iterfind("DatiPagamento/DettaglioPagamento")),
        notes=tuple(node.text or "" for node in general.iterfind("Causale")),
    )


def _text(node: etree._Element, path: str) -> str:
    return node.findtext(path, "").strip()


def _number(node: etree._Element, path: str) -> Decimal:
    return Decimal(_text(node, path) or "0")


def _party(node: etree._Element) -> PartyView:
    person = f"{_text(node, 'DatiAnagrafici/Anagrafica/Nome')} {_text(node, 'DatiAnagrafici/Anagrafica/Cognome')}"
    street = f"{_text(node, 'Sede/Indirizzo')} {_text(node, 'Sede/NumeroCivico')}"
    province = _text(node, "Sede/Provincia")
    return PartyView(
        name=_text(node, "DatiAnagrafici/Anagrafica/Denominazione") or person.strip(),
        street=street.strip(),
        town=f"{_text(node, 'Sede/CAP')} {_text(node, 'Sede/Comune')}" + (f" ({province})" if province else ""),
        vat_number=_text(node, "DatiAnagrafici/IdFiscaleIVA/IdPaese")
        + _text(node, "DatiAnagrafici/IdFiscaleIVA/IdCodice"),
        tax_code=_text(node, "DatiAnagrafici/CodiceFiscale"),
    )


def _registration(seller: etree._Element) -> Registration:
    register, capital = _text(seller, "IscrizioneREA/NumeroREA"), _text(seller, "IscrizioneREA/CapitaleSociale")
    return Registration(
        rea=f"{_text(seller, 'IscrizioneREA/Ufficio')}-{register}" if register else "",
        share_capital=Decimal(capital) if capital else None,
        tax_regime=_text(seller, "DatiAnagrafici/RegimeFiscale"),
    )


def _line(node: etree._Element) -> LineView:
    quantity = _text(node, "Quantita")
    return LineView(
        _text(node, "NumeroLinea"),
        _text(node, "Descrizione"),
        Decimal(quantity) if quantity else None,
        _number(node, "PrezzoUnitario"),
        _number(node, "AliquotaIVA"),
        _number(node, "PrezzoTotale"),
    )


def _summary(node: etree._Element) -> SummaryView:
    return SummaryView(_number(node, "AliquotaIVA"), _number(node, "ImponibileImporto"), _number(node, "Imposta"))


def _payment(node: etree._Element) -> PaymentView:
    due = _text(node, "DataScadenzaPagamento")
    return PaymentView(
        _text(node, "ModalitaPagamento"), _number(node, "ImportoPagamento"), date.fromisoformat(due) if due else None
    )
