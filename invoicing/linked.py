"""The documents of ours that a draft names (DatiFattureCollegate, 2.1.6): what it credits, and whose place it takes.

A document that names one that was rejected or refused takes its place (Circ. 13/E 2018, §1.6: a new number and date,
linked to the rejected document); a credit note that names invoices credits them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from invoicing.fatturapa.draft import Buyer, InvoiceDraft, LinkedInvoice
from invoicing.fatturapa.law import CREDIT_NOTE, NOTES
from invoicing.fatturapa.preflight import Violation
from invoicing.models import Invoice

Trouble = tuple[str, str, str]  # code, the part of the link it belongs to, message


@dataclass(frozen=True)
class LinkedDocuments:
    """`credited` in the order in which they are named, `is_complete` unless some are not ours and nobody knows what is
    left of them; `errors` keep the draft from being issued.
    """

    credited: tuple[Invoice, ...] = ()
    replaced: Invoice | None = None
    is_complete: bool = True
    errors: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()

    def shares(self, gross: Decimal, *, number: str) -> dict[Invoice, Decimal]:
        """How much of the credit note `number` over `gross` each invoice takes: all that is left of it, in turn.

        The sum is less than `gross` where the invoices have less left.
        """
        shares: dict[Invoice, Decimal] = {}
        for invoice in self.credited:
            share = min(invoice.creditable_amount(without=number), gross - sum(shares.values()))
            if share > 0:
                shares[invoice] = share
        return shares


def find_linked(draft: InvoiceDraft, *, number: str = "", lock: bool = False) -> LinkedDocuments:
    """What `draft`, which has `number` already when it is corrected, names of ours; locked for whoever issues it."""
    if not draft.linked_invoices:  # nearly all: everybody else waits for a number meanwhile
        return LinkedDocuments()
    rows = Invoice.objects.filter(number__in=[linked.number for linked in draft.linked_invoices]).order_by("pk")
    ours = {invoice.number: invoice for invoice in (rows.select_for_update() if lock else rows)}
    credited: dict[str, Invoice] = {}
    replaced: list[Invoice] = []
    errors: list[Violation] = []
    warnings: list[Violation] = []
    for place, linked in enumerate(draft.linked_invoices, start=1):
        invoice = ours.get(linked.number)
        if invoice and _takes_place(draft, invoice):
            replaced.append(invoice)
        elif invoice and draft.document_type == CREDIT_NOTE:
            credited[invoice.number] = invoice
        troubles = _troubles(draft, linked, invoice, number) if invoice else ()
        errors += [_violation(place, trouble) for trouble in troubles]
        warnings += [_violation(place, trouble) for trouble in _doubts(draft, linked, invoice)]
    errors += _repetitions(draft, replaced)
    is_complete = all(linked.number in ours for linked in draft.linked_invoices)
    return LinkedDocuments(
        tuple(credited.values()), replaced[0] if replaced else None, is_complete, tuple(errors), tuple(warnings)
    )


def lock_with_linked(invoice: Invoice, draft: InvoiceDraft) -> Invoice:
    """The document as it is now, locked together with those its draft names: in one order, as whoever issues does."""
    numbers = [linked.number for linked in draft.linked_invoices]
    rows = Invoice.objects.select_for_update().filter(Q(pk=invoice.pk) | Q(number__in=numbers)).order_by("pk")
    return next(row for row in rows if row.pk == invoice.pk)


def _violation(place: int, trouble: Trouble) -> Violation:
    code, part, message = trouble
    return Violation(code, f"linked_invoices.{place}.{part}" if part != "buyer" else part, message)


def _takes_place(draft: InvoiceDraft, invoice: Invoice) -> bool:
    """Whether the draft would stand instead of `invoice`: a note for a note of its type, any other for any other."""
    is_about_notes = draft.document_type in NOTES or invoice.document_type in NOTES
    is_alike = draft.document_type == invoice.document_type or not is_about_notes
    return is_alike and invoice.state in Invoice.CORRECTABLE


def _troubles(draft: InvoiceDraft, linked: LinkedInvoice, invoice: Invoice, number: str) -> Iterator[Trouble]:
    """Why the draft cannot name `invoice` as it does."""
    replacement = invoice.replacement()
    words = {"number": invoice.number, "other": replacement, "name": invoice.display_name}
    if replacement and replacement.number != number:
        yield "linked_replaced", "number", _("%(other)s has taken the place of %(number)s already.") % words
    elif _takes_place(draft, invoice):
        yield from _troubles_of_replacing(invoice, words)
    elif draft.document_type in NOTES and invoice.state == Invoice.State.REJECTED:
        message = _("SDI has rejected %(number)s: it counts as not issued, correct it instead.")
        yield "linked_rejected", "number", message % words
    elif draft.document_type == CREDIT_NOTE and invoice.is_credit_note:
        message = _("%(number)s is a credit note; only an invoice can be credited.")
        yield "linked_note", "number", message % words
    elif draft.document_type in NOTES and not _is_theirs(draft.buyer, invoice):
        message = _("%(number)s was made out to %(name)s: a note about it goes to the same customer.")
        yield "linked_buyer", "buyer", message % words
    if linked.date and linked.date != invoice.issue_date:
        yield "linked_date", "date", _is_dated(invoice)


def _troubles_of_replacing(invoice: Invoice, words: Mapping[str, object]) -> Iterator[Trouble]:
    if invoice.is_credit_note and invoice.state == Invoice.State.REFUSED:
        message = _("Correct %(number)s under its own number: the office has refused it.")
        yield "linked_refused", "number", message % words
    elif 0 < invoice.credited_amount() < invoice.gross_amount:
        message = _("A part of %(number)s has been credited: credit the rest first.")
        yield "linked_credited", "number", message % words


def _doubts(draft: InvoiceDraft, linked: LinkedInvoice, invoice: Invoice | None) -> Iterator[Trouble]:
    if invoice is None:
        if draft.document_type in NOTES:
            message = _("There is no document %(number)s here: whose it is and what is left of it cannot be checked.")
            yield "linked_unknown", "number", message % {"number": linked.number}
    elif linked.date is None:
        yield "linked_date_missing", "date", _is_dated(invoice)


def _is_dated(invoice: Invoice) -> str:
    day = date_format(invoice.issue_date, "SHORT_DATE_FORMAT")
    return _("%(number)s is dated %(date)s: write this date.") % {"number": invoice.number, "date": day}


def _repetitions(draft: InvoiceDraft, replaced: list[Invoice]) -> Iterator[Violation]:
    numbers = [linked.number for linked in draft.linked_invoices]
    if len(set(numbers)) < len(numbers):
        yield Violation("linked_double", "linked_invoices", _("The same document is named twice."))
    elif len(replaced) > 1:
        message = _("One document takes the place of one other, not of several.")
        yield Violation("linked_several", "linked_invoices", message)


def _is_theirs(buyer: Buyer, invoice: Invoice) -> bool:
    """Whether the buyer is the one of `invoice`: by any identifier both have, by their name where there is none."""
    theirs, those = _identifiers(buyer.vat_number, buyer.tax_code), _identifiers(invoice.vat_number, invoice.tax_code)
    if theirs and those:
        return bool(theirs & those)
    return (buyer.name[:80], buyer.first_name[:60], buyer.last_name[:60]) == (
        invoice.company_name, invoice.first_name, invoice.last_name,
    )  # fmt: skip


def _identifiers(*numbers: str) -> set[str]:
    """Without the zeros that stand for a foreign consumer's number."""
    return {number for number in numbers if number.strip("0")}
