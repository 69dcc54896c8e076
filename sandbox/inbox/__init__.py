"""The sandbox's page: all mail caught, what went to PEC, SDI and Stripe, and switches for everything that can go wrong.

It knows the stand-ins by their control routes only, and works with those that are there.
"""

from sandbox.inbox.app import page_app

__all__ = ["page_app"]
