"""What the customer gets: a readable copy drawn from the stored XML, and the mail that brings both.

Whoever issues hands a consumer the copy (art. 1, c. 3 D.Lgs. 127/2015) and tells a business of an invoice that SDI
could not deliver (Provv. AdE 89757/2018, 3.4); to customers abroad (XXXXXXX) SDI delivers nothing.
"""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import audit
from core.errors import DomainError
from invoicing import pdf
from invoicing.document_store import store
from invoicing.models import Document, Invoice, InvoiceCopy, InvoiceFile
from notifications.services import Attachment, Recipient, notify


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


class NotTakenError(DomainError):
    """SDI has not taken the document, or has rejected it: there is nothing to have a copy of."""

    code = "not_taken"
    message = _("SDI has not taken this document yet: its copy leaves when it has.")


def find_recipient(invoice: Invoice) -> Recipient | None:
    """Whom the copy goes to: the address on the invoice, else its customer's account; None where there is neither."""
    customer, email = invoice.customer, invoice.copy_email
    if customer and email.casefold() in ("", customer.email.casefold()):
        return Recipient.of(customer)
    return Recipient(email, invoice.display_name, invoice.language) if email else None


def can_have_copy(invoice: Invoice) -> bool:
    """Whether there is a document that the copy can be of."""
    return invoice.state in Invoice.TAKEN


@transaction.atomic
def send_copy(*, invoice: Invoice, email: str, actor: User) -> None:
    """A person mails the copy to `email`, once more or for the first time; the address stays on the invoice."""
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if not can_have_copy(locked):
        raise NotTakenError
    locked.copy_email = email
    locked.save(update_fields=["copy_email"])
    tell_customer(invoice=locked)
    audit.record(action="invoice.copy_sent", target=locked, actor=actor)


@transaction.atomic
def tell_customer(*, invoice: Invoice) -> None:
    """Mail the customer PDF and XML, once SDI has taken the invoice; nothing where no address is known."""
    recipient = find_recipient(invoice)
    if recipient is None:
        return
    file, copy = invoice.current_file(), draw_pdf(invoice=invoice)
    attachments = [
        Attachment(copy.name, copy.content_type, bytes(copy.content)),
        Attachment(file.file_name, file.xml.content_type, bytes(file.xml.content)),
    ]
    context = {"invoice": invoice, "due": invoice.amount_due()}
    mail = notify(to=recipient, kind="invoice_ready", context=context, attachments=attachments)
    InvoiceCopy.objects.create(invoice=invoice, mail=mail)
