"""What comes back to the PEC mailbox, applied to the invoices it is about. Every mail is kept, each counts once."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from core.clock import database_now
from core.errors import TransientError
from core.queue import work, work_due
from core.tasks import enqueue
from invoicing import tasks
from invoicing.clients import pec
from invoicing.courtesy_copy import tell_customer
from invoicing.document_store import store
from invoicing.fatturapa.schema import UnreadableXmlError
from invoicing.models import Document, Invoice, InvoiceFile, Mailbox, PecMessage, ReceivedMail, Submission
from invoicing.sdi import in_tray
from invoicing.sdi.alerts import alert_staff
from invoicing.sdi.messages import ForReceiversError, SdiMessage, UnknownMessageError, read_message, read_metadata
from invoicing.sdi.pec_mail import OtherMail, ProviderReceipt, SdiMail, classify, header, parse_mail
from invoicing.sdi.reasons import Reason, describe
from invoicing.sdi.smime import UntrustedError, verify
from invoicing.sdi.suppliers import keep_invoice

logger = logging.getLogger(__name__)

_PROVIDER_STATES = {
    "accettazione": Invoice.State.PEC_ACCEPTED,
    "avvenuta-consegna": Invoice.State.PEC_DELIVERED,
    "non-accettazione": Invoice.State.SEND_FAILED,
    "errore-consegna": Invoice.State.SEND_FAILED,
    "rilevazione-virus": Invoice.State.SEND_FAILED,
}
# The same codes, other meanings: what cannot be delivered waits in a private customer's tax drawer, while SDI goes on
# trying to reach an office.
_PRIVATE_STATES = {
    "RC": Invoice.State.DELIVERED,
    "MC": Invoice.State.MADE_AVAILABLE,
    "NS": Invoice.State.REJECTED,
}
_PUBLIC_STATES = {
    "RC": Invoice.State.DELIVERED,
    "MC": Invoice.State.NOT_DELIVERED,
    "NS": Invoice.State.REJECTED,
    "DT": Invoice.State.EXPIRED,
    "AT": Invoice.State.ATTESTED,
}
# mails marked as read in one command
_MARKED = 200
_OFFICE_SAYS = {"EC01": Invoice.State.ACCEPTED, "EC02": Invoice.State.REFUSED}


def read_mailbox() -> int:
    """Keep what is new in the PEC mailbox, then apply what is kept; returns how many mails were new to this reader.

    What is filed or dealt with is marked as read; staff are told of the rest. Trouble with the mailbox is kept on its
    row; the next round tries again. Two readers at once do no harm.
    """
    mailbox, _created = Mailbox.objects.get_or_create(address=settings.SDI_PEC_EMAIL)
    count, trouble = _attempt(_keep_new, mailbox)
    apply_due()
    if not trouble:
        _count, trouble = _attempt(_mark_filed, mailbox)
    if trouble:
        logger.warning("PEC mailbox not read: %s", trouble)
        in_tray.note_outage(mailbox, error=trouble, now=timezone.now())
    else:
        in_tray.note_reading(mailbox, now=timezone.now())
    in_tray.tell_staff_of_mails(now=timezone.now())
    return count


def _attempt(step: Callable[[Mailbox], int], mailbox: Mailbox) -> tuple[int, str]:
    """How many mails a step with the mailbox worked, and what kept it from it, if anything."""
    try:
        return step(mailbox), ""
    except TransientError as error:
        return 0, str(error)


def _keep_new(mailbox: Mailbox) -> int:
    validity, mails = pec.fetch_since(mailbox.uid_validity, mailbox.last_uid)
    if validity != mailbox.uid_validity:
        Mailbox.objects.filter(pk=mailbox.pk).update(uid_validity=validity, last_uid=0)
    for mail in mails:
        row, _is_new = keep(mail.raw)
        ReceivedMail.objects.filter(pk=row.pk).update(uid=mail.uid, uid_validity=validity, marked_at=None)
        Mailbox.objects.filter(pk=mailbox.pk, uid_validity=validity, last_uid__lt=mail.uid).update(last_uid=mail.uid)
    return len(mails)


def _mark_filed(mailbox: Mailbox) -> int:
    """Mark as read what is nobody's work any more. Marked, then noted: a crash in between marks it once more."""
    mailbox.refresh_from_db(fields=["uid_validity"])
    rows = list(ReceivedMail.objects.to_mark(mailbox.uid_validity).order_by("uid").values_list("pk", "uid")[:_MARKED])
    pec.mark_seen([uid for _pk, uid in rows if uid])
    ReceivedMail.objects.filter(pk__in=[pk for pk, _uid in rows]).update(marked_at=timezone.now())
    return len(rows)


def keep(raw: bytes) -> tuple[ReceivedMail, bool]:
    """The mail's row, known by its bytes, and whether it is new; it waits to be applied."""
    digest = hashlib.sha256(raw).hexdigest()
    return ReceivedMail.objects.get_or_create(sha256=digest, defaults={"content": raw})


def receive(*, raw: bytes) -> tuple[ReceivedMail, bool]:
    """Keep one mail and apply it; its row, and whether it was new. The same bytes a second time change nothing."""
    row, is_new = keep(raw)
    work(ReceivedMail.objects.all(), row.pk, _apply)
    row.refresh_from_db()
    return row, is_new


def apply_due() -> int:
    """Apply what was kept, in the order it came; returns how many mails were tried."""
    return work_due(ReceivedMail.objects.all(), _apply)


@transaction.atomic
def apply_again(*, mail: ReceivedMail) -> bool:
    """A person wants a mail that could not be applied tried once more. False for any other mail."""
    if not ReceivedMail.objects.failed().revive(mail.pk):
        return False
    enqueue(tasks.read_pec_mailbox)
    return True


def _apply(row: ReceivedMail) -> None:
    raw = bytes(row.content)
    message = parse_mail(raw)
    # before anything can fail: whoever looks at a mail that could not be applied sees whose it is
    row.message_id, row.sender = header(message, "Message-ID")[:300], header(message, "From")[:320]
    row.subject = header(message, "Subject")[:300]
    row.save(update_fields=["message_id", "sender", "subject"])
    mail = classify(message)
    if not isinstance(mail, OtherMail):
        mail = _authenticate(raw, message, mail)
    now = database_now()
    with transaction.atomic():
        row.outcome = ReceivedMail.Outcome.FOREIGN
        if isinstance(mail, ProviderReceipt):
            _apply_receipt(row, mail, now)
        elif isinstance(mail, SdiMail):
            _apply_sdi_mail(row, mail, now)
        else:
            _set_aside(row, mail)
        row.save(update_fields=["kind", "outcome", "reason", "invoice"])
        row.finish()


def _authenticate(
    raw: bytes, message: EmailMessage, mail: ProviderReceipt | SdiMail
) -> ProviderReceipt | SdiMail | OtherMail:
    """What was found, if the provider's signature stands behind it; only headers, where no authorities are named."""
    if not settings.SDI_PEC_SIGNER_CA_FILE:
        return mail
    sender = parseaddr(header(message, "From"))[1]
    try:
        with translation.override("en"):  # as all reasons are kept
            verify(raw, sender=sender, authorities=Path(settings.SDI_PEC_SIGNER_CA_FILE))
    except UntrustedError as error:
        return OtherMail(str(error), suspicious=True)
    return mail


def _set_aside(row: ReceivedMail, mail: OtherMail) -> None:
    row.reason = mail.reason[:300]
    if mail.suspicious:
        row.outcome = ReceivedMail.Outcome.QUARANTINED
        logger.warning("PEC mail %s not trusted: %s", row.sha256[:12], mail.reason)


def _apply_receipt(row: ReceivedMail, receipt: ProviderReceipt, now: datetime) -> None:
    row.kind = receipt.kind[:40]
    sent = PecMessage.objects.filter(message_id=receipt.about).select_related("file").first()
    if sent is None:
        row.outcome, row.reason = (
            ReceivedMail.Outcome.UNMATCHED,
            describe(Reason.NO_SUCH_MESSAGE, message_id=receipt.about),
        )
        return
    invoice = Invoice.objects.select_for_update().get(pk=sent.file.invoice_id)
    row.outcome, row.invoice = ReceivedMail.Outcome.APPLIED, invoice
    if sent.state == PecMessage.State.UNCERTAIN:
        Submission.objects.settle(sent.file.submission.pk)
    if sent.state != PecMessage.State.SENT:  # whatever we thought of this sending, the provider had it
        sent.mark(PecMessage.State.SENT)
    state = _PROVIDER_STATES.get(receipt.kind)
    if state is None:
        row.reason = Reason.CHANGES_NOTHING
        return
    document = store(Document.Kind.PEC_RECEIPT, f"{receipt.kind}.eml", "message/rfc822", bytes(row.content))
    failed = state == Invoice.State.SEND_FAILED
    text = receipt.detail if failed else ""
    if _is_past(sent, invoice, failed=failed):
        invoice.events.create(at=now, state=state, text=text, document=document)
    elif invoice.advance(state, now=now, text=text, document=document) and failed:
        alert_staff(invoice=invoice, reason="send_failed", text=text)


def _is_past(sent: PecMessage, invoice: Invoice, *, failed: bool) -> bool:
    """About a file that has been replaced, or the failure of a sending that has been repeated."""
    file = invoice.current_file()
    return sent.file_id != file.pk or (failed and file.messages.filter(pk__gt=sent.pk).exists())


def _apply_sdi_mail(row: ReceivedMail, mail: SdiMail, now: datetime) -> None:
    if mail.new_address:
        Mailbox.objects.filter(address=settings.SDI_PEC_EMAIL).update(sdi_address=mail.new_address)
    try:
        with translation.override("en"):  # as all reasons are kept
            message = read_message(mail.content)
    except ForReceiversError as error:
        metadata = read_metadata(mail.content)
        if metadata is None:
            row.reason = str(error)[:300]
        else:
            keep_invoice(row, mail, metadata)
        return
    except (UnreadableXmlError, UnknownMessageError) as error:
        row.outcome, row.reason = ReceivedMail.Outcome.QUARANTINED, str(error)[:300]
        return
    row.kind = message.kind
    file = _find_file(message.file_name)
    if file is None:
        row.outcome, row.reason = ReceivedMail.Outcome.UNMATCHED, describe(Reason.NO_SUCH_FILE, name=message.file_name)
    elif message.file_hash and message.file_hash != file.sent.sha256:
        row.outcome, row.reason = ReceivedMail.Outcome.QUARANTINED, Reason.OTHER_FILE
    else:
        _apply_sdi_message(row, mail, message, file, now)


def _apply_sdi_message(row: ReceivedMail, mail: SdiMail, message: SdiMessage, file: InvoiceFile, now: datetime) -> None:
    invoice = Invoice.objects.select_for_update().get(pk=file.invoice_id)
    row.outcome, row.invoice = ReceivedMail.Outcome.APPLIED, invoice
    if invoice.events.filter(document__sha256=hashlib.sha256(mail.content).hexdigest()).exists():
        row.reason = Reason.REPEATED_MESSAGE
        return
    document = store(Document.Kind.SDI_MESSAGE, mail.file_name, "application/xml", mail.content)
    state = _state_of(message)
    if file.pk != invoice.current_file().pk:
        # about a file that has been replaced since: part of the story, but not of the present
        invoice.events.create(at=now, state=state, text=_words(message), document=document)
        return
    if message.identifier:
        invoice.sdi_identifier = message.identifier
        invoice.save(update_fields=["sdi_identifier"])
    had_answer = invoice.state in Invoice.ANSWERS
    sent_at = _sent_at(mail, message, now)
    if not invoice.advance(state, now=now, text=_words(message), document=document, answered_at=sent_at):
        return
    # whichever of its messages comes first
    if state in Invoice.TAKEN and not had_answer:
        tell_customer(invoice=invoice)
    if state in Invoice.CORRECTABLE:
        is_late = invoice.correct_until is not None and invoice.correct_until < now
        alert_staff(invoice=invoice, reason="rejected_late" if is_late else str(state), text=_words(message))


def _sent_at(mail: SdiMail, message: SdiMessage, now: datetime) -> datetime:
    """When SDI wrote its message, which is when its terms begin, however late it is read (Circ. 13/E 2018, §1.6).

    No message says it in a field of its own: it is the earliest of its signature and of the dates of its mail, so that
    nobody is late who keeps to it; not before SDI had the file, and not in the future.
    """
    dates = [date for date in (message.signed_at, *mail.dates) if date and date <= now]
    earliest = min(dates, default=now)
    return min(max(earliest, message.received_at or earliest), now)


def _state_of(message: SdiMessage) -> "Invoice.State":
    if message.kind == "NE":
        return _OFFICE_SAYS.get(message.outcome, Invoice.State.DELIVERED)
    return (_PUBLIC_STATES if message.is_public else _PRIVATE_STATES)[message.kind]


def _find_file(name: str) -> InvoiceFile | None:
    """The file SDI speaks of: signed ones carry .p7m, and some messages leave IT or the ending out (OCA #4795)."""
    stem = name.removesuffix(".p7m").removesuffix(".xml")
    names = [f"{stem}.xml", f"IT{stem}.xml"]
    return InvoiceFile.objects.filter(file_name__in=names).select_related("xml", "signed").first()


def _words(message: SdiMessage) -> str:
    """SDI's own words: what a person needs to correct the document."""
    lines = [" ".join(part for part in (e.code, e.description, e.hint) if part) for e in message.errors]
    return "\n".join([*lines, message.note]).strip()
