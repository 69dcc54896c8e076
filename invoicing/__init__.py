"""Invoices as legal documents: draft, number, FatturaPA XML, PDF, PEC, SDI's receipts. Knows no cart and no Stripe."""
