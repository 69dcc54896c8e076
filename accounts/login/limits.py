"""How often passwords, links and mails may be tried; these hold without Redis too."""

from django.http import HttpRequest

from core.mail_address import plain_address
from core.web.ratelimit import Limit, caller_network, check

_LOGIN_BY_ADDRESS = Limit("login-ip", per_minute=20, burst=20, strict=True)
_LOGIN_BY_ACCOUNT = Limit("login-account", per_minute=5, burst=10, strict=True)
_MAIL_BY_ADDRESS = Limit("mail-ip", per_minute=5, burst=10, strict=True)
_MAIL_BY_ACCOUNT = Limit("mail-account", per_minute=0.5, burst=4, strict=True)


def check_login_allowed(request: HttpRequest, email: str) -> None:
    """Count one password try for the caller's address and for the account as seen from that address."""
    network = caller_network(request)
    check(_LOGIN_BY_ADDRESS, network)
    # per account *and* address: a stranger must not be able to lock the owner out
    check(_LOGIN_BY_ACCOUNT, f"{network}:{plain_address(email)}")


def check_mail_allowed(request: HttpRequest, email: str) -> None:
    """Count one request that may send a mail to `email`."""
    check(_MAIL_BY_ADDRESS, caller_network(request))
    check(_MAIL_BY_ACCOUNT, plain_address(email))
