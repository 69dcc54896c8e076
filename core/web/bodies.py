"""No body larger than its address takes is read: 413 in words before, or at the byte that is one too many.

Django has a limit of its own only for what its forms keep in memory, and reads the whole body beforehand: without this,
anybody fills the disk, and REST framework's parsers the memory (ASVS 5.0 5.2.1).
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse
from django.urls import resolve
from django.utils import translation
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _

from core.uploads import FILES_AT_ONCE
from core.web.error_pages import plain_error
from core.web.headers import security_headers

Application = Callable[[Any, Any, Any], Any]
View = TypeVar("View", bound=Callable[..., Any])

_MEGABYTE = 1024 * 1024
_LINGER_S = 5


def takes_files(view: View) -> View:
    """Marks the view of an address that files are sent to: it takes FILES_AT_ONCE of MAX_UPLOAD_SIZE_MB each."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def largest_body(path: str) -> int:
    """How many bytes the address takes: 1 MB, and the files where there are any. The whole back office takes them."""
    text = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if path.startswith(f"/{settings.ADMIN_PATH}/") or _has_files(path):
        return text + FILES_AT_ONCE * settings.MAX_UPLOAD_SIZE_MB * _MEGABYTE
    return text


def _has_files(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "takes_files", False)
    except Http404:
        return False


def cap_bodies(application: Application) -> Application:
    """The ASGI application, which never gets more of a body than `largest_body` says."""

    async def capped(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        declared = int(length) if (length := headers.get(b"content-length", b"0")).isdigit() else 0
        # nearly every request is below this, and no address has to be looked up
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if declared > limit or b"transfer-encoding" in headers:
            limit = largest_body(scope["path"])
        if declared > limit:
            await _refuse(scope, receive, send, limit, more_body=True)
            return
        size, last = 0, None

        async def receive_capped() -> Any:
            nonlocal size, last
            message = await receive()
            size += len(message.get("body", b""))
            if size <= limit:
                return message
            last = message
            return {"type": "http.disconnect"}  # Django, which reads the whole body before anything else, gives up

        await application(scope, receive_capped, send)
        if last is not None:
            await _refuse(scope, receive, send, limit, more_body=last.get("more_body", False))

    return capped


def _page(scope: Any, limit: int) -> HttpResponse:
    request = ASGIRequest(scope, BytesIO())
    with translation.override(get_language_from_request(request)):
        title = _("That is more than this address takes")
        text = _("It takes up to %(size)d MB at once, and nothing has been kept. Send less, or one file after another.")
        text %= {"size": limit // _MEGABYTE}
    page = plain_error(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", title, text)
    for name, value in security_headers(is_secure=request.is_secure()).items():
        page.headers.setdefault(name, value)
    return page


async def _refuse(scope: Any, receive: Any, send: Any, limit: int, *, more_body: bool) -> None:
    """Answer, and let a client that still sends read it: a connection closed on its bytes would lose the answer."""
    page = await sync_to_async(_page, thread_sensitive=False)(scope, limit)
    page.headers["Connection"] = "close"
    page.headers["Content-Length"] = str(len(page.content))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in page.headers.items()]
    await send({"type": "http.response.start", "status": page.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": page.content, "more_body": True})
    try:
        async with asyncio.timeout(_LINGER_S):
            while more_body:
                more_body = (await receive()).get("more_body", False)
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
