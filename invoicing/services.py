"""An invoice's life: issued, drawn, sent to SDI, followed by the receipts that come back."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.utils import make_msgid

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts.fiscal_identity import FiscalIdentity
from accounts.models import User
from core import audit
from core.errors import DomainError, PermanentError, TransientError
from core.numbering import next_number
from core.tasks import enqueue
from invoicing import pdf, tasks
from invoicing.clients import pec
from invoicing.draft import Address, BuyerKind, InvoiceDraft, Seller
from invoicing.draft import Buyer as DraftBuyer
from invoicing.fatturapa import Transmission, build_xml
from invoicing.models import Document, Invoice, InvoiceFile, Mailbox, PecMessage
from invoicing.preflight import Finding, findings
from invoicing.totals import totals
from notifications.services import Attachment, Recipient, notify

logger = logging.getLogger(__name__)

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Waits after trouble that may pass; then a person decides.
_BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 240))
# A sending of which nothing was heard for so long was cut in the middle.
_SENDING_LIMIT = timedelta(minutes=15)


class InvoiceRefusedError(DomainError):
    """SDI would refuse the document; `findings` says why, each with SDI's code."""

    code = "invoice_refused"

    def __init__(self, found: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{finding.code} {finding.message}" for finding in found))
        self.findings = tuple(found)


class CannotSendError(DomainError):
    """The invoice is past the point where it can be sent again."""

    code = "cannot_send"


def seller_from_settings() -> Seller:
    """The consultancy itself, from the SELLER_ settings."""
    address = Address(settings.SELLER_STREET, settings.SELLER_POSTCODE, settings.SELLER_CITY, settings.SELLER_PROVINCE)
    return Seller(
        name=settings.SELLER_NAME,
        vat_number=settings.SELLER_VAT_NUMBER,
        tax_code=settings.SELLER_TAX_CODE,
        tax_regime=settings.SELLER_TAX_REGIME,
        address=address,
        rea_office=settings.SELLER_REA_OFFICE,
        rea_number=settings.SELLER_REA_NUMBER,
        share_capital=Decimal(settings.SELLER_SHARE_CAPITAL) if settings.SELLER_SHARE_CAPITAL else None,
    )


def buyer_from(identity: FiscalIdentity) -> DraftBuyer:
    """The draft's buyer from a fiscal identity (profile or order snapshot)."""
    return DraftBuyer(
        kind=BuyerKind(identity.kind),
        address=Address(identity.street, identity.postcode, identity.city, identity.province, identity.country),
        name=identity.company_name,
        first_name=identity.first_name,
        last_name=identity.last_name,
        country=identity.country,
        vat_number=identity.vat_number,
        tax_code=identity.tax_code,
        recipient_code=identity.recipient_code,
        pec=identity.pec,
    )


@transaction.atomic
def issue_invoice(
    *, draft: InvoiceDraft, customer: User | None, reference: str, language: str, today: date, now: datetime
) -> Invoice:
    """Number, freeze and store the document; sending follows by itself. `InvoiceRefusedError` uses no number.

    The number is gap-free within the year of the document's date, and dates never go back along it: a document
    dated before the last one issued takes that one's date.
    """
    sequence = next_number("invoice", draft.date.year)  # from here on everybody else waits: keep it short
    number = f"{draft.date.year}/{sequence:05d}"
    latest = Invoice.objects.filter(issue_date__year=draft.date.year).aggregate(day=Max("issue_date"))["day"]
    if latest and latest > draft.date:
        draft = draft.dated(latest)
    transmission = Transmission(settings.SELLER_TAX_CODE, _next_progressive())
    xml = build_xml(draft, number=number, transmission=transmission)
    if found := findings(xml, today=today):
        raise InvoiceRefusedError(found)
    sums = totals(draft)
    buyer, address = draft.buyer, draft.buyer.address
    invoice = Invoice.objects.create(
        customer=customer, number=number, document_type=draft.document_type, issue_date=draft.date,
        reference=reference, net_amount=sums.net, vat_amount=sums.vat, gross_amount=sums.gross,
        language=language, next_send_at=now,
        kind=buyer.kind, company_name=buyer.name, first_name=buyer.first_name, last_name=buyer.last_name,
        vat_number=buyer.vat_number, tax_code=buyer.tax_code, recipient_code=buyer.recipient_code, pec=buyer.pec,
        street=address.street, postcode=address.postcode, city=address.city, province=address.province,
        country=address.country,
    )  # fmt: skip
    document = store(Document.Kind.XML, transmission.file_name, "application/xml", xml)
    InvoiceFile.objects.create(invoice=invoice, file_name=transmission.file_name, xml=document)
    invoice.events.create(at=now, state=Invoice.State.ISSUED, document=document)
    audit.record(action="invoice.issued", target=invoice, actor=customer, sha256=document.sha256)
    enqueue(tasks.send_invoice, invoice_id=invoice.pk)
    return invoice


def store(kind: "Document.Kind", name: str, content_type: str, content: bytes) -> Document:
    """Keep bytes for ten years: written once, never changed, known by their SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    return Document.objects.create(
        kind=kind, name=name[:120], content_type=content_type, content=content, sha256=digest
    )


def draw_pdf(*, invoice: Invoice) -> Document:
    """The courtesy copy, drawn from the stored XML the first time it is asked for."""
    file = invoice.current_file()
    if file.pdf:
        return file.pdf
    content = pdf.render(
        bytes(file.xml.content), file_name=file.file_name, sha256=file.xml.sha256, language=invoice.language
    )
    with transaction.atomic():
        locked = InvoiceFile.objects.select_for_update().get(pk=file.pk)
        if locked.pdf is None:
            name = f"{invoice.number.replace('/', '-')}.pdf"
            locked.pdf = store(Document.Kind.PDF, name, "application/pdf", content)
            locked.save(update_fields=["pdf"])
        return locked.pdf


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
    due = list(Invoice.objects.due(now).order_by("pk")[:50])
    for invoice in due:
        send_invoice(invoice=invoice, now=now)
    return len(due)


@transaction.atomic
def send_again(*, invoice: Invoice, actor: User, now: datetime) -> None:
    """A person sends a file that never reached SDI once more, under the same name."""
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.state != Invoice.State.SEND_FAILED:
        raise CannotSendError(_("Only an invoice that could not be sent can be sent again."))
    locked.next_send_at, locked.send_attempts = now, 0
    locked.save(update_fields=["next_send_at", "send_attempts"])
    audit.record(action="invoice.sent_again", target=locked, actor=actor)
    enqueue(tasks.send_invoice, invoice_id=locked.pk)


def tell_customer(*, invoice: Invoice) -> None:
    """Mail the customer PDF and XML, once SDI has taken the invoice."""
    if invoice.customer is None:
        return
    file, copy = invoice.current_file(), draw_pdf(invoice=invoice)
    attachments = [
        Attachment(copy.name, copy.content_type, bytes(copy.content)),
        Attachment(file.file_name, file.xml.content_type, bytes(file.xml.content)),
    ]
    notify(
        to=Recipient.of(invoice.customer), kind="invoice_ready", context={"invoice": invoice}, attachments=attachments
    )


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
    if error:
        logger.warning("invoice %s: sending %s", invoice.number, outcome)


def _as_mail(message: PecMessage) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.SDI_PEC_EMAIL, message.recipient
    mail["Subject"] = message.file.file_name  # so that a person sees in the webmail which receipt is about what
    mail["Message-ID"] = message.message_id
    mail.set_content(f"In allegato la fattura elettronica {message.file.file_name}.\n")
    content = bytes(message.file.xml.content)
    mail.add_attachment(content, maintype="application", subtype="xml", filename=message.file.file_name)
    return mail


def _sdi_address() -> str:
    mailbox = Mailbox.objects.filter(address=settings.SDI_PEC_EMAIL).first()
    return (mailbox and mailbox.sdi_address) or settings.SDI_PEC_RECIPIENT


def _next_progressive() -> str:
    """Five characters of base 36, never used twice: the running number of every file we ever made (00002)."""
    value, digits = next_number("sdi-file", 0), ""
    for _position in range(5):
        value, digit = divmod(value, 36)
        digits = _ALPHABET[digit] + digits
    return digits
