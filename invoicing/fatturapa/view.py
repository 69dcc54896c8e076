"""Reads the parts of a FatturaPA document that a person wants to see, from the XML itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

from invoicing.fatturapa.law import CARD, INTENT
from invoicing.fatturapa.schema import parse

_REFERENCES = {
    "DatiOrdineAcquisto": "order",
    "DatiContratto": "contract",
    "DatiConvenzione": "agreement",
    "DatiFattureCollegate": "invoice",
}


@dataclass(frozen=True)
class PartyView:
    """Seller or buyer as printed."""

    name: str
    street: str
    town: str
    vat_number: str
    tax_code: str
    country: str


@dataclass(frozen=True)
class Registration:
    """What the seller must say of itself (art. 2250 c.c.), and its tax regime."""

    rea: str
    share_capital: Decimal | None
    tax_regime: str


@dataclass(frozen=True)
class LineView:
    """A line; `discounts` are percentages ("10 %") and amounts ("1.50") as written, surcharges with a plus sign.

    `intents` are declarations of intent by protocol and date.
    """

    number: str
    description: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal
    discounts: tuple[str, ...]
    vat_rate: Decimal
    nature: str
    period: tuple[date | None, date | None]
    total: Decimal
    intents: tuple[tuple[str, date | None], ...] = ()


@dataclass(frozen=True)
class SummaryView:
    """DatiRiepilogo; `payability` is EsigibilitaIVA: I at once, D deferred, S split payment, "" where there is none."""

    vat_rate: Decimal
    nature: str
    net: Decimal
    vat: Decimal
    payability: str
    law_reference: str


@dataclass(frozen=True)
class FundView:
    """The pension fund's contribution: its code, rate and amount, which is part of the net sums."""

    type: str
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True)
class WithholdingView:
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True)
class ReferenceView:
    """An order, a contract, an agreement or an invoice (`kind`) this document is about."""

    kind: str
    number: str
    day: date | None
    cup: str
    cig: str


@dataclass(frozen=True)
class PaymentView:
    method: str
    amount: Decimal
    due_date: date | None
    iban: str
    bic: str = ""


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
    funds: tuple[FundView, ...]
    withholdings: tuple[WithholdingView, ...]
    stamp_duty: Decimal
    rounding: Decimal
    references: tuple[ReferenceView, ...]
    total: Decimal
    payments: tuple[PaymentView, ...]
    notes: tuple[str, ...]
    administration_reference: str = ""
    attachments: tuple[str, ...] = ()

    @property
    def is_paid_by_card(self) -> bool:
        return bool(self.payments) and all(payment.method == CARD for payment in self.payments)

    @property
    def is_foreign(self) -> bool:
        return self.buyer.country != "IT"

    @property
    def split_vat(self) -> Decimal:
        """The VAT the customer pays to the Treasury and not to the seller."""
        return sum((summary.vat for summary in self.summaries if summary.payability == "S"), Decimal(0))

    @property
    def due(self) -> Decimal:
        """What the customer owes: the total less what is withheld and what is split."""
        return self.total - sum((held.amount for held in self.withholdings), Decimal(0)) - self.split_vat


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
        day=date.fromisoformat(_text(general, "Data")[:10]),
        document_type=_text(general, "TipoDocumento"),
        format=_text(header, "DatiTrasmissione/FormatoTrasmissione"),
        recipient_code=_text(header, "DatiTrasmissione/CodiceDestinatario"),
        pec=_text(header, "DatiTrasmissione/PECDestinatario"),
        seller=_party(seller),
        registration=_registration(seller),
        buyer=_party(buyer),
        lines=tuple(_line(node) for node in body.iterfind("DatiBeniServizi/DettaglioLinee")),
        summaries=tuple(_summary(node) for node in body.iterfind("DatiBeniServizi/DatiRiepilogo")),
        funds=tuple(_fund(node) for node in general.iterfind("DatiCassaPrevidenziale")),
        withholdings=tuple(
            WithholdingView(_number(node, "AliquotaRitenuta"), _number(node, "ImportoRitenuta"))
            for node in general.iterfind("DatiRitenuta")
        ),
        stamp_duty=_number(general, "DatiBollo/ImportoBollo"),
        rounding=_number(general, "Arrotondamento"),
        references=tuple(_references(body)),
        total=_number(general, "ImportoTotaleDocumento"),
        payments=tuple(_payment(node) for node in body.iterfind("DatiPagamento/DettaglioPagamento")),
        notes=tuple(node.text or "" for node in general.iterfind("Causale")),
        administration_reference=_text(seller, "RiferimentoAmministrazione"),
        attachments=tuple(_text(node, "NomeAttachment") for node in body.iterfind("Allegati")),
    )


def _text(node: etree._Element, path: str) -> str:
    return node.findtext(path, "").strip()


def _number(node: etree._Element, path: str) -> Decimal:
    return Decimal(_text(node, path) or "0")


def _party(node: etree._Element) -> PartyView:
    person = f"{_text(node, 'DatiAnagrafici/Anagrafica/Nome')} {_text(node, 'DatiAnagrafici/Anagrafica/Cognome')}"
    street = f"{_text(node, 'Sede/Indirizzo')} {_text(node, 'Sede/NumeroCivico')}"
    province = _text(node, "Sede/Provincia")
    vat_number = _text(node, "DatiAnagrafici/IdFiscaleIVA/IdCodice")
    postcode = _text(node, "Sede/CAP").replace("00000", "")  # what stands there for an address abroad
    return PartyView(
        name=_text(node, "DatiAnagrafici/Anagrafica/Denominazione") or person.strip(),
        street=street.strip(),
        town=f"{postcode} {_text(node, 'Sede/Comune')}".strip() + (f" ({province})" if province else ""),
        # zeros stand for a consumer abroad, who has no number
        vat_number=_text(node, "DatiAnagrafici/IdFiscaleIVA/IdPaese") + vat_number if vat_number.strip("0") else "",
        tax_code=_text(node, "DatiAnagrafici/CodiceFiscale"),
        country=_text(node, "Sede/Nazione"),
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
        _text(node, "UnitaMisura"),
        _number(node, "PrezzoUnitario"),
        tuple(_discount(change) for change in node.iterfind("ScontoMaggiorazione")),
        _number(node, "AliquotaIVA"),
        _text(node, "Natura"),
        (_date(node, "DataInizioPeriodo"), _date(node, "DataFinePeriodo")),
        _number(node, "PrezzoTotale"),
        tuple(
            (_text(data, "RiferimentoTesto"), _date(data, "RiferimentoData"))
            for data in node.iterfind("AltriDatiGestionali")
            if _text(data, "TipoDato").upper() == INTENT
        ),
    )


def _discount(node: etree._Element) -> str:
    sign = "+" if _text(node, "Tipo") == "MG" else "-"
    amount = _text(node, "Importo")
    return f"{sign}{amount}" if amount else f"{sign}{_number(node, 'Percentuale').normalize():f} %"


def _summary(node: etree._Element) -> SummaryView:
    return SummaryView(
        _number(node, "AliquotaIVA"),
        _text(node, "Natura"),
        _number(node, "ImponibileImporto"),
        _number(node, "Imposta"),
        _text(node, "EsigibilitaIVA"),
        _text(node, "RiferimentoNormativo"),
    )


def _fund(node: etree._Element) -> FundView:
    return FundView(_text(node, "TipoCassa"), _number(node, "AlCassa"), _number(node, "ImportoContributoCassa"))


def _references(body: etree._Element) -> Iterator[ReferenceView]:
    for name, kind in _REFERENCES.items():
        for node in body.iterfind(f"DatiGenerali/{name}"):
            yield ReferenceView(
                kind,
                _text(node, "IdDocumento"),
                _date(node, "Data"),
                _text(node, "CodiceCUP"),
                _text(node, "CodiceCIG"),
            )


def _date(node: etree._Element, path: str) -> date | None:
    text = _text(node, path)
    return date.fromisoformat(text[:10]) if text else None


def _payment(node: etree._Element) -> PaymentView:
    return PaymentView(
        _text(node, "ModalitaPagamento"),
        _number(node, "ImportoPagamento"),
        _date(node, "DataScadenzaPagamento"),
        _text(node, "IBAN"),
        _text(node, "BIC"),
    )
