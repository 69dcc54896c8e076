"""What the audit trail calls acts about invoices, their archive and the PEC mailbox."""

from django.utils.translation import gettext_lazy as _

from core.wording import Act

ACTS = {
    "invoice.issued": Act(_("Issued the document {name}")),
    "invoice.corrected": Act(_("Corrected the document {name}")),
    "invoice.credited": Act(_("Credited the invoice {name} by the credit note {credit_note}"),
                            credit_note="invoicing.invoice"),
    "invoice.signed": Act(_("Uploaded the signed file of the document {name}")),
    "invoice.sent_again": Act(_("Had the document {name} sent to SDI again")),
    "invoice.copy_sent": Act(_("Mailed the copy of the document {name}")),
    "invoice.moved": Act(_("The state of the document {name} changed")),
    "receivedmail.dealt_with": Act(_("Dealt with the PEC mail “{name}”")),
    "receivedmail.applied_again": Act(_("Had the PEC mail “{name}” applied again")),
    "archivepackage.requested": Act(_("Had the archive package {name} built again")),
}  # fmt: skip
