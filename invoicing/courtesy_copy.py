"""What the customer gets: a readable copy drawn from the stored XML, and the mail that brings both."""

from django.db import transaction

from invoicing import pdf
from invoicing.document_store import store
from invoicing.models import Document, Invoice, InvoiceFile
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
