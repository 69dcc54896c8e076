"""Putting right: a rejected document under its own number within five days, or by another in its place; one that an
office refused likewise, without a term; any other by a credit note.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

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
from invoicing.linked import find_linked, lock_with_linked
from invoicing.models import Invoice
from invoicing.services import (
    FILES,
    CreditTooLargeError,
    build_document,
    draft_defaults,
    ensure_not_issued,
    issue_invoice,
    queue_document,
    seller_from_settings,
    share_out,
    snapshot,
)


class CannotCorrectError(DomainError):
    """The document stands, or what came after it stands in the way."""

    code = "cannot_correct"


class CannotReplaceError(DomainError):
    """No other document can take this one's place."""

    code = "cannot_replace"


class CannotCreditError(DomainError):
    """There is nothing to credit."""

    code = "cannot_credit"


def draft_of(invoice: Invoice) -> InvoiceDraft:
    """The draft that the current file was made of, with the address that the copy goes to now."""
    draft = from_json(invoice.current_file().draft, **draft_defaults(invoice.issue_date))
    return replace(draft, buyer=replace(draft.buyer, email=invoice.copy_email))


@transaction.atomic
def correct_invoice(*, invoice: Invoice, draft: InvoiceDraft, actor: User, today: date, now: datetime) -> None:
    """Write a rejected or refused document anew under its number and date, in a file of another name, and send it.

    The old file and everything said of it stay. `CannotCorrectError` when five days have gone since SDI's rejection
    (Circ. 13/E 2018, §1.6): then a new document that names the old one is due. An office's refusal sets no term; what
    was credited or replaced since is not written anew.
    """
    locked = lock_with_linked(invoice, draft)  # before the counter of files, as whoever credits the same invoice does
    if obstacle := correction_obstacle(locked, now=now):
        raise obstacle
    if (draft.document_type, draft.series, draft.date) != (locked.document_type, locked.series, locked.issue_date):
        raise CannotCorrectError(_("Type, series and date stay what they were."))
    linked = find_linked(draft, number=locked.number)
    file = next_number(FILES, 0)
    document = build_document(draft, number=locked.number, file=file, linked=linked, today=today)
    # in one statement: the trigger lets a rejected row change only while it is put back to its beginning
    Invoice.objects.filter(pk=locked.pk).update(
        **snapshot(draft, document.figures), rejected_at=None, alerted_at=None, sdi_identifier=""
    )
    share_out(locked, linked, document.figures)
    queue_document(locked, draft, document, action="corrected", actor=actor, now=now, text=str(_("Corrected")))


def correction_obstacle(invoice: Invoice, *, now: datetime) -> CannotCorrectError | None:
    """Why a document cannot be written anew under its number; None when it can."""
    if invoice.state not in Invoice.CORRECTABLE:
        return CannotCorrectError(_("Only a document that was rejected or refused can be corrected; this one stands."))
    if replacement := invoice.replacement():
        message = _("%(number)s has taken its place, which can be corrected instead.") % {"number": replacement}
        return CannotCorrectError(message)
    if invoice.state == Invoice.State.REFUSED:
        credited = _("It has been credited: issue a new document for what is still owed.")
        return CannotCorrectError(credited) if invoice.credited_amount() else None
    if invoice.correct_until is None or now > invoice.correct_until:
        late = _("The five days are over. Issue a new document that names this one.")
        return CannotCorrectError(late, code="correction_too_late")
    return None


def can_be_replaced(invoice: Invoice) -> bool:
    """Whether another document may take this one's place: SDI rejected it, or the office refused it.

    A refused one is credited in whole or not at all; a refused credit note keeps its number when it is put right.
    """
    if invoice.state not in Invoice.CORRECTABLE or invoice.replacement():
        return False
    if invoice.state == Invoice.State.REJECTED:
        return True
    return not invoice.is_credit_note and invoice.credited_amount() in (0, invoice.gross_amount)


def replacement_draft(*, invoice: Invoice, today: date) -> InvoiceDraft:
    """The draft of a new document in the place of one that was rejected or refused, dated today, which names it.

    Number and date are new and the link to the old ones is kept, as Circ. 13/E 2018, §1.6, has it. `CannotReplaceError`
    for a document that stands.
    """
    if not can_be_replaced(invoice):
        raise CannotReplaceError(_("No document can take the place of this one."))
    original = draft_of(invoice)
    links, notes = original.linked_invoices, original.notes
    if earlier := invoice.replaces:  # whose place this one took is its story, not the new one's
        links = tuple(linked for linked in links if linked.number != earlier.number)
        notes = notes.removeprefix(_taking_place_of(earlier))
    return replace(
        original, date=today, seller=seller_from_settings(),
        linked_invoices=(*links, LinkedInvoice(invoice.number, invoice.issue_date)),
        notes=f"{_taking_place_of(invoice)} {notes.strip()}".strip(),
    )  # fmt: skip


def _taking_place_of(invoice: Invoice) -> str:
    """The sentence by which a new document says whose place it takes."""
    who = (
        "scartata dal Sistema di Interscambio" if invoice.state == Invoice.State.REJECTED else "rifiutata dall'ufficio"
    )
    kind = "nota di credito" if invoice.is_credit_note else "fattura"
    return f"Sostituisce la {kind} {invoice.number} del {invoice.issue_date:%d/%m/%Y}, {who}."


def can_be_credited(invoice: Invoice) -> bool:
    """Whether the document stands, may have left the house, and something is left of it."""
    return stands_for_credit(invoice) and invoice.state != Invoice.State.TO_SIGN and invoice.creditable_amount() > 0


def stands_for_credit(invoice: Invoice) -> bool:
    """Whether it is an invoice that counts as issued, of which something may be given back."""
    return not invoice.is_credit_note and invoice.stands()


def credit_note_draft(*, invoice: Invoice, amount: Decimal | None, reason: str, today: date) -> InvoiceDraft:
    """The draft of a credit note on `invoice`: all that is left of it, or `amount` with VAT, shared out over its rates.

    `CannotCreditError` for a document that does not stand, `CreditTooLargeError` above what is left.
    """
    if not stands_for_credit(invoice):
        raise CannotCreditError(_("Only an invoice that stands can be credited."))
    left = invoice.creditable_amount()
    if amount is not None and amount <= 0:
        raise CannotCreditError(_("The amount must be above zero."))
    if left <= 0 or (amount or left) > left:
        raise CreditTooLargeError(left)
    amount = amount or left
    original = draft_of(invoice)
    label = f"Storno della fattura {invoice.number} del {invoice.issue_date:%d/%m/%Y}"
    values = {
        "document_type": CREDIT_NOTE,
        "date": today,
        "series": settings.INVOICE_CREDIT_NOTE_SERIES,
        "seller": seller_from_settings(),
        "payments": (),
        "notes": f"{label}. {reason}".strip().rstrip("."),
        "linked_invoices": (LinkedInvoice(invoice.number, invoice.issue_date),),
    }
    if amount != invoice.gross_amount:
        lines = _partial_lines(label, _left_by_rate(invoice, original), amount)
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
    shown: str | None = None, page_key: UUID | None = None,
) -> Invoice:  # fmt: skip
    """Credit all that is left of `invoice` (`amount` None) or a part (VAT included); the note goes to SDI by itself.

    `shown` describes the note that a person agreed to (`fatturapa.confirmation`); `NotAsShownError` for another one.
    `page_key` is that of the page with the button; `AlreadyIssuedError` for one that has issued before.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    ensure_not_issued(page_key)  # before what is left of the invoice, which the first of two clicks has taken
    draft = credit_note_draft(invoice=locked, amount=amount, reason=reason, today=today)
    if shown is not None:
        confirmation.ensure_as_shown(draft, shown)
    note = issue_invoice(
        draft=draft, customer=locked.customer, reference=locked.reference, language=locked.language, today=today,
        now=now, page_key=page_key,
    )  # fmt: skip
    audit.record(action="invoice.credited", target=locked, actor=actor, credit_note=note.number)
    return note


def _left_by_rate(invoice: Invoice, original: InvoiceDraft) -> tuple[Summary, ...]:
    """What earlier credit notes have left of each rate and Natura; a note on several invoices counts in its share."""
    summaries = compute_totals(original).summaries
    credited: dict[tuple[Decimal, str], tuple[Decimal, Decimal]] = {}
    for credit in invoice.credits_received.exclude(note__state=Invoice.State.REJECTED).select_related("note"):
        share = credit.amount / credit.note.gross_amount
        for block in compute_totals(draft_of(credit.note)).summaries:
            net, vat = credited.get((block.vat_rate, block.nature), (Decimal(0), Decimal(0)))
            credited[block.vat_rate, block.nature] = net + share * block.net, vat + share * block.vat
    left = []
    for block in summaries:
        net, vat = credited.get((block.vat_rate, block.nature), (Decimal(0), Decimal(0)))
        left.append(replace(block, net=max(block.net - net, Decimal(0)), vat=max(block.vat - vat, Decimal(0))))
    # notes by hand may have other rates than the invoice: then by its own
    return tuple(left) if sum(block.net for block in left) > 0 else summaries


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
