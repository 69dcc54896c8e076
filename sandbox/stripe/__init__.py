"""Stripe on loopback: HTTP API, signed webhooks, Stripe.js with the Payment Element, and 3-D Secure.

It speaks API version 2026-08-26.dahlia. A parameter that this stand-in does not act on is refused as unknown rather
than ignored, so nothing seems to work here that does not.
"""

from sandbox.stripe.stand_in import StripeStandIn

__all__ = ["StripeStandIn"]
