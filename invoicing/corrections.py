"""Putting right: a rejected document under its own number within five days, any other by a credit note."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import audit
from core.errors import DomainError
from core.numbering import next_number
from invoicing.fatturapa import confirmation
from invoicing.fatturapa.draft import InvoiceDraft, Line, LinkedInvoice
from invoicing.fatturapa.draft_json import from_json
from invoicing.fatturapa.law import CREDIT_NOTE
from invoicing.fatturapa.totals import Summary, apportion, compute_totals
from invoicing.models import Invoice
from invoicing.services import (
    FILES,
    CreditTooLargeError,
    build_document,
    draft_defaults,
    issue_invoice,
    queue_document,
    seller_from_settings,
    snapshot,
)


class CannotCorrectError(DomainError):
    """The document stands, or the days to correct it are over."""

    code = "cannot_correct"


class CannotCreditError(DomainError):
    """There is nothing to credit."""

    code = "cannot_credit"


def draft_of(invoice: Invoice) -> InvoiceDraft:
    """The draft that the current file was made of."""
    return from_json(invoice.current_file().draft, **draft_defaults(invoice.issue_date))


@transaction.atomic
def correct_invoice(*, invoice: Invoice, draft: InvoiceDraft, actor: User, today: date, now: datetime) -> None:
    """Write a rejected document anew under the same number and date, in a file of another name, and send it.

    The old file and everything said of it stay. `CannotCorrectError` after five days (Circ. 13/E 2018): then a new
    document that names the old one is due.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.state not in Invoice.CORRECTABLE:
        raise CannotCorrectError(_("Only a document that was rejected can be corrected; this one stands."))
    if locked.correct_until is None or now > locked.correct_until:
        late = _("The five days are over. Issue a new document that names this one.")
        raise CannotCorrectError(late, code="correction_too_late")
    if (draft.document_type, draft.series, draft.date) != (locked.document_type, locked.series, locked.issue_date):
        raise CannotCorrectError(_("Type, series and date stay what they were."))
    # locked before the counter of files, as whoever credits the same invoice takes them
    credited = Invoice.objects.select_for_update().get(pk=locked.credited_id) if locked.credited_id else None
    file = next_number(FILES, 0)
    document = build_document(draft, number=locked.number, file=file, credited=credited, today=today)
    # in one statement: the trigger lets a rejected row change only while it is put back to its beginning
    Invoice.objects.filter(pk=locked.pk).update(
        **snapshot(draft, document.figures), rejected_at=None, alerted_at=None, sdi_identifier=""
    )
    queue_document(locked, draft, document, action="corrected", actor=actor, now=now, text=str(_("Corrected")))


def can_be_credited(invoice: Invoice) -> bool:
    """Whether the document stands, may have left the house, and something is left of it."""
    return _stands(invoice) and invoice.state != Invoice.State.TO_SIGN and invoice.creditable_amount() > 0


def _stands(invoice: Invoice) -> bool:
    return not invoice.is_credit_note and invoice.state not in Invoice.CORRECTABLE


def credit_note_draft(*, invoice: Invoice, amount: Decimal | None, reason: str, today: date) -> InvoiceDraft:
    """The draft of a credit note on `invoice`: all of it, or `amount` with VAT, shared out over its rates.

    `CannotCreditError` for a document that does not stand, `CreditTooLargeError` above what is left.
    """
    if not _stands(invoice):
        raise CannotCreditError(_("Only an invoice that stands can be credited."))
    left = invoice.creditable_amount()
    if amount is not None and amount <= 0:
        raise CannotCreditError(_("The amount must be above zero."))
    if left <= 0 or (amount or invoice.gross_amount) > left:
        raise CreditTooLargeError(left)
    original = draft_of(invoice)
    label = f"Storno della fattura {invoice.number} del {invoice.issue_date:%d/%m/%Y}"
    is_whole = amount is None or amount == invoice.gross_amount
    values = {
        "document_type": CREDIT_NOTE,
        "date": today,
        "series": settings.INVOICE_CREDIT_NOTE_SERIES,
        "seller": seller_from_settings(),
        "payments": (),
        "notes": f"{label}. {reason}".strip().rstrip("."),
        "linked_invoices": (LinkedInvoice(invoice.number, invoice.issue_date),),
    }
    if not is_whole:
        lines = _partial_lines(label, compute_totals(original).summaries, amount or Decimal(0))
        # a stamp duty the customer paid is among the lines, in its share
        stamp_duty = replace(original.stamp_duty, charge_to_customer=False)
        values |= {
            "lines": lines, "discount": None, "withholding": None, "pension_fund": None, "stamp_duty": stamp_duty,
        }  # fmt: skip
    fields = {name: getattr(original, name) for name in original.__dataclass_fields__}
    return InvoiceDraft(**{**fields, **values})


@transaction.atomic
def issue_credit_note(
    *, invoice: Invoice, amount: Decimal | None, reason: str, actor: User | None, today: date, now: datetime,
    shown: str | None = None,
) -> Invoice:  # fmt: skip
    """Credit `invoice` in whole (`amount` None) or in part (VAT included); the note goes to SDI by itself.

    `shown` describes the note that a person agreed to (`fatturapa.confirmation`); `NotAsShownError` for another one.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)  # two clicks must not credit twice
    draft = credit_note_draft(invoice=locked, amount=amount, reason=reason, today=today)
    if shown is not None:
        confirmation.ensure_as_shown(draft, shown)
    note = issue_invoice(
        draft=draft, customer=locked.customer, reference=locked.reference, language=locked.language, today=today,
        now=now,
    )  # fmt: skip
    audit.record(action="invoice.credited", target=locked, actor=actor, credit_note=note.number)
    return note


def _partial_lines(label: str, summaries: tuple[Summary, ...], amount: Decimal) -> tuple[Line, ...]:
    """One line per rate and Natura whose sum with VAT is `amount` to the cent."""
    whole = sum((summary.net + summary.vat for summary in summaries), Decimal(0))
    exact = [amount * (summary.net + summary.vat) / whole for summary in summaries]
    shares = apportion(amount, exact)
    return tuple(
        Line(label, Decimal(1), None, summary.vat_rate, nature=summary.nature, gross_unit_price=share)
        for summary, share in zip(summaries, shares, strict=True)
        if share
    )
