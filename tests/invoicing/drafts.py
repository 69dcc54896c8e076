"""Invoice drafts for tests: an Italian company, a consumer, and the golden ones kept as JSON beside their XML."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, InvoiceDraft, Line, Payment, StampDuty
from invoicing.fatturapa.draft_json import from_json, read_draft
from invoicing.fatturapa.xml import Transmission, build_xml
from invoicing.services import seller_from_settings
from sandbox.pec.sdi_checks import check_invoice

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
DAY = date(2026, 11, 18)
RECEIVED_AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
NUMBER = "2026/00042"
TRANSMISSION = Transmission("11847200968", "0001A")

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
    values = {"document_type": "TD01", "date": DAY, "seller": seller_from_settings(), **values}
    return InvoiceDraft(buyer=buyer, lines=lines, **values)


def golden_draft(name: str) -> InvoiceDraft:
    content = (GOLDEN / f"{name}.json").read_bytes()
    return read_draft(content, seller=seller_from_settings(), stamp_duty=StampDuty(), today=DAY)


def golden_xml(name: str) -> bytes:
    return (GOLDEN / f"{name}.xml").read_bytes()


def draft_from(data: Any) -> InvoiceDraft:
    return from_json(data, seller=seller_from_settings(), stamp_duty=StampDuty(), today=DAY)


def xml_of(draft: InvoiceDraft) -> bytes:
    return build_xml(draft, number=NUMBER, transmission=TRANSMISSION)


def second_opinion(xml: bytes) -> list[str]:
    """The codes for which the sandbox's SDI would refuse the file."""
    return [violation.code for violation in check_invoice(xml, TRANSMISSION.file_name, RECEIVED_AT)]
