"""How often a network may try passwords, and an address be written to; these hold without Redis too.

How often one account may be tried is `accounts.login.throttle`'s.
"""

from django.http import HttpRequest

from core.mail_address import plain_address
from core.web.ratelimit import Limit, caller_network, check

_LOGIN_BY_ADDRESS = Limit("login-ip", per_minute=20, burst=20, strict=True)
_MAIL_BY_ADDRESS = Limit("mail-ip", per_minute=5, burst=10, strict=True)
_MAIL_BY_ACCOUNT = Limit("mail-account", per_minute=0.5, burst=4, strict=True)


def check_login_allowed(request: HttpRequest) -> None:
    """Count one try for the caller's network."""
    check(_LOGIN_BY_ADDRESS, caller_network(request))


def check_mail_allowed(request: HttpRequest, email: str) -> None:
    """Count one request that may send a mail to `email`."""
    check(_MAIL_BY_ADDRESS, caller_network(request))
    check(_MAIL_BY_ACCOUNT, plain_address(email))
