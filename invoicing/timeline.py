"""An invoice's steps in words for its customer."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.web.notices import Notice
from invoicing.models import Invoice, InvoiceEvent, Submission
from notifications.models import Mail


@dataclass(frozen=True)
class InvoiceStep:
    """One line; `mark` is done, now, warn or stop."""

    title: str
    text: str
    mark: str
    at: datetime


def invoice_steps(invoice: Invoice) -> list[InvoiceStep]:
    """The steps so far, oldest first, without the ones that only machines care about."""
    events = invoice.events.select_related("document").order_by("at", "pk")
    file_name = invoice.current_file().file_name
    steps = [_step(invoice, event, file_name) for event in events if event.state != Invoice.State.SENDING]
    return sorted([*steps, *map(_copy_step, copies_of(invoice))], key=lambda step: step.at)


def copies_of(invoice: Invoice) -> QuerySet[Mail]:
    """The mails that bring the copy, oldest first; only with what tells how they went."""
    mails = Mail.objects.filter(invoice_copy__invoice=invoice).order_by("pk")
    return mails.only("to_email", "state", "created_at", "sent_at")


def _copy_step(mail: Mail) -> InvoiceStep:
    if mail.sent_at:
        return InvoiceStep(
            _("Copy sent by mail"), _("To %(address)s") % {"address": mail.to_email}, "done", mail.sent_at
        )
    if mail.state == Mail.State.FAILED:
        text = _("The mail to %(address)s did not leave; the copy can be downloaded here.")
        title = _("Copy not sent by mail")
        return InvoiceStep(title, text % {"address": mail.to_email}, "warn", mail.created_at)
    text = _("To %(address)s; the mail has not left yet.") % {"address": mail.to_email}
    return InvoiceStep(_("Copy to be sent by mail"), text, "now", mail.created_at)


def _step(invoice: Invoice, event: InvoiceEvent, file_name: str) -> InvoiceStep:
    state = Invoice.State
    issued = _("Credit note %(number)s issued") if invoice.is_credit_note else _("Invoice %(number)s issued")
    issued %= {"number": invoice.number}
    is_rejected = invoice.state == state.REJECTED
    words = {
        state.ISSUED: (issued, file_name, "done"),
        state.SENT: (_("Sent to SDI by PEC"), "", "done"),
        state.PEC_ACCEPTED: (_("Accepted by the PEC provider"), "", "done"),
        state.PEC_DELIVERED: (_("Received by the Sistema di Interscambio"), "", "done"),
        state.SEND_FAILED: (_("Sending to be repeated"), _("We take care of it."), "warn"),
        state.DELIVERED: (_("Delivered to you by SDI"), _sdi(invoice), "done"),
        state.MADE_AVAILABLE: (_("In your tax drawer"), _sdi(invoice), "done"),
        state.REJECTED: (_("Rejected by SDI"), _after_rejection(invoice) if is_rejected else "", "stop"),
        state.TO_SIGN: (issued, _("It is signed before it leaves."), "now"),
        state.NOT_DELIVERED: (_("Not delivered yet"), _("SDI keeps trying to reach the office."), "warn"),
        state.ACCEPTED: (_("Accepted by the office"), event.text, "done"),
        state.REFUSED: (_("Refused by the office"), event.text, "stop"),
        state.EXPIRED: (_("Received by the office"), _("It has not answered within its term of 15 days."), "done"),
        state.ATTESTED: (_("Issued, not delivered"), _("SDI attests that the office could not be reached."), "warn"),
    }
    if invoice.is_abroad:
        text = _("%(identifier)s. SDI delivers nothing to customers abroad.") % {"identifier": _sdi(invoice)}
        words |= dict.fromkeys(map(state, Invoice.FILED_ABROAD), (_("Taken by SDI"), text.removeprefix(". "), "done"))
    title, text, mark = words.get(state(event.state), (str(state(event.state).label), "", "done"))
    return InvoiceStep(title, text, mark, event.at)


def _sdi(invoice: Invoice) -> str:
    return _("SDI identifier %(number)s") % {"number": invoice.sdi_identifier} if invoice.sdi_identifier else ""


def _after_rejection(invoice: Invoice) -> str:
    """What a customer is told to expect, which is no correction once the days for it are over."""
    if replacement := invoice.rejected_at and invoice.replacement():
        return _("Invoice %(number)s has taken its place.") % {"number": replacement}
    if invoice.correct_until and invoice.correct_until < timezone.now():
        return _("We issue another one in its place; you need not do anything.")
    return _("We correct it within five days; you need not do anything.")


def next_action(invoice: Invoice) -> str:
    """What is to be done about an invoice, in one sentence for staff."""
    state = Invoice.State
    has_retry = Submission.objects.waiting().filter(file__invoice=invoice).exists()
    if invoice.state in Invoice.CORRECTABLE:
        return _way_out(invoice)
    words = {
        state.TO_SIGN: _("Download the XML, sign it and upload the .p7m."),
        state.SEND_FAILED: _("It is tried again by itself.") if has_retry else _("Send it again."),
        state.ATTESTED: _("Deliver it to the office by other means."),
        state.NOT_DELIVERED: _("SDI keeps trying for up to ten days."),
    }
    if invoice.state == state.MADE_AVAILABLE or (invoice.is_abroad and invoice.state == state.DELIVERED):
        return _next_of_copy(invoice)
    waiting = (
        _("Wait for the answer.") if invoice.state in (*Invoice.WAITING, state.ISSUED, state.SENDING) else _("None.")
    )
    return words.get(state(invoice.state), waiting)


def _next_of_copy(invoice: Invoice) -> str:
    """What staff do so that a customer whom SDI brought nothing has the copy: as its last mail tells."""
    where = (
        _("SDI delivers nothing to customers abroad.")
        if invoice.is_abroad
        else _("The original is in the customer’s tax drawer.")
    )
    copy = invoice.copies.select_related("mail").order_by("-pk").first()
    mail = copy.mail if copy else None
    if mail and mail.sent_at:
        at = date_format(timezone.localtime(mail.sent_at), "DATETIME_FORMAT")
        step = _("The copy left by mail to %(address)s on %(at)s.") % {"address": mail.to_email, "at": at}
    elif mail and mail.state == Mail.State.FAILED:
        step = _("The mail to %(address)s did not leave: send the copy again, or hand it over by other means.")
        step %= {"address": mail.to_email}
    elif mail:
        step = _("The mail with the copy to %(address)s has not left yet.") % {"address": mail.to_email}
    elif copy:
        step = _("The mail with the copy was deleted with the customer’s account.")
    else:
        step = _("No copy has left: send it by mail, or hand it over by other means.")
    return f"{step} {where}"


def _way_out(invoice: Invoice) -> str:
    """What can be done about a document that was rejected or refused."""
    if replacement := invoice.replacement():
        return _("%(number)s has taken its place.") % {"number": replacement}
    return _after_refusal(invoice) if invoice.state == Invoice.State.REFUSED else _within_term(invoice)


def _within_term(invoice: Invoice) -> str:
    if invoice.correct_until is None or invoice.correct_until < timezone.now():
        return _("The five days to correct it are over: issue another document in its place.")
    until = date_format(timezone.localtime(invoice.correct_until), "DATETIME_FORMAT")
    return _("Correct it by %(until)s.") % {"until": until}


def _after_refusal(invoice: Invoice) -> str:
    if invoice.is_credit_note:
        return _("Correct it: it keeps its number.")
    credited = invoice.credited_amount()
    if credited and credited >= invoice.gross_amount:
        return _("It has been credited.")
    if credited:
        return _("Credit the rest of it.")
    return _("Correct it, credit it, or issue another document in its place.")


def invoice_notice(invoice: Invoice) -> Notice | None:
    """What its customer is told first: answers of SDI after which the original is not where it was sent."""
    if invoice.is_abroad and invoice.state in Invoice.FILED_ABROAD:
        text = _("It delivers nothing to customers abroad: the copy for you is here.")
        return Notice("done", _("SDI has taken the invoice."), text)
    if invoice.state == Invoice.State.MADE_AVAILABLE:
        text = _(
            "SDI could not deliver it to your address: you find the original in the cassetto fiscale of the "
            "Agenzia delle Entrate, and the courtesy copy here."
        )
        return Notice("warn", _("The original is in your tax drawer."), text)
    if invoice.state == Invoice.State.REJECTED:
        return Notice("stop", _("SDI has rejected this invoice."), _after_rejection(invoice))
    return None
