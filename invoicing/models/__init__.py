"""The tables of invoicing."""

from invoicing.models.invoices import (
    Document,
    FrozenError,
    Invoice,
    InvoiceCopy,
    InvoiceEvent,
    InvoiceFile,
    InvoiceQuerySet,
    PecMessage,
    Submission,
)
from invoicing.models.mailbox import Mailbox, ReceivedInvoice, ReceivedMail
from invoicing.models.packages import ArchivePackage

__all__ = [
    "ArchivePackage",
    "Document",
    "FrozenError",
    "Invoice",
    "InvoiceCopy",
    "InvoiceEvent",
    "InvoiceFile",
    "InvoiceQuerySet",
    "Mailbox",
    "PecMessage",
    "ReceivedInvoice",
    "ReceivedMail",
    "Submission",
]
