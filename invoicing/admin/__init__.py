"""The back office's pages of invoicing."""

from invoicing.admin import invoices, mailbox

__all__ = ["invoices", "mailbox"]
