"""What an invoice is made of before it has a number: plain frozen data, checked when it becomes XML.

Field names follow the FatturaPA layout; amounts are `Decimal` euros, rates percent.
"""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Self


class BuyerKind(StrEnum):
    COMPANY = "company"
    PERSON = "person"


@dataclass(frozen=True)
class Address:
    """Sede (1.2.2, 1.4.2)."""

    street: str
    postcode: str
    city: str
    province: str
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
class Line:
    """DettaglioLinee (2.2.1): `unit_price` net, up to 8 decimals."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal
    unit: str = ""


@dataclass(frozen=True)
class Payment:
    """DettaglioPagamento (2.4.2): `method` is MP08 for a card, MP05 for a transfer."""

    method: str
    amount: Decimal
    due_date: datetime.date | None = None


@dataclass(frozen=True)
class InvoiceDraft:
    """A whole document. `notes` becomes Causale (2.1.1.11), `payment_terms` TP01, TP02 or TP03."""

    document_type: str
    date: datetime.date
    seller: Seller
    buyer: Buyer
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...] = ()
    payment_terms: str = "TP02"
    currency: str = "EUR"
    notes: str = ""

    def dated(self, day: datetime.date) -> Self:
        """The same document with another date."""
        return replace(self, date=day)
