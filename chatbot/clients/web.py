"""Fetches a public page for the knowledge base, and nothing that only our own network can reach (OWASP SSRF).

The address is checked where the connection is made, so neither a redirect nor a name that resolves differently the
second time leads inside.
"""

import ipaddress
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from core.errors import PermanentError, TransientError

_TIMEOUT_S = (5, 20)
_REDIRECTS = 3
_PORTS = frozenset({80, 443})
_KINDS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/markdown": "md",
}


@dataclass(frozen=True)
class Page:
    """What was fetched; `content` None when it has not changed since `etag` or `last_modified`."""

    kind: str
    content: bytes | None
    etag: str
    last_modified: str


def fetch(url: str, *, etag: str = "", last_modified: str = "") -> Page:
    """Get a page, following up to three redirects. Raises `PermanentError` or `TransientError` with the reason."""
    headers = {"User-Agent": f"AIStrategyHub (+{settings.SITE_URL})", "Accept": ", ".join(_KINDS)}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    with requests.Session() as session:
        session.trust_env = False  # a proxy would resolve the name in our place
        for scheme in ("http://", "https://"):
            session.mount(scheme, _GuardedAdapter())
        try:
            for _redirect in range(_REDIRECTS + 1):
                clean_url(url)
                with session.get(
                    url, headers=headers, timeout=_TIMEOUT_S, stream=True, allow_redirects=False
                ) as answer:
                    if not answer.is_redirect:
                        return _page(answer)
                    url = urljoin(url, answer.headers["Location"])
        except PrivateAddressError as error:
            raise PermanentError(str(error), code="private_address") from error
        except requests.RequestException as error:
            if cause := _private_address_behind(error):
                raise PermanentError(str(cause), code="private_address") from error
            raise TransientError(
                _("The page does not answer (%(error)s).") % {"error": type(error).__name__}
            ) from error
    raise PermanentError(_("The page redirects more than %(max)d times.") % {"max": _REDIRECTS}, code="redirects")


class PrivateAddressError(OSError):
    """The name belongs to an address that is not on the public internet."""


def clean_url(url: str) -> str:
    """The address if it may be fetched at all; `PermanentError` says why not."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PermanentError(_("Only addresses that begin with https:// or http:// can be read."), code="scheme")
    if parts.username or parts.password:
        raise PermanentError(_("An address with a name and password in it is not kept."), code="credentials")
    if port not in _PORTS and parts.hostname not in settings.KNOWLEDGE_INTERNAL_HOSTS:
        raise PermanentError(_("Only the usual ports 80 and 443 are read."), code="port")
    return url


def _page(answer: requests.Response) -> Page:
    validators = {name: answer.headers.get(header, "") for name, header in _VALIDATORS.items()}
    if answer.status_code == HTTPStatus.NOT_MODIFIED:
        return Page("", None, **validators)
    if answer.status_code != HTTPStatus.OK:
        message = _("The page answers with status %(status)s.") % {"status": answer.status_code}
        is_passing = answer.status_code >= 500 or answer.status_code in (408, 425, 429)
        raise (TransientError if is_passing else PermanentError)(message, code=str(answer.status_code))
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type not in _KINDS:
        message = _("This is %(type)s: only web pages, PDF and text are read.")
        raise PermanentError(message % {"type": content_type or "?"}, code="content_type")
    return Page(_KINDS[content_type], _read_content(answer), **validators)


_VALIDATORS = {"etag": "ETag", "last_modified": "Last-Modified"}


def _read_content(answer: requests.Response) -> bytes:
    limit = settings.MAX_UPLOAD_SIZE_MB * 1024 * 1024
    content = b""
    for piece in answer.iter_content(64 * 1024):
        content += piece
        if len(content) > limit:
            raise PermanentError(_("The page is larger than %(limit)s MB.") % {"limit": limit // 1024**2}, code="size")
    return content


def _connect(connection: HTTPConnection) -> socket.socket:
    """A socket to one of the host's addresses, all of which must be public; the check and the use are one."""
    host = connection.host.strip("[]")
    addresses = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    if host not in settings.KNOWLEDGE_INTERNAL_HOSTS:
        for _family, _type, _protocol, _name, address in addresses:
            if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
                raise PrivateAddressError(_("%(host)s is not on the public internet.") % {"host": host})
    return socket.create_connection((str(addresses[0][4][0]), connection.port), timeout=_TIMEOUT_S[0])


class _GuardedHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _GuardedHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools: PoolManager = self.poolmanager
        pools.pool_classes_by_scheme = {"http": _GuardedHTTPPool, "https": _GuardedHTTPSPool}


def _private_address_behind(error: BaseException) -> PrivateAddressError | None:
    """urllib3 wraps what the connection raised."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, PrivateAddressError):
            return cause
        reason = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = cause.__cause__ or cause.__context__ or (reason if isinstance(reason, BaseException) else None)
    return None
