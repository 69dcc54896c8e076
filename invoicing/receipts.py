"""What comes back to the PEC mailbox, applied to the invoices it is about. Every mail is kept, each counts once."""

import hashlib
import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from core.errors import TransientError
from invoicing.clients import pec
from invoicing.models import Document, Invoice, InvoiceFile, Mailbox, PecMessage, ReceivedMail
from invoicing.pec_mail import OtherMail, ProviderReceipt, SdiMail, classify, parse_mail
from invoicing.schema import UnreadableXmlError
from invoicing.sdi_messages import SdiMessage, UnknownMessageError, read_message
from invoicing.services import store, tell_customer

logger = logging.getLogger(__name__)

_PROVIDER_STATES = {
    "accettazione": Invoice.State.PEC_ACCEPTED,
    "avvenuta-consegna": Invoice.State.PEC_DELIVERED,
    "non-accettazione": Invoice.State.SEND_FAILED,
    "errore-consegna": Invoice.State.SEND_FAILED,
    "rilevazione-virus": Invoice.State.SEND_FAILED,
}
_SDI_STATES = {
    "RC": Invoice.State.DELIVERED,
    "MC": Invoice.State.MADE_AVAILABLE,
    "NS": Invoice.State.REJECTED,
}


def read_mailbox(*, now: datetime) -> int:
    """Fetch and apply what is new in the PEC mailbox; returns how many mails. Two readers at once do no harm.

    Trouble is kept on the mailbox's row for staff to see; the next round tries again.
    """
    mailbox, _created = Mailbox.objects.get_or_create(address=settings.SDI_PEC_EMAIL)
    try:
        validity, mails = pec.fetch_since(mailbox.uid_validity, mailbox.last_uid)
    except TransientError as error:
        Mailbox.objects.filter(pk=mailbox.pk).update(last_error=str(error))
        logger.warning("PEC mailbox not read: %s", error)
        return 0
    if validity != mailbox.uid_validity:
        Mailbox.objects.filter(pk=mailbox.pk).update(uid_validity=validity, last_uid=0)
    for mail in mails:
        receive(raw=mail.raw, now=now)
        Mailbox.objects.filter(pk=mailbox.pk, uid_validity=validity, last_uid__lt=mail.uid).update(last_uid=mail.uid)
    Mailbox.objects.filter(pk=mailbox.pk).update(read_at=now, last_error="")
    pec.mark_seen([mail.uid for mail in mails])
    return len(mails)


@transaction.atomic
def receive(*, raw: bytes, now: datetime) -> ReceivedMail:
    """Keep one mail and apply it. The same bytes a second time change nothing and give the first row back."""
    digest = hashlib.sha256(raw).hexdigest()
    message = parse_mail(raw)
    row, created = ReceivedMail.objects.get_or_create(
        sha256=digest,
        defaults={
            "content": raw,
            "message_id": str(message.get("Message-ID", ""))[:300],
            "sender": str(message.get("From", ""))[:320],
            "subject": str(message.get("Subject", ""))[:300],
            "outcome": ReceivedMail.Outcome.FOREIGN,
        },
    )
    if not created:
        return row
    found = classify(message)
    if isinstance(found, ProviderReceipt):
        _apply_receipt(row, found, now)
    elif isinstance(found, SdiMail):
        _apply_sdi_mail(row, found, now)
    else:
        _set_aside(row, found)
    row.save()
    return row


def _set_aside(row: ReceivedMail, found: OtherMail) -> None:
    row.reason = found.reason[:300]
    if found.suspicious:
        row.outcome = ReceivedMail.Outcome.QUARANTINED
        logger.warning("PEC mail %s not trusted: %s", row.sha256[:12], found.reason)


def _apply_receipt(row: ReceivedMail, receipt: ProviderReceipt, now: datetime) -> None:
    row.kind = receipt.kind[:40]
    sent = PecMessage.objects.filter(message_id=receipt.about).select_related("file").first()
    if sent is None:
        row.outcome, row.reason = ReceivedMail.Outcome.UNMATCHED, f"no message of ours is {receipt.about}"[:300]
        return
    invoice = Invoice.objects.select_for_update().get(pk=sent.file.invoice_id)
    row.outcome, row.invoice = ReceivedMail.Outcome.APPLIED, invoice
    if sent.state != PecMessage.State.SENT:  # whatever we thought of this sending, the provider had it
        sent.state = PecMessage.State.SENT
        sent.save(update_fields=["state"])
    state = _PROVIDER_STATES.get(receipt.kind)
    if state is None:
        row.reason = "noted, changes nothing"
        return
    document = store(Document.Kind.PEC_RECEIPT, f"{receipt.kind}.eml", "message/rfc822", bytes(row.content))
    failed = state == Invoice.State.SEND_FAILED
    invoice.advance(state, now=now, text=receipt.detail if failed else "", document=document)


def _apply_sdi_mail(row: ReceivedMail, mail: SdiMail, now: datetime) -> None:
    if mail.new_address:
        Mailbox.objects.filter(address=settings.SDI_PEC_EMAIL).update(sdi_address=mail.new_address)
    try:
        message = read_message(mail.content)
    except (UnreadableXmlError, UnknownMessageError) as error:
        row.outcome, row.reason = ReceivedMail.Outcome.QUARANTINED, str(error)[:300]
        return
    row.kind = message.kind
    file = InvoiceFile.objects.filter(file_name=message.file_name).select_related("xml").first()
    if file is None:
        row.outcome, row.reason = ReceivedMail.Outcome.UNMATCHED, f"no file of ours is {message.file_name}"[:300]
    elif message.file_hash and message.file_hash != file.xml.sha256:
        row.outcome, row.reason = ReceivedMail.Outcome.QUARANTINED, "the hash is not that of the file we sent"
    else:
        _apply_sdi_message(row, mail, message, file, now)


def _apply_sdi_message(row: ReceivedMail, mail: SdiMail, message: SdiMessage, file: InvoiceFile, now: datetime) -> None:
    invoice = Invoice.objects.select_for_update().get(pk=file.invoice_id)
    row.outcome, row.invoice = ReceivedMail.Outcome.APPLIED, invoice
    document = store(Document.Kind.SDI_MESSAGE, mail.file_name, "application/xml", mail.content)
    if message.identifier and not invoice.sdi_identifier:
        invoice.sdi_identifier = message.identifier
        invoice.save(update_fields=["sdi_identifier"])
    first_answer = invoice.state not in Invoice.FINAL
    moved = invoice.advance(_SDI_STATES[message.kind], now=now, text=_words(message), document=document)
    if moved and first_answer and message.kind in ("RC", "MC"):
        tell_customer(invoice=invoice)


def _words(message: SdiMessage) -> str:
    """SDI's own words: what a person needs to correct the document."""
    lines = [" ".join(part for part in (e.code, e.description, e.hint) if part) for e in message.errors]
    return "\n".join([*lines, message.note]).strip()
