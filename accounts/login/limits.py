"""How often a network may try passwords, and an address be written to; these hold without Redis too.

How often one account may be tried is `accounts.login.throttle`'s.
"""

from django.http import HttpRequest

from core.web.ratelimit import Limit, check, client_ip

_LOGIN_BY_ADDRESS = Limit("login-ip", per_minute=20, burst=20, strict=True)
_MAIL_BY_ADDRESS = Limit("mail-ip", per_minute=5, burst=10, strict=True)
_MAIL_BY_ACCOUNT = Limit("mail-account", per_minute=0.5, burst=4, strict=True)


def check_login_allowed(request: HttpRequest) -> None:
    """Count one try for the caller's address."""
    check(_LOGIN_BY_ADDRESS, client_ip(request))


def check_mail_allowed(request: HttpRequest, email: str) -> None:
    """Count one request that may send a mail to `email`."""
    check(_MAIL_BY_ADDRESS, client_ip(request))
    check(_MAIL_BY_ACCOUNT, email.strip().lower())
