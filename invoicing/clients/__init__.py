"""The carriers of invoices."""
