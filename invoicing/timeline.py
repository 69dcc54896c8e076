"""An invoice's steps in words for its customer."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from invoicing.models import Invoice, InvoiceEvent


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
    return [_step(invoice, event, file_name) for event in events if event.state != Invoice.State.SENDING]


def _step(invoice: Invoice, event: InvoiceEvent, file_name: str) -> InvoiceStep:
    state = Invoice.State
    issued = _("Invoice %(number)s issued") % {"number": invoice.number}
    words = {
        state.ISSUED: (issued, file_name, "done"),
        state.SENT: (_("Sent to SDI by PEC"), "", "done"),
        state.PEC_ACCEPTED: (_("Accepted by the PEC provider"), "", "done"),
        state.PEC_DELIVERED: (_("Received by the Sistema di Interscambio"), "", "done"),
        state.SEND_FAILED: (_("Sending to be repeated"), _("We take care of it."), "warn"),
        state.DELIVERED: (_("Delivered to you by SDI"), _sdi(invoice), "done"),
        state.MADE_AVAILABLE: (_("In your tax drawer"), _sdi(invoice), "done"),
        state.REJECTED: (_("Rejected by SDI"), _("We correct it within five days; you need not do anything."), "stop"),
    }
    title, text, mark = words.get(state(event.state), (str(state(event.state).label), "", "done"))
    return InvoiceStep(title, text, mark, event.at)


def _sdi(invoice: Invoice) -> str:
    return _("SDI identifier %(number)s") % {"number": invoice.sdi_identifier} if invoice.sdi_identifier else ""
