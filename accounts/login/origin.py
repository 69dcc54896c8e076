"""Where a request comes from, as far as sessions, devices and limits need to know it."""

import hashlib
import ipaddress
from dataclasses import dataclass

from django.http import HttpRequest

from core.web.cookies import cookie_name
from core.web.ratelimit import client_ip

DEVICE_COOKIE = "device"
_AGENT_LENGTH = 200
_SECRET_LENGTH = 64
# what is kept of an address: enough to say "another provider", too little to find a household
_KEPT_BITS = {4: 24, 6: 48}


@dataclass(frozen=True)
class Origin:
    """A caller: its shortened address, its program, and the secret of its device's cookie ("" without one)."""

    network: str = ""
    user_agent: str = ""
    device_secret: str = ""

    @property
    def client(self) -> str:
        """The same for two requests of one program at one place; a hash, for comparing only."""
        return hashlib.sha256(f"{self.network}\n{self.user_agent}".encode()).hexdigest()


def origin_of(request: HttpRequest) -> Origin:
    """The caller of a request; of one without address or headers (a test's) what is there."""
    return Origin(
        network=shorten(client_ip(request)),
        user_agent=request.META.get("HTTP_USER_AGENT", "")[:_AGENT_LENGTH].replace("\0", ""),
        device_secret=request.COOKIES.get(cookie_name(DEVICE_COOKIE), "")[:_SECRET_LENGTH],
    )


def shorten(address: str) -> str:
    """The network of an address ("203.0.113.0/24", "2001:db8:1::/48"); "" for what is none."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, _KEPT_BITS[ip.version]), strict=False))
