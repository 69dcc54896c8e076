"""What a customer's browser sees: Stripe.js and its frames, the bank's page, receipts, invoices and the portal."""
