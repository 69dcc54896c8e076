"""The files of a request as downloads, for pages, API and back office alike."""

from django.http import HttpResponse

from chatbot.models import TicketAttachment
from core.web.downloads import attachment

_TYPES = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "txt": "text/plain; charset=utf-8", "md": "text/plain; charset=utf-8",
}  # fmt: skip


def file_response(file: TicketAttachment) -> HttpResponse:
    """The bytes as they were sent in."""
    content_type = _TYPES.get(file.kind, "application/octet-stream")
    return attachment(bytes(file.content), name=file.name, content_type=content_type)
