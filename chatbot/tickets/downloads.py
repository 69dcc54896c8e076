"""The files of a request as downloads, for pages, API and back office alike."""

from django.http import HttpResponse

from chatbot.models import TicketAttachment
from core.web.downloads import attachment, content_type_of


def file_response(file: TicketAttachment) -> HttpResponse:
    """The bytes as they were sent in."""
    return attachment(bytes(file.content), name=file.name, content_type=content_type_of(file.kind))
