"""Who somebody is: users, login, tokens, and the fiscal identity that goes on their invoices."""
