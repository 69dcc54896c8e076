"""A PEC provider with the product's mailbox, and SDI behind it: SMTP in, IMAP out, receipts, checks and messages."""

from sandbox.pec.stand_in import PecStandIn

__all__ = ["PecStandIn"]
