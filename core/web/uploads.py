"""Files on their way in: what is larger than any upload may be does not fill the disk before it is refused."""

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Keeps of a file what an upload may have (MAX_UPLOAD_SIZE_MB), and counts the rest (OWASP ASVS 5.0, 5.2.1).

    The file says its whole size, so that `core.uploads.detect_kind` refuses it in words and not by cutting it off.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = settings.MAX_UPLOAD_SIZE_MB * 1024 * 1024 - start
        if room > 0:
            super().receive_data_chunk(raw_data[:room], start)
