"""The way of a file to SDI: signed where it must be, mailed by PEC, watched until somebody answers."""

import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import make_msgid

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import audit
from core.errors import DomainError, InvalidInputError, PermanentError, TransientError
from core.tasks import enqueue
from invoicing import tasks
from invoicing.alerts import alert_staff
from invoicing.clients import pec
from invoicing.keeping import store
from invoicing.models import Document, Invoice, Mailbox, PecMessage
from invoicing.p7m import P7mError, read_p7m
from invoicing.services import draw_pdf

logger = logging.getLogger(__name__)

# Waits after trouble that may pass; then a person decides.
_BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 240))
# A sending of which nothing was heard for so long was cut in the middle.
_SENDING_LIMIT = timedelta(minutes=15)
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
        signed = read_p7m(content)
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
    locked.next_send_at, locked.send_attempts = now, 0
    locked.save(update_fields=["next_send_at", "send_attempts"])
    audit.record(action="invoice.signed", target=locked, actor=actor, sha256=file.signed.sha256)
    enqueue(tasks.send_invoice, invoice_id=locked.pk)
    return file.signed


def send_invoice(*, invoice: Invoice, now: datetime) -> None:
    """Mail the current file to SDI: intent written first, then the mail, then how it went. Safe to call twice."""
    draw_pdf(invoice=invoice)
    message = _begin_sending(invoice, now)
    if message is None:
        return
    try:
        pec.send(_as_mail(message))
    except pec.UncertainDeliveryError as error:
        _finish_sending(message, PecMessage.State.UNCERTAIN, None, now, str(error))
    except TransientError as error:
        attempt = message.file.invoice.send_attempts
        again = now + _BACKOFF[attempt - 1] if attempt <= len(_BACKOFF) else None
        _finish_sending(message, PecMessage.State.FAILED, Invoice.State.SEND_FAILED, now, str(error), again)
    except PermanentError as error:
        _finish_sending(message, PecMessage.State.FAILED, Invoice.State.SEND_FAILED, now, str(error))
    else:
        _finish_sending(message, PecMessage.State.SENT, Invoice.State.SENT, now, "")


def send_due(*, now: datetime) -> int:
    """Send what a lost message or a back-off left behind, and mark what was cut in mid-send; returns how many."""
    cut = PecMessage.objects.filter(state=PecMessage.State.SENDING, created_at__lt=now - _SENDING_LIMIT)
    for message in cut.select_related("file__invoice"):
        _finish_sending(message, PecMessage.State.UNCERTAIN, None, now, "interrupted while sending")
    _give_up_uncertain(now)
    due = list(Invoice.objects.due(now).order_by("pk")[:50])
    for invoice in due:
        send_invoice(invoice=invoice, now=now)
    return len(due)


def _give_up_uncertain(now: datetime) -> None:
    """A mail that may have left and that no provider has acknowledged within a day has not: it can be sent again."""
    old = PecMessage.objects.filter(state=PecMessage.State.UNCERTAIN, created_at__lt=now - _UNCERTAIN_LIMIT)
    for message in old.filter(file__invoice__state=Invoice.State.SENDING).select_related("file__invoice"):
        _finish_sending(
            message, PecMessage.State.FAILED, Invoice.State.SEND_FAILED, now, "no receipt of the PEC provider in a day"
        )


def watch_receipts(*, now: datetime) -> int:
    """Alert staff, once each, of invoices nobody answers for; returns how many.

    Silent is the provider when no receipt comes within INVOICE_RECEIPT_ALERT_HOURS, SDI after five days.
    """
    provider_limit = now - timedelta(hours=settings.INVOICE_RECEIPT_ALERT_HOURS)
    waiting = Invoice.objects.unanswered().filter(alerted_at=None).annotate(last_event_at=Max("events__at"))
    at_sdi = Q(state=Invoice.State.PEC_DELIVERED)
    is_silent = (at_sdi & Q(last_event_at__lt=now - _ANSWER_LIMIT)) | (~at_sdi & Q(last_event_at__lt=provider_limit))
    silent = list(waiting.filter(is_silent).order_by("pk"))
    for invoice in silent:
        with transaction.atomic():
            if Invoice.objects.filter(pk=invoice.pk, alerted_at=None).update(alerted_at=now):
                alert_staff(invoice=invoice, reason="silent")
    return len(silent)


@transaction.atomic
def send_again(*, invoice: Invoice, actor: User, now: datetime) -> None:
    """A person sends a file that never reached SDI once more, under the same name."""
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.state != Invoice.State.SEND_FAILED:
        raise CannotSendError(_("Only an invoice that could not be sent can be sent again."))
    locked.next_send_at, locked.send_attempts, locked.alerted_at = now, 0, None
    locked.save(update_fields=["next_send_at", "send_attempts", "alerted_at"])
    audit.record(action="invoice.sent_again", target=locked, actor=actor)
    enqueue(tasks.send_invoice, invoice_id=locked.pk)


@transaction.atomic
def _begin_sending(invoice: Invoice, now: datetime) -> PecMessage | None:
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    is_due = locked.next_send_at is not None and locked.next_send_at <= now
    if not is_due or Invoice.State.SENDING not in Invoice.ALLOWED[Invoice.State(locked.state)]:
        return None
    locked.next_send_at, locked.send_attempts = None, locked.send_attempts + 1
    locked.save(update_fields=["next_send_at", "send_attempts"])
    locked.advance(Invoice.State.SENDING, now=now)
    domain = settings.SDI_PEC_EMAIL.partition("@")[2] or "localhost"
    return PecMessage.objects.create(
        file=locked.current_file(), message_id=make_msgid(domain=domain), recipient=_sdi_address()
    )


@transaction.atomic
def _finish_sending(
    message: PecMessage,
    outcome: "PecMessage.State",
    state: "Invoice.State | None",
    now: datetime,
    error: str,
    again: datetime | None = None,
) -> None:
    message.state, message.last_error = outcome, error
    message.save(update_fields=["state", "last_error"])
    invoice = Invoice.objects.select_for_update().get(pk=message.file.invoice_id)
    if state:
        invoice.advance(state, now=now, text=error)
    else:
        invoice.events.create(at=now, state=invoice.state, text=error)
    if again:
        invoice.next_send_at = again
        invoice.save(update_fields=["next_send_at"])
    if state == Invoice.State.SEND_FAILED and not again:
        alert_staff(invoice=invoice, reason="send_failed", text=error)
    if error:
        logger.warning("invoice %s: sending %s", invoice.number, outcome)


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
