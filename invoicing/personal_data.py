"""What invoicing knows of a person. Nothing of it may be erased: the law wants it for ten years, as it was issued."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.fiscal.model import FiscalIdentity
from core.privacy import QUEUE_COLUMNS, Blocker, DataCategory, File, Outcome, Person, Table, same
from invoicing.courtesy_copy import draw_pdf
from invoicing.models import (
    Credit,
    Document,
    Invoice,
    InvoiceCopy,
    InvoiceEvent,
    InvoiceFile,
    PecMessage,
    ReceivedMail,
    Submission,
)
from notifications.models import Mail

_INVOICES = DataCategory(
    _("Invoices and credit notes"),
    Outcome.KEPT,
    _(
        "With what was sent to SDI and what it answered, as they were issued: the law wants them kept for ten years "
        "(art. 2220 of the Italian civil code, art. 39 DPR 633/1972; GDPR, art. 17(3)(b)). They no longer belong to "
        "any account."
    ),
)
# SDI has not had its last word, and may want an answer from us, or from the customer.
_ON_THEIR_WAY = (
    Invoice.State.TO_SIGN, Invoice.State.ISSUED, Invoice.State.SENDING, Invoice.State.SEND_FAILED,
    Invoice.State.SENT, Invoice.State.PEC_ACCEPTED, Invoice.State.PEC_DELIVERED, Invoice.State.NOT_DELIVERED,
)  # fmt: skip


def _invoices(person: Person) -> QuerySet[Invoice]:
    return Invoice.objects.filter(customer=person.user)


def _rows_of(model: Any, path: str) -> Any:
    return lambda person: model.objects.filter(**{f"{path}__customer": person.user})


def _documents(person: Person) -> QuerySet[Document]:
    """Without courtesy copies: they are drawn when asked for, by the export itself too."""
    files, events = _rows_of(InvoiceFile, "invoice")(person), _rows_of(InvoiceEvent, "invoice")(person)
    of_files = Q(pk__in=files.values("xml")) | Q(pk__in=files.values("signed"))
    return Document.objects.filter(of_files | Q(pk__in=events.values("document")))


def _content(pk: int) -> bytes:
    return bytes(Document.objects.get(pk=pk).content)


def _pdf(invoice: Invoice) -> bytes:
    return bytes(draw_pdf(invoice=invoice).content)


def _files(person: Person) -> Iterator[File]:
    for number in _invoices(person).order_by("pk").values_list("number", flat=True):
        name = number.replace("/", "-")
        folder = f"invoices/{name}"
        invoice = Invoice.objects.get(number=number)
        yield File(f"{folder}/{name}.pdf", partial(_pdf, invoice))
        for file_name, xml in invoice.files.order_by("pk").values_list("file_name", "xml_id"):
            yield File(f"{folder}/{file_name}", partial(_content, xml))


TABLES = (
    Table(
        model="invoicing.Invoice",
        category=_INVOICES,
        rows=_invoices,
        columns=same(
            "number",
            "document_type",
            "issue_date",
            "reference",
            "net_amount",
            "vat_amount",
            "rounding",
            "gross_amount",
            "language",
            "state",
            "sdi_identifier",
            "created_at",
            "rejected_at",
            "copy_email",
        )
        | {"credited": "credited__number", "replaces": "replaces__number"}
        | same(*FiscalIdentity.FISCAL_FIELDS),
        left_out={
            "id": "a number of ours",
            "customer": "the person",
            "series": "part of the number",
            "page_key": "a number of ours",
            "alerted_at": "how the sending went",
        },
        files=_files,
    ),
    Table(
        model="invoicing.InvoiceCopy",
        category=_INVOICES,
        rows=_rows_of(InvoiceCopy, "invoice"),
        columns={"invoice": "invoice__number", "mail": "mail_id"},
        left_out={"id": "a number of ours"},
    ),
    Table(
        model="invoicing.Credit",
        category=_INVOICES,
        rows=_rows_of(Credit, "note"),
        columns={"note": "note__number", "invoice": "invoice__number"} | same("amount"),
        left_out={"id": "a number of ours"},
    ),
    Table(
        model="invoicing.InvoiceFile",
        category=_INVOICES,
        rows=_rows_of(InvoiceFile, "invoice"),
        columns={"invoice": "invoice__number"} | same("file_name", "created_at") | {"sha256": "xml__sha256"},
        left_out={
            "id": "a number of ours",
            "draft": "what the XML was made of: the same in other words",
            "signed": "the XML in an envelope",
            "pdf": "is a file of the export",
        },
    ),
    Table(
        model="invoicing.Document",
        category=_INVOICES,
        rows=_documents,
        columns=same("kind", "name", "content_type", "sha256", "created_at"),
        left_out={
            "id": "a number of ours",
            "content": "XML and PDF are files of the export; receipts are SDI’s letters to us",
        },
    ),
    Table(
        model="invoicing.InvoiceEvent",
        category=_INVOICES,
        rows=_rows_of(InvoiceEvent, "invoice"),
        columns={"invoice": "invoice__number"} | same("at", "state", "text"),
        left_out={"id": "a number of ours", "document": "is a row of its own"},
    ),
    Table(
        model="invoicing.Submission",
        category=_INVOICES,
        rows=_rows_of(Submission, "file__invoice"),
        columns={"file": "file__file_name"} | same("state"),
        left_out={**QUEUE_COLUMNS, "id": "a number of ours"},
    ),
    Table(
        model="invoicing.PecMessage",
        category=_INVOICES,
        rows=_rows_of(PecMessage, "file__invoice"),
        columns={"file": "file__file_name"} | same("recipient", "state", "created_at"),
        left_out={"id": "a number of ours", "message_id": "a number of the mail", "last_error": "how the sending went"},
    ),
    Table(
        model="invoicing.ReceivedMail",
        category=_INVOICES,
        rows=_rows_of(ReceivedMail, "invoice"),
        columns={"invoice": "invoice__number"} | same("sender", "subject", "kind", "received_at"),
        left_out={
            **QUEUE_COLUMNS,
            "id": "a number of ours",
            "state": "how the work on it went",
            "sha256": "a number of the mail",
            "message_id": "a number of the mail",
            "uid": "where it lies in our mailbox",
            "uid_validity": "where it lies in our mailbox",
            "marked_at": "how the work on it went",
            "told_at": "how the work on it went",
            "dealt_at": "how the work on it went",
            "dealt_by": "somebody else",
            "outcome": "what we made of it",
            "reason": "what we made of it",
            "content": "SDI’s letter to us; what it says is an event of the invoice",
        },
    ),
)
NOT_PERSONAL: dict[str, str] = {"invoicing.ReceivedInvoice": "a supplier's: it leads to a member of staff alone"}


def blockers(person: Person, now: datetime) -> Iterable[Blocker]:
    """An invoice that SDI has not taken yet may still have to be corrected with the customer."""
    text = _("Invoice %(number)s has not reached its end at SDI yet. Please wait: it takes a few days at most.")
    for invoice in _invoices(person).order_by("pk"):
        is_recent = invoice.rejected_at and invoice.rejected_at + timedelta(days=Invoice.CORRECTION_DAYS) > now
        if invoice.state in _ON_THEIR_WAY or (invoice.state in Invoice.CORRECTABLE and is_recent):
            yield Blocker(text % {"number": invoice.number}, invoice.get_absolute_url())


def erase(person: Person, _now: datetime) -> None:
    """The documents stay as they are, and are no longer anybody's; what staff were mailed of them and copies go."""
    for number in _invoices(person).values_list("number", flat=True):
        pattern = rf"(^|[^/[:alnum:]]){re.escape(number)}($|[^0-9])"
        Mail.objects.filter(kind="invoice_attention", text__regex=pattern).delete()
    Mail.objects.filter(invoice_copy__invoice__in=_invoices(person)).delete()
    _invoices(person).update(customer=None, copy_email="")
