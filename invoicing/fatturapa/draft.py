"""What an invoice is made of before it has a number: plain frozen data, as somebody asked for it.

Amounts are `Decimal` euros, rates and discounts percent. What follows from them (net prices of gross ones, stamp duty,
withholding, sums) is worked out by `invoicing.fatturapa.totals`; numbers in comments are those of the official layout.
"""

import datetime
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self

from invoicing.fatturapa.law import INTENT_NATURE, STAMP_NATURES, vat_payability


class BuyerKind(StrEnum):
    COMPANY = "company"
    PERSON = "person"
    ASSOCIATION = "association"
    PUBLIC_ADMINISTRATION = "public_administration"


@dataclass(frozen=True)
class Address:
    """Sede (1.2.2, 1.4.2). Outside Italy `postcode` is whatever the country has, `province` is not used."""

    street: str
    postcode: str
    city: str
    province: str = ""
    country: str = "IT"


@dataclass(frozen=True)
class Seller:
    """CedentePrestatore (1.2); `tax_regime` is RF01, RF19, …"""

    name: str
    vat_number: str
    tax_code: str
    tax_regime: str
    address: Address
    country: str = "IT"
    rea_office: str = ""
    rea_number: str = ""
    share_capital: Decimal | None = None


@dataclass(frozen=True)
class Buyer:
    """CessionarioCommittente (1.4) and how SDI reaches them (1.1.4, 1.1.6).

    `email` is where we mail the copy; the XML has no field for it.
    """

    kind: BuyerKind
    address: Address
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    country: str = "IT"
    vat_number: str = ""
    tax_code: str = ""
    recipient_code: str = ""
    pec: str = ""
    email: str = ""


@dataclass(frozen=True)
class Discount:
    """Either a `percent` or an `amount`: of the unit price on a line, of the net total on a document."""

    percent: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True)
class DeclarationOfIntent:
    """Dichiarazione d'intento of a habitual exporter (art. 8, c. 1, lett. c, DPR 633/1972).

    `protocol` is that of the Agenzia's receipt with its progressive, "08060120341234567-000001"; `date` the receipt's.
    """

    protocol: str
    date: datetime.date


@dataclass(frozen=True)
class Line:
    """DettaglioLinee (2.2.1). Exactly one of `unit_price` (net) and `gross_unit_price` (VAT included), 8 decimals each.

    `withholding` and `declaration_of_intent` None mean: as the document says. `administration_reference` is 2.2.1.15.
    """

    description: str
    quantity: Decimal
    unit_price: Decimal | None
    vat_rate: Decimal
    unit: str = ""
    nature: str = ""
    gross_unit_price: Decimal | None = None
    discounts: tuple[Discount, ...] = ()
    period_start: datetime.date | None = None
    period_end: datetime.date | None = None
    withholding: bool | None = None
    administration_reference: str = ""
    declaration_of_intent: DeclarationOfIntent | None = None


@dataclass(frozen=True)
class StampDuty:
    """Bollo (2.1.1.6): which Natura counts towards the threshold, and whether the customer pays it."""

    charge_to_customer: bool = False
    natures: frozenset[str] = STAMP_NATURES


@dataclass(frozen=True)
class Withholding:
    """DatiRitenuta (2.1.1.5): `type` RT01, RT02, …, `reason` the letter of the CU form (A, …)."""

    type: str
    rate: Decimal
    reason: str


@dataclass(frozen=True)
class PensionFund:
    """DatiCassaPrevidenziale (2.1.1.7): `type` TC01–TC22, `withholding` whether it is withheld upon, too."""

    type: str
    rate: Decimal
    vat_rate: Decimal
    nature: str = ""
    withholding: bool = False


@dataclass(frozen=True)
class Payment:
    """DettaglioPagamento (2.4.2): `method` MP08 card, MP05 transfer; without `amount` all that is due."""

    method: str
    amount: Decimal | None = None
    due_date: datetime.date | None = None
    iban: str = ""
    bic: str = ""


@dataclass(frozen=True)
class PurchaseOrder:
    """DatiOrdineAcquisto, DatiContratto or DatiConvenzione (2.1.2–2.1.4), with the codes public bodies ask for.

    `lines` are the numbers of the lines it is about, none for all; `item` is NumItem, `project`
    CodiceCommessaConvenzione.
    """

    id: str
    date: datetime.date | None = None
    cup: str = ""
    cig: str = ""
    item: str = ""
    project: str = ""
    lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class LinkedInvoice:
    """DatiFattureCollegate (2.1.6): the invoice a credit or debit note is about."""

    number: str
    date: datetime.date | None = None


@dataclass(frozen=True)
class Attachment:
    """Allegati (2.5): a file inside the invoice; `content` in base64, `format` its ending in capitals (PDF)."""

    name: str
    content: str
    format: str = ""
    description: str = ""


@dataclass(frozen=True)
class InvoiceDraft:
    """A whole document. `notes` becomes Causale (2.1.1.11), `payment_terms` is TP01, TP02 or TP03.

    `series` is the sectional whose numbers follow each other, "" the main one. `purchase_orders` are those beside
    `purchase_order`; `administration_reference` is what the customer files the seller under (1.2.6).
    """

    document_type: str
    date: datetime.date
    seller: Seller
    buyer: Buyer
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...] = ()
    payment_terms: str = "TP02"
    currency: str = "EUR"
    notes: str = ""
    series: str = ""
    discount: Discount | None = None
    stamp_duty: StampDuty = field(default_factory=StampDuty)
    withholding: Withholding | None = None
    pension_fund: PensionFund | None = None
    split_payment: bool = False
    purchase_order: PurchaseOrder | None = None
    linked_invoices: tuple[LinkedInvoice, ...] = ()
    purchase_orders: tuple[PurchaseOrder, ...] = ()
    contracts: tuple[PurchaseOrder, ...] = ()
    agreements: tuple[PurchaseOrder, ...] = ()
    administration_reference: str = ""
    declaration_of_intent: DeclarationOfIntent | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether it goes to a public administration: FPA12, and only signed."""
        return self.buyer.kind is BuyerKind.PUBLIC_ADMINISTRATION

    @property
    def orders(self) -> tuple[PurchaseOrder, ...]:
        """All purchase orders."""
        return (*([self.purchase_order] if self.purchase_order else []), *self.purchase_orders)

    @property
    def vat_payability(self) -> str:
        """EsigibilitaIVA (2.2.2.7) of what has VAT: I at once, D when it is paid, S by the customer to the Treasury."""
        is_taxable = self.is_public or self.buyer.kind is BuyerKind.COMPANY
        return vat_payability(
            self.seller.tax_regime, is_split=self.split_payment, is_public=self.is_public, is_taxable=is_taxable
        )

    def intent_of(self, line: Line) -> DeclarationOfIntent | None:
        """The declaration by which `line` has no VAT, None where it does not rest on one or none is known."""
        return (line.declaration_of_intent or self.declaration_of_intent) if line.nature == INTENT_NATURE else None

    def with_date(self, day: datetime.date) -> Self:
        """The same document with another date."""
        return replace(self, date=day)
