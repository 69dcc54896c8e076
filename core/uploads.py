"""What an uploaded file really is: extension, size and content must agree before anything reads it."""

import zipfile
from pathlib import PurePath
from typing import BinaryIO

import puremagic
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInputError

# A packed file may not grow beyond this when read (a 195 kB docx can hold 200 MB).
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_ZIP_ENTRIES = 2_000

_MAGIC = {
    "pdf": {".pdf"},
    "png": {".png"},
    "jpg": {".jpg", ".jpeg", ".jfif"},
    "jpeg": {".jpg", ".jpeg", ".jfif"},
    "gif": {".gif"},
    "webp": {".webp"},
    "doc": {".doc", ".xls", ".ppt", ".msi", ".msg"},  # one container for all of old Office
}
_CONTAINER = b"RIFF"  # of pictures, sounds and films alike: alone it says nothing


class UploadRefusedError(InvalidInputError):
    """A file we do not take, with the reason for the person who sent it."""

    field = "file"


def detect_kind(file: BinaryIO, *, name: str, size: int, allowed: frozenset[str]) -> str:
    """The kind of the file ("pdf", …), one of `allowed`, or `UploadRefusedError`. Leaves `file` at its start."""
    kind = PurePath(name).suffix.lower().lstrip(".")
    if kind not in allowed:
        kinds = ", ".join(sorted(allowed)).upper()
        raise UploadRefusedError(_("We take these kinds of file: %(kinds)s.") % {"kinds": kinds}, code="file_kind")
    if size > settings.MAX_UPLOAD_SIZE_MB * 1024 * 1024:
        limit = settings.MAX_UPLOAD_SIZE_MB
        raise UploadRefusedError(_("The file is larger than %(limit)s MB.") % {"limit": limit}, code="file_size")
    if size == 0:
        raise UploadRefusedError(_("The file is empty."), code="file_empty")
    file.seek(0)
    matches = _CHECKS[kind](file) if kind in _CHECKS else _has_magic(file, kind)
    file.seek(0)
    if not matches:
        raise UploadRefusedError(
            _("The content is not that of a %(kind)s file. Please check the file and send it again.")
            % {"kind": kind.upper()},
            code="file_content",
        )
    return kind


def _has_magic(file: BinaryIO, kind: str) -> bool:
    try:
        matches = puremagic.magic_stream(file)
    except (puremagic.PureError, ValueError):
        return False
    return any(match.extension in _MAGIC[kind] and match.byte_match != _CONTAINER for match in matches)


def _is_text(file: BinaryIO) -> bool:
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return "\0" not in text and text.lstrip()[:5].lower() not in ("<html", "<!doc", "%pdf-")


def _is_docx(file: BinaryIO) -> bool:
    if file.read(4) != b"PK\x03\x04":  # zipfile looks from the end, and would take a picture with a ZIP behind it
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ZIP_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
                raise UploadRefusedError(
                    _("The file unpacks to far more than its size and is not read."), code="file_bomb"
                )
            names = {entry.filename for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # the last for names that are not UTF-8
        return False
    return {"[Content_Types].xml", "word/document.xml"} <= names


def _is_html(file: BinaryIO) -> bool:
    """As browsers tell it from its first bytes (WHATWG MIME Sniffing, 7.1), the declarations that begin a page."""
    start = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<!--", b"<head", b"<body")) and b"\0" not in start


_CHECKS = {"txt": _is_text, "md": _is_text, "docx": _is_docx, "html": _is_html}
