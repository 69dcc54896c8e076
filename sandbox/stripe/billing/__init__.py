"""Invoices and subscriptions: what is owed when, and what a payment or a failed one changes."""
