"""The way of a file to SDI: signed where it must be, mailed by PEC, watched until somebody answers."""

import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import audit, channels
from core.errors import ChannelError, DomainError, InvalidInputError, TransientError, VendorError
from core.queue import each, work, work_due
from core.tasks import enqueue
from invoicing import tasks
from invoicing.clients import pec
from invoicing.courtesy_copy import draw_pdf
from invoicing.document_store import store
from invoicing.models import Document, Invoice, Mailbox, PecMessage, Submission
from invoicing.sdi.alerts import alert_staff
from invoicing.sdi.p7m import P7mError, read_p7m

logger = logging.getLogger(__name__)

CHANNEL = channels.declare("pec", _("PEC to SDI"))
# The provider answers within minutes; after a day a mail that may have left has not.
_UNCERTAIN_LIMIT = timedelta(hours=24)
# SDI takes up to five days to answer (specification of the exchange system, §2).
_ANSWER_LIMIT = timedelta(days=5)


class CannotSendError(DomainError):
    """The invoice is past the point where it can be sent again."""

    code = "cannot_send"


class SignatureRefusedError(InvalidInputError):
    """The uploaded file is not our invoice, signed and intact."""

    code = "signature"


@transaction.atomic
def attach_signed(*, invoice: Invoice, content: bytes, actor: User, now: datetime) -> Document:
    """Keep the signed `.p7m` of a public administration's invoice and release it for sending.

    The content must be our file byte for byte and every signature intact, else `SignatureRefusedError`.
    """
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.state != Invoice.State.TO_SIGN:
        raise CannotSendError(_("This invoice does not wait for a signature."))
    file = locked.current_file()
    try:
        signed = read_p7m(content, authorities=_signers())
    except P7mError as error:
        raise SignatureRefusedError(str(error), field="file") from error
    if signed.content != bytes(file.xml.content):
        different = _("The file inside is not the invoice %(name)s as we issued it.") % {"name": file.file_name}
        raise SignatureRefusedError(different, field="file")
    if signed.troubles:
        raise SignatureRefusedError(" ".join(signed.troubles), field="file")
    file.signed = store(Document.Kind.SIGNED, f"{file.file_name}.p7m", "application/pkcs7-mime", content)
    file.save(update_fields=["signed"])
    locked.advance(Invoice.State.ISSUED, now=now, text=", ".join(signed.signers), document=file.signed)
    Submission.objects.create(file=file, next_try_at=now)
    audit.record(action="invoice.signed", target=locked, actor=actor, sha256=file.signed.sha256)
    enqueue(tasks.send_invoice, invoice_id=locked.pk)
    return file.signed


def _signers() -> Path | None:
    """The authorities whose signatures on invoices are taken; None takes every intact one."""
    return Path(settings.INVOICE_SIGNER_CA_FILE) if settings.INVOICE_SIGNER_CA_FILE else None


def send_invoice(*, invoice: Invoice) -> bool:
    """Mail the current file to SDI if it is its turn and nobody else does; True when it was."""
    submission = invoice.submission()
    return submission is not None and work(Submission.objects.all(), submission.pk, _submit, channel=CHANNEL)


def send_due() -> int:
    """Send what a lost message or a back-off left behind, and settle what was cut in mid-send; returns how many."""
    return work_due(Submission.objects.all(), _submit, limit=50, channel=CHANNEL)


def _submit(submission: Submission) -> None:
    """Mail the file: intent written first, then the mail, then how it went.

    A mail that may have left is never sent again by itself: it waits a day for the provider's word, then for a person.
    """
    last = submission.file.messages.order_by("-pk").first()
    if last and last.state == PecMessage.State.SENDING:
        _wait_for_receipt(submission, last, "interrupted while sending")
        return
    if last and last.state == PecMessage.State.UNCERTAIN:
        _stop_waiting(submission, last)
        return
    draw_pdf(invoice=submission.file.invoice)
    message = _begin(submission)
    if message is None:
        return
    try:
        pec.send(_as_mail(message))
    except ChannelError as error:
        _take_back(message, error)
        raise
    except pec.UncertainDeliveryError as error:
        _wait_for_receipt(submission, message, str(error))
    except VendorError as error:
        _fail(submission, message, error)
    else:
        _finish(submission, message)


def watch_receipts(*, now: datetime) -> int:
    """Alert staff, once each, of invoices nobody answers for; returns how many.

    Silent is the provider when no receipt comes within INVOICE_RECEIPT_ALERT_HOURS, SDI after five days.
    """
    provider_limit = now - timedelta(hours=settings.INVOICE_RECEIPT_ALERT_HOURS)
    waiting = Invoice.objects.unanswered().filter(alerted_at=None).annotate(last_event_at=Max("events__at"))
    at_sdi = Q(state=Invoice.State.PEC_DELIVERED)
    is_silent = (at_sdi & Q(last_event_at__lt=now - _ANSWER_LIMIT)) | (~at_sdi & Q(last_event_at__lt=provider_limit))
    return each(waiting.filter(is_silent).order_by("pk"), partial(_alert_of_silence, now=now))


@transaction.atomic
def _alert_of_silence(invoice: Invoice, now: datetime) -> bool:
    if not Invoice.objects.filter(pk=invoice.pk, alerted_at=None).update(alerted_at=now):
        return False
    alert_staff(invoice=invoice, reason="silent")
    return True


def can_be_sent_again(invoice: Invoice) -> bool:
    """Whether the file has not reached SDI and waits for a person."""
    return Invoice.objects.not_sent().filter(pk=invoice.pk).exists()


@transaction.atomic
def send_again(*, invoice: Invoice, actor: User) -> None:
    """A person sends a file that never reached SDI once more, under the same name."""
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if not can_be_sent_again(locked):
        raise CannotSendError(_("Only an invoice that could not be sent can be sent again."))
    locked.alerted_at = None
    locked.save(update_fields=["alerted_at"])
    Submission.objects.revive(locked.current_file().submission.pk)
    audit.record(action="invoice.sent_again", target=locked, actor=actor)
    enqueue(tasks.send_invoice, invoice_id=locked.pk)


@transaction.atomic
def _begin(submission: Submission) -> PecMessage | None:
    """The intent to mail; None when the document is past the point where it is sent."""
    invoice = Invoice.objects.select_for_update().get(pk=submission.file.invoice_id)
    if Invoice.State.SENDING not in Invoice.ALLOWED[Invoice.State(invoice.state)]:
        submission.finish()
        return None
    invoice.advance(Invoice.State.SENDING, now=timezone.now())
    domain = settings.SDI_PEC_EMAIL.partition("@")[2] or "localhost"
    return PecMessage.objects.create(
        file=submission.file, message_id=make_msgid(domain=domain), recipient=_sdi_address()
    )


@transaction.atomic
def _finish(submission: Submission, message: PecMessage) -> None:
    submission.finish()
    message.mark(PecMessage.State.SENT)
    _lock_invoice(message).advance(Invoice.State.SENT, now=timezone.now())


@transaction.atomic
def _fail(submission: Submission, message: PecMessage, error: VendorError) -> None:
    if isinstance(error, TransientError):
        submission.put_off(str(error), retry_after_s=error.retry_after_s)
    else:
        submission.give_up(str(error))
    _record_failure(submission, message)


@transaction.atomic
def _take_back(message: PecMessage, error: ChannelError) -> None:
    """Nothing was handed over, and nothing is wrong with the file: it waits for the channel."""
    message.mark(PecMessage.State.FAILED, str(error))
    _lock_invoice(message).advance(Invoice.State.SEND_FAILED, now=timezone.now(), text=str(error))


@transaction.atomic
def _wait_for_receipt(submission: Submission, message: PecMessage, error: str) -> None:
    submission.give_back(message.created_at + _UNCERTAIN_LIMIT, last_error=error)
    message.mark(PecMessage.State.UNCERTAIN, error)
    invoice = _lock_invoice(message)
    invoice.events.create(at=timezone.now(), state=invoice.state, text=error)
    logger.warning("invoice %s: perhaps sent: %s", invoice.number, error)


@transaction.atomic
def _stop_waiting(submission: Submission, message: PecMessage) -> None:
    """The provider answers within minutes: what it has not acknowledged within a day has not left."""
    if _lock_invoice(message).state != Invoice.State.SENDING:  # SDI has answered, so that it must have
        submission.finish()
        return
    submission.give_up("no receipt of the PEC provider in a day")
    _record_failure(submission, message)


def _record_failure(submission: Submission, message: PecMessage) -> None:
    error = submission.last_error
    message.mark(PecMessage.State.FAILED, error)
    invoice = _lock_invoice(message)
    invoice.advance(Invoice.State.SEND_FAILED, now=timezone.now(), text=error)
    logger.warning("invoice %s: not sent: %s", invoice.number, error)
    if submission.state == Submission.State.FAILED:
        alert_staff(invoice=invoice, reason="send_failed", text=error)


def _lock_invoice(message: PecMessage) -> Invoice:
    return Invoice.objects.select_for_update().get(pk=message.file.invoice_id)


def _as_mail(message: PecMessage) -> EmailMessage:
    mail, sent = EmailMessage(), message.file.sent
    mail["From"], mail["To"] = settings.SDI_PEC_EMAIL, message.recipient
    mail["Subject"] = sent.name  # so that a person sees in the webmail which receipt is about what
    mail["Message-ID"] = message.message_id
    mail.set_content(f"In allegato la fattura elettronica {sent.name}.\n")
    maintype, _slash, subtype = sent.content_type.partition("/")
    mail.add_attachment(bytes(sent.content), maintype=maintype, subtype=subtype, filename=sent.name)
    return mail


def _sdi_address() -> str:
    mailbox = Mailbox.objects.filter(address=settings.SDI_PEC_EMAIL).first()
    return (mailbox and mailbox.sdi_address) or settings.SDI_PEC_RECIPIENT
