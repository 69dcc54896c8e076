"""A supplier's invoice as SDI delivers it by PEC: the file, and beside it the metadata message MT that names it."""

import hashlib

from django.conf import settings
from django.utils import translation

from invoicing.document_store import store
from invoicing.fatturapa.received import NoInvoiceError, ReceivedFile, read_received
from invoicing.fatturapa.schema import UnreadableXmlError
from invoicing.models import Document, ReceivedInvoice, ReceivedMail
from invoicing.sdi.messages import Metadata
from invoicing.sdi.p7m import P7mError, read_p7m
from invoicing.sdi.pec_mail import SdiMail
from invoicing.sdi.reasons import Reason, describe


def keep_invoice(row: ReceivedMail, mail: SdiMail, metadata: Metadata) -> None:
    """Note on `row` what came, and keep the file with a row for each document in it, in the caller's transaction.

    A second mail about a file that is kept already is filed. A file to somebody else, or that cannot be read, is a
    person's to look at, in the mail as it came.
    """
    row.kind, row.outcome = "MT", ReceivedMail.Outcome.FOREIGN
    content = mail.files.get(metadata.file_name)
    if content is None:
        row.reason = describe(Reason.WITHOUT_FILE, name=metadata.file_name)
        return
    if metadata.file_hash not in ("", hashlib.sha256(content).hexdigest()):
        row.outcome, row.reason = ReceivedMail.Outcome.QUARANTINED, Reason.CHANGED_FILE
        return
    try:
        with translation.override("en"):  # as all reasons are kept
            file = read_received(_unsigned(content))
    except (UnreadableXmlError, NoInvoiceError, P7mError) as error:
        row.reason = describe(Reason.UNREADABLE, name=metadata.file_name, trouble=error)
        return
    if not _is_to_us(file):
        customer = file.customer_vat_number or file.customer_tax_code
        row.reason = describe(Reason.TO_SOMEBODY_ELSE, customer=customer)
        return
    if ReceivedInvoice.objects.filter(sdi_identifier=metadata.identifier).exists():
        row.outcome, row.reason = ReceivedMail.Outcome.APPLIED, Reason.REPEATED_INVOICE
        return
    row.outcome = ReceivedMail.Outcome.SUPPLIER
    row.reason = "; ".join(f"{document.supplier} {document.number}" for document in file.documents)[:300]
    _store(row, metadata, content, file)


def _store(row: ReceivedMail, metadata: Metadata, content: bytes, file: ReceivedFile) -> None:
    is_signed = metadata.file_name.lower().endswith(".p7m")
    content_type = "application/pkcs7-mime" if is_signed else "application/xml"
    document = store(Document.Kind.RECEIVED, metadata.file_name[:120], content_type, content)
    ReceivedInvoice.objects.bulk_create(
        ReceivedInvoice(
            mail=row, file=document, sdi_identifier=metadata.identifier, position=position,
            supplier=each.supplier[:200], vat_number=each.vat_number[:30], document_type=each.document_type[:4],
            number=each.number[:20], issue_date=each.day, total=each.total, currency=each.currency[:3],
        )
        for position, each in enumerate(file.documents, start=1)
    )  # fmt: skip


def _unsigned(content: bytes) -> bytes:
    """The XML, taken out of its signature where it has one; SDI has judged the signature."""
    try:
        return read_p7m(content).content
    except P7mError:
        return content


def _is_to_us(file: ReceivedFile) -> bool:
    ours = {settings.SELLER_VAT_NUMBER, settings.SELLER_TAX_CODE} - {""}
    return bool(ours & {file.customer_vat_number, file.customer_tax_code})
