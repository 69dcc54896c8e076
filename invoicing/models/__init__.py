"""The tables of invoicing."""

from invoicing.models.invoices import (
    Credit,
    Document,
    FrozenError,
    Invoice,
    InvoiceCopy,
    InvoiceEvent,
    InvoiceFile,
    PecMessage,
    Submission,
)
from invoicing.models.mailbox import Mailbox, ReceivedInvoice, ReceivedMail
from invoicing.models.packages import ArchivePackage

__all__ = [
    "ArchivePackage",
    "Credit",
    "Document",
    "FrozenError",
    "Invoice",
    "InvoiceCopy",
    "InvoiceEvent",
    "InvoiceFile",
    "Mailbox",
    "PecMessage",
    "ReceivedInvoice",
    "ReceivedMail",
    "Submission",
]
