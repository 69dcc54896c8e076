"""Files to download: never shown in place, whatever they claim to be, and kept by no cache."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

_CHUNK = 256 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_TYPES = {
    "pdf": "application/pdf", "docx": _OFFICE, "doc": "application/msword", "png": "image/png", "jpg": "image/jpeg",
    "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
}  # fmt: skip
Response = TypeVar("Response", bound=HttpResponseBase)


def content_type_of(kind: str) -> str:
    """The media type of a kind of upload (`core.uploads.detect_kind`)."""
    return _TYPES.get(kind, "application/octet-stream")


def attachment(content: bytes, *, name: str, content_type: str) -> HttpResponse:
    """Bytes as a file called `name`."""
    return _set_headers(HttpResponse(content, content_type=content_type), name)


def file_attachment(request: HttpRequest, path: Path, *, name: str, content_type: str) -> StreamingHttpResponse:
    """A file of any size, in pieces."""
    # Django would read a plain iterator to its end before the first byte leaves an ASGI server
    pieces = _pieces_async(path) if isinstance(request, ASGIRequest) else _pieces(path)
    response = _set_headers(StreamingHttpResponse(pieces, content_type=content_type), name)
    response["Content-Length"] = str(path.stat().st_size)
    return response


def _set_headers(response: Response, name: str) -> Response:
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


async def _pieces_async(path: Path) -> AsyncIterator[bytes]:
    pieces = _pieces(path)
    while piece := await sync_to_async(_next)(pieces):
        yield piece
