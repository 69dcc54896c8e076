"""The documents of ours that a draft names (DatiFattureCollegate, 2.1.6): what it credits, and whose place it takes.

A document that names one that was rejected or refused takes its place (Circ. 13/E 2018, §1.6: a new number and date,
linked to the rejected document); a credit note that names an invoice credits it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.fatturapa.law import CREDIT_NOTE, NOTES
from invoicing.fatturapa.preflight import Violation
from invoicing.models import Invoice


@dataclass(frozen=True)
class LinkedDocuments:
    """`credited` in the order in which they are named; `errors` keep the draft from being issued."""

    credited: tuple[Invoice, ...] = ()
    replaced: Invoice | None = None
    errors: tuple[Violation, ...] = ()


def find_linked(draft: InvoiceDraft, *, number: str = "", lock: bool = False) -> LinkedDocuments:
    """What `draft`, which has `number` already when it is corrected, names of ours; locked for whoever issues it."""
    numbers = [linked.number for linked in draft.linked_invoices]
    rows = Invoice.objects.filter(number__in=numbers).order_by("pk") if numbers else Invoice.objects.none()
    ours = {invoice.number: invoice for invoice in (rows.select_for_update() if lock else rows)}
    credited: list[Invoice] = []
    replaced: list[Invoice] = []
    errors: list[Violation] = []
    for place, linked in enumerate(draft.linked_invoices, start=1):
        if invoice := ours.pop(linked.number, None):
            if _takes_place(draft, invoice):
                replaced.append(invoice)
            elif draft.document_type == CREDIT_NOTE:
                credited.append(invoice)
            troubles = _troubles(draft, invoice, number, is_second=len(replaced) > 1)
            errors += [Violation(code, f"linked_invoices.{place}.number", message) for code, message in troubles]
    return LinkedDocuments(tuple(credited), replaced[0] if replaced else None, tuple(errors))


def _takes_place(draft: InvoiceDraft, invoice: Invoice) -> bool:
    """Whether the draft would stand instead of `invoice`: a note for a note of its type, any other for any other."""
    if draft.document_type in NOTES or invoice.document_type in NOTES:
        is_alike = draft.document_type == invoice.document_type
    else:
        is_alike = True
    return is_alike and invoice.state in Invoice.CORRECTABLE


def _troubles(draft: InvoiceDraft, invoice: Invoice, number: str, *, is_second: bool) -> Iterator[tuple[str, str]]:
    """Why the draft cannot name `invoice`, as code and message."""
    replacement = invoice.replacement()
    words = {"number": invoice.number, "other": replacement}
    if replacement and replacement.number != number:
        yield "linked_replaced", _("%(other)s has taken the place of %(number)s already.") % words
    elif is_second:
        yield "linked_twice", _("One document takes the place of one other, not of several.")
    elif _takes_place(draft, invoice):
        if invoice.is_credit_note and invoice.state == Invoice.State.REFUSED:
            yield "linked_refused", _("Correct %(number)s under its own number: the office has refused it.") % words
        elif 0 < invoice.credited_amount() < invoice.gross_amount:
            yield "linked_credited", _("A part of %(number)s has been credited: credit the rest first.") % words
    elif draft.document_type in NOTES and invoice.state == Invoice.State.REJECTED:
        yield "linked_rejected", _("SDI has rejected %(number)s: it counts as not issued, correct it instead.") % words
    elif draft.document_type == CREDIT_NOTE and invoice.is_credit_note:
        yield "linked_note", _("%(number)s is a credit note; only an invoice can be credited.") % words
