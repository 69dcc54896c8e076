"""What an invoice is made of before it has a number: plain frozen data, as somebody asked for it.

Amounts are `Decimal` euros, rates and discounts percent. What follows from them (net prices of gross ones, stamp duty,
withholding, sums) is worked out by `invoicing.fatturapa.totals`; numbers in comments are those of the official layout.
"""

import datetime
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self

from invoicing.fatturapa.law import STAMP_NATURES


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
    """CessionarioCommittente (1.4) and how SDI reaches them (1.1.4, 1.1.6)."""

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


@dataclass(frozen=True)
class Discount:
    """Either a `percent` or an `amount`: of the unit price on a line, of the net total on a document."""

    percent: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True)
class Line:
    """DettaglioLinee (2.2.1). Exactly one of `unit_price` (net) and `gross_unit_price` (VAT included), 8 decimals each.

    `withholding` None means: as the document says.
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


@dataclass(frozen=True)
class PurchaseOrder:
    """DatiOrdineAcquisto (2.1.2), with the codes a public administration asks for."""

    id: str
    date: datetime.date | None = None
    cup: str = ""
    cig: str = ""


@dataclass(frozen=True)
class LinkedInvoice:
    """DatiFattureCollegate (2.1.6): the invoice a credit or debit note is about."""

    number: str
    date: datetime.date | None = None


@dataclass(frozen=True)
class InvoiceDraft:
    """A whole document. `notes` becomes Causale (2.1.1.11), `payment_terms` is TP01, TP02 or TP03.

    `series` is the sectional whose numbers follow each other, "" the main one.
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

    @property
    def is_public(self) -> bool:
        """Whether it goes to a public administration: FPA12, and only signed."""
        return self.buyer.kind is BuyerKind.PUBLIC_ADMINISTRATION

    def with_date(self, day: datetime.date) -> Self:
        """The same document with another date."""
        return replace(self, date=day)
