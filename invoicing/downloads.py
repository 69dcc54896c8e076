"""Stored documents as downloads, for pages, API and back office alike."""

from django.http import HttpResponse

from core.web.downloads import attachment
from invoicing.models import Document


def file_response(document: Document) -> HttpResponse:
    """The stored bytes, under their own name."""
    return attachment(bytes(document.content), name=document.name, content_type=document.content_type)
