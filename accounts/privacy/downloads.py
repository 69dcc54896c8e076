"""The file of a copy of data, for the page and the API alike."""

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.models import User
from accounts.privacy import exports
from core import audit
from core.web.downloads import file_attachment


def export_response(request: HttpRequest, user: User, reference: object) -> StreamingHttpResponse:
    """The file of the person's own export; 404 for anybody else's, and once its week is over."""
    export = exports.find_export(user=user, reference=reference, now=timezone.now())
    if export is None:
        raise Http404
    audit.record(action="user.export_downloaded", target=user, actor=user)
    return file_attachment(request, export.path, name=export.file_name, content_type="application/zip")
