"""A version of a document as a download, for page, API and back office alike."""

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.documents.services import open_file
from accounts.models import CustomerDocument, User
from core.web.downloads import content_type_of, file_attachment


def version_response(
    request: HttpRequest, document: CustomerDocument, number: int, actor: User
) -> StreamingHttpResponse:
    """The file as it came; 404 for a version there is none of. A `DomainError` says why it cannot be had."""
    version = open_file(document=document, number=number, actor=actor, now=timezone.now())
    if version is None:
        raise Http404
    return file_attachment(request, version.path, name=version.name, content_type=content_type_of(version.kind))
