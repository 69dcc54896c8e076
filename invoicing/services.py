"""Issuing: a draft gets its number, its XML and its row."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.letters import tidy
from accounts.fiscal.model import FiscalIdentity
from accounts.models import User
from core import audit
from core.errors import DomainError
from core.numbering import last_number, next_numbers
from core.tasks import enqueue
from invoicing import tasks
from invoicing.document_store import keep_file
from invoicing.fatturapa.draft import Address, BuyerKind, InvoiceDraft, Seller, StampDuty
from invoicing.fatturapa.draft import Buyer as DraftBuyer
from invoicing.fatturapa.draft_json import to_json
from invoicing.fatturapa.law import CREDIT_NOTE
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.preview import Preview, build_and_check, make_preview
from invoicing.fatturapa.routing import ABROAD, route
from invoicing.fatturapa.totals import Totals
from invoicing.fatturapa.xml import Transmission
from invoicing.linked import LinkedDocuments, find_linked
from invoicing.models import Credit, Invoice

logger = logging.getLogger(__name__)

FILES = "sdi-file"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class InvoiceRefusedError(DomainError):
    """SDI would refuse the document; `violations` says why, each with SDI's code.

    `not_before` is the document's date when that is all: it lies in the future (00403), which time alone mends.
    """

    code = "invoice_refused"

    def __init__(self, violations: Sequence[Violation], day: date) -> None:
        super().__init__("; ".join(f"{violation.code} {violation.message}" for violation in violations))
        self.violations = tuple(violations)
        self.not_before = day if {violation.code for violation in violations} == {"00403"} else None


class CreditTooLargeError(DomainError):
    """A credit note may not give back more than is left of its invoice."""

    code = "credit_too_large"
    status = 400

    def __init__(self, left: Decimal) -> None:
        super().__init__(_("At most %(left)s € of this invoice can still be credited.") % {"left": left})


class AlreadyIssuedError(Exception):
    """The page has issued `invoice` already. No refusal: what was asked for is done."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(invoice.number)
        self.invoice = invoice


def seller_from_settings() -> Seller:
    """The consultancy itself, from the SELLER_ settings."""
    address = Address(settings.SELLER_STREET, settings.SELLER_POSTCODE, settings.SELLER_CITY, settings.SELLER_PROVINCE)
    return Seller(
        name=settings.SELLER_NAME,
        vat_number=settings.SELLER_VAT_NUMBER,
        tax_code=settings.SELLER_TAX_CODE,
        tax_regime=settings.SELLER_TAX_REGIME,
        address=address,
        rea_office=settings.SELLER_REA_OFFICE,
        rea_number=settings.SELLER_REA_NUMBER,
        share_capital=Decimal(settings.SELLER_SHARE_CAPITAL) if settings.SELLER_SHARE_CAPITAL else None,
    )


def stamp_duty_from_settings() -> StampDuty:
    """Which Natura counts towards the stamp duty and whether the customer pays it, from the INVOICE_STAMP_ settings."""
    return StampDuty(settings.INVOICE_STAMP_CHARGE_TO_CUSTOMER, frozenset(settings.INVOICE_STAMP_NATURES))


def draft_defaults(today: date) -> dict[str, Any]:
    """What a draft as JSON need not say, as the keyword arguments of its readers."""
    return {"seller": seller_from_settings(), "stamp_duty": stamp_duty_from_settings(), "today": today}


def buyer_from(identity: FiscalIdentity) -> DraftBuyer:
    """The draft's buyer from a fiscal identity (profile or order snapshot)."""
    return DraftBuyer(
        kind=BuyerKind(identity.kind),
        address=Address(identity.street, identity.postcode, identity.city, identity.province, identity.country),
        name=identity.company_name,
        first_name=identity.first_name,
        last_name=identity.last_name,
        country=identity.country,
        vat_number=identity.vat_number,
        tax_code=identity.tax_code,
        recipient_code=identity.recipient_code,
        pec=identity.pec,
    )


def preview(*, draft: InvoiceDraft, number: str | None, today: date) -> Preview:
    """What would be sent if `draft` were issued now, under `number` or the next free one. Changes nothing."""
    draft = in_series(draft)
    year = draft.date.year
    # those after a document that has its number already are later by nature
    latest = None if number else Invoice.objects.latest_dated(draft.series, year)
    number = number or number_of(draft.series, year, last_number(_counter(draft.series), year) + 1)
    result = first_preview(draft=draft, number=number, today=today, files=last_number(FILES, 0))
    duplicates = Invoice.objects.filter(number=number, issue_date__year=year).exclude(state__in=Invoice.CORRECTABLE)
    linked = find_linked(draft, number=number)
    errors, warnings = list(linked.errors), list(linked.warnings)
    if duplicates.exists():
        errors.append(Violation("00404", "number", gettext("There is an invoice with this number already.")))
    if result.figures and (too_large := _credit_above_left(linked, result.figures.gross, number)):
        errors.append(Violation(too_large.code, "lines", str(too_large)))
    if latest and latest.issue_date > draft.date:
        warnings.append(_out_of_order(latest))
    return replace(result, errors=(*result.errors, *errors), warnings=(*result.warnings, *warnings))


def in_series(draft: InvoiceDraft) -> InvoiceDraft:
    """The draft in the series it is numbered in: a credit note without one has that of INVOICE_CREDIT_NOTE_SERIES."""
    is_at_home = draft.series or draft.document_type != CREDIT_NOTE
    return draft if is_at_home else replace(draft, series=settings.INVOICE_CREDIT_NOTE_SERIES)


def _out_of_order(latest: Invoice) -> Violation:
    message = gettext("%(number)s of the same series is dated %(date)s, later than this document. It keeps its date.")
    day = date_format(latest.issue_date, "SHORT_DATE_FORMAT")
    return Violation("date_order", "date", message % {"number": latest.number, "date": day})


def first_preview(*, draft: InvoiceDraft, number: str | None, today: date, files: int = 0) -> Preview:
    """The same without the database: numbered as the first of its year, in the file after `files` others."""
    transmission = Transmission(settings.SELLER_TAX_CODE, progressive(files + 1))
    draft = in_series(draft)
    number = number or number_of(draft.series, draft.date.year, 1)
    return make_preview(draft, number=number, transmission=transmission, today=today)


@transaction.atomic
def issue_invoice(
    *, draft: InvoiceDraft, customer: User | None, reference: str, language: str, today: date, now: datetime,
    page_key: UUID | None = None,
) -> Invoice:  # fmt: skip
    """Number, freeze and store the document; sending follows by itself. `InvoiceRefusedError` uses no number.

    The number is gap-free within the year of the document's date. The date is the draft's, wherever it lies among the
    others: art. 21, c. 2, lett. b, DPR 633/1972 asks for a number that is unique, SDI for no order of dates, and the
    date decides in which month the VAT is due.

    What it credits or takes the place of lends it its customer and reference, where it has none of its own.

    `page_key` is that of the page whose button issues it; `AlreadyIssuedError` for one that has issued before.
    """
    draft = in_series(draft)
    # locked before the counters: whoever credits one of them by a click does so, too
    linked = find_linked(draft, lock=True)
    about = linked.replaced or next(iter(linked.credited), None)
    if about:
        customer, reference = customer or about.customer, reference or about.reference
    year, counter = draft.date.year, _counter(draft.series)
    numbers = next_numbers({counter: year, FILES: 0})  # from here on everybody else waits: keep it short
    ensure_not_issued(page_key)  # after the lock: of two clicks at once the second sees what the first has issued
    number = number_of(draft.series, year, numbers[counter])
    document = build_document(draft, number=number, file=numbers[FILES], linked=linked, today=today)
    invoice = Invoice.objects.create(
        customer=customer, number=number, series=draft.series, document_type=draft.document_type,
        issue_date=draft.date, reference=reference, language=language, page_key=page_key,
        credited=next(iter(linked.credited), None), replaces=linked.replaced, **snapshot(draft, document.figures),
    )  # fmt: skip
    share_out(invoice, linked, document.figures)
    queue_document(invoice, draft, document, action="issued", actor=customer, now=now)
    return invoice


def ensure_not_issued(page_key: UUID | None) -> None:
    """`AlreadyIssuedError` when there is a document that the page of this key has issued."""
    if page_key and (invoice := Invoice.objects.filter(page_key=page_key).first()):
        raise AlreadyIssuedError(invoice)


def share_out(note: Invoice, linked: LinkedDocuments, figures: Totals) -> None:
    """Write anew what a credit note takes off each invoice it names; of any other document nothing."""
    if not note.is_credit_note:
        return
    note.credits_given.all().delete()
    shares = linked.shares(figures.gross, number=note.number)
    Credit.objects.bulk_create(Credit(note=note, invoice=invoice, amount=share) for invoice, share in shares.items())


def _credit_above_left(linked: LinkedDocuments, gross: Decimal, number: str) -> CreditTooLargeError | None:
    """The refusal of a credit note over more than is left of what it names, if all of that is ours."""
    left = sum(linked.shares(gross, number=number).values(), Decimal(0))
    return CreditTooLargeError(left) if linked.credited and linked.is_complete and gross > left else None


@dataclass(frozen=True)
class BuiltDocument:
    """A document that SDI would take, and the name of its file, which nobody else gets."""

    file_name: str
    xml: bytes
    figures: Totals


def build_document(
    draft: InvoiceDraft, *, number: str, file: int, linked: LinkedDocuments, today: date
) -> BuiltDocument:
    """The document in the `file`th file we make, a number taken from the counter `FILES` in this transaction.

    `InvoiceRefusedError`, or `CreditTooLargeError` above what is left of what it credits.
    """
    transmission = Transmission(settings.SELLER_TAX_CODE, progressive(file))
    result = build_and_check(draft, number=number, transmission=transmission, today=today)
    if result.errors or linked.errors or result.xml is None or result.figures is None:
        raise InvoiceRefusedError([*result.errors, *linked.errors], draft.date)
    if too_large := _credit_above_left(linked, result.figures.gross, number):
        raise too_large
    return BuiltDocument(transmission.file_name, result.xml, result.figures)


def queue_document(
    invoice: Invoice, draft: InvoiceDraft, document: BuiltDocument, *, action: str, actor: User | None, now: datetime,
    text: str = "",
) -> None:  # fmt: skip
    """Keep the file with the draft it was made of, note the step, and send it unless it waits for a signature.

    The address for the copy is no part of the document: it stands on the invoice's row alone, where it can change.
    """
    draft = replace(draft, buyer=replace(draft.buyer, email=""))
    digest = keep_file(
        invoice, file_name=document.file_name, xml=document.xml, draft=to_json(draft), state=_first_state(draft),
        text=text, at=now,
    )  # fmt: skip
    audit.record(action=f"invoice.{action}", target=invoice, actor=actor, sha256=digest)
    if not draft.is_public:
        enqueue(tasks.send_invoice, invoice_id=invoice.pk)


def _first_state(draft: InvoiceDraft) -> "Invoice.State":
    return Invoice.State.TO_SIGN if draft.is_public else Invoice.State.ISSUED


def snapshot(draft: InvoiceDraft, figures: Totals) -> dict[str, Any]:
    """The columns of an invoice that follow from its draft: buyer, sums, and whether it must be signed first."""
    buyer, address = draft.buyer, draft.buyer.address
    return {
        "net_amount": figures.net, "vat_amount": figures.vat, "rounding": figures.rounding,
        "gross_amount": figures.gross,
        "kind": buyer.kind, "company_name": tidy(buyer.name)[:80],
        "first_name": tidy(buyer.first_name)[:60], "last_name": tidy(buyer.last_name)[:60],
        "vat_number": buyer.vat_number[:28], "tax_code": buyer.tax_code[:16],
        "recipient_code": _recipient_code(buyer), "pec": buyer.pec, "copy_email": buyer.email,
        "street": tidy(address.street)[:60], "postcode": address.postcode, "city": tidy(address.city)[:60],
        "province": address.province, "country": address.country,
        "state": _first_state(draft),
    }  # fmt: skip


def _recipient_code(buyer: DraftBuyer) -> str:
    """As it was given, but XXXXXXX where the XML says so: it tells that SDI brings the document to nobody."""
    return ABROAD if route(buyer).recipient_code == ABROAD else buyer.recipient_code[:7]


def number_of(series: str, year: int, sequence: int) -> str:
    """2026/00001, or A/2026/00001 in a series: SDI tells documents apart by this string and the year (00404)."""
    return f"{series}/{year}/{sequence:05d}" if series else f"{year}/{sequence:05d}"


def _counter(series: str) -> str:
    return f"invoice-{series}" if series else "invoice"


def progressive(value: int) -> str:
    """Five characters of base 36, never used twice: the running number of every file we ever made (00002)."""
    digits = ""
    for _position in range(5):
        value, digit = divmod(value, 36)
        digits = _ALPHABET[digit] + digits
    return digits
