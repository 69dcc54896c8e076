"""The back office's pages of invoicing."""

from invoicing.admin import invoices

__all__ = ["invoices"]
