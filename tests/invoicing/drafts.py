"""Invoice drafts for tests: the Italian company and the consumer of this first slice."""

from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.draft import Address, Buyer, BuyerKind, InvoiceDraft, Line, Payment
from invoicing.services import seller_from_settings

DAY = date(2026, 11, 18)

COMPANY = Buyer(
    kind=BuyerKind.COMPANY,
    name="Officine Brandolini S.r.l.",
    vat_number="02764130353",
    recipient_code="X4K7P2Q",
    address=Address("Via Emilia Ovest 118", "42124", "Reggio nell’Emilia", "RE"),
)
PERSON = Buyer(
    kind=BuyerKind.PERSON,
    first_name="Mario",
    last_name="Rossi",
    tax_code="RSSMRA85T10A562S",
    address=Address("Via Roma 1", "56017", "San Giuliano Terme", "PI"),
)


def make_draft(buyer: Buyer = COMPANY, *lines: Line, **fields: Any) -> InvoiceDraft:
    lines = lines or (Line("Readiness NIS2", Decimal(1), Decimal("3900.00"), Decimal(22), unit="nr"),)
    values = {"payments": (Payment("MP08", Decimal("4758.00"), DAY),), "notes": "Ordine ORD-2026-00001", **fields}
    return InvoiceDraft(
        document_type="TD01", date=DAY, seller=seller_from_settings(), buyer=buyer, lines=lines, **values
    )
