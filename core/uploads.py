"""What an uploaded file really is: extension, size and content must agree before anything reads it."""

import codecs
import re
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO

import puremagic
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core import pictures
from core.errors import InvalidInputError

# A packed file may not grow beyond this when read (a 195 kB docx can hold 200 MB).
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_ZIP_ENTRIES = 2_000
FILES_AT_ONCE = 5
# More than a camera's picture has that fits into an upload; unpacked, four bytes each (OWASP ASVS 5.0, 5.2.6).
MAX_PIXELS = 150_000_000
MAX_NAME = 120

_MAGIC = {
    "pdf": {".pdf"},
    "png": {".png"},
    "jpg": {".jpg", ".jpeg", ".jfif"},
    "jpeg": {".jpg", ".jpeg", ".jfif"},
    "gif": {".gif"},
    "webp": {".webp"},
    "doc": {".doc", ".xls", ".ppt", ".msi", ".msg"},  # one container for all of old Office: see _is_old_word
}
_SAME_KIND = {"htm": "html", "xhtml": "html"}
_ODT = b"mimetypeapplication/vnd.oasis.opendocument.textPK"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # [MS-OFFCRYPTO] 2.3.4: the stream that holds the locked file
# [MS-CFB] 2.6.1 and [MS-DOC] 2.1: names of streams, as the container's directory has them
_WORD_STREAM = "WordDocument".encode("utf-16-le")
_MACRO_STREAM = "_VBA_PROJECT".encode("utf-16-le")
# of Office (ECMA-376 leaves them to [MS-OFFMACRO2]), of LibreOffice (ODF 1.3, part 2, 2.2.1), of Java
_MACRO_ENTRY = re.compile(
    r"(?:.*/)?vba(?:project\.bin|data\.xml)|basic/[^/]+/(?!script-lb\.|dialog-lb\.)[^/]+|scripts/.+|meta-inf/manifest\.mf",
    re.IGNORECASE,
)
_SEARCHED = 16 * 1024 * 1024
# readers of PDF look for its first words so far into a file (PDF 1.7, implementation note 13 in annex H)
_PDF_BEGINS_WITHIN = 1024
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?<(?:!--|!doctype\s+html|/?(?:html|head|body|title|meta|link|style|script|base|h[1-6]|p|br|hr"
    r"|div|span|section|article|aside|main|header|footer|nav|address|blockquote|figure|pre|table|thead|tbody|tr|t[dh]|ul|ol"
    r"|li|dl|dt|dd|a|b|i|u|em|strong|small|img|font|center|details)[\s/>])",
    re.IGNORECASE,
)
_CONTAINER = b"RIFF"  # of pictures, sounds and films alike: alone it says nothing


class UploadRefusedError(InvalidInputError):
    """A file we do not take, with the reason for the person who sent it."""

    field = "file"


def detect_kind(file: BinaryIO, *, name: str, size: int, allowed: frozenset[str]) -> str:
    """The kind of the file ("pdf", …), one of `allowed`, or `UploadRefusedError`. Leaves `file` at its start.

    Pages by their other names ("htm", "xhtml") are of the kind "html".
    """
    suffix = PurePath(name).suffix.lower().lstrip(".")
    if suffix not in allowed:
        kinds = ", ".join(sorted(allowed)).upper()
        raise UploadRefusedError(_("We take these kinds of file: %(kinds)s.") % {"kinds": kinds}, code="file_kind")
    if size > settings.MAX_UPLOAD_SIZE_MB * 1024 * 1024:
        limit = settings.MAX_UPLOAD_SIZE_MB
        raise UploadRefusedError(
            _("The file is larger than %(limit)s MB. Make it smaller or split it, and send it again.")
            % {"limit": limit},
            code="file_size",
        )
    if size == 0:
        raise UploadRefusedError(_("The file is empty. Choose another one."), code="file_empty")
    kind = _SAME_KIND.get(suffix, suffix)
    file.seek(0)
    matches = _CHECKS[kind](file) if kind in _CHECKS else _has_magic(file, kind)
    file.seek(0)
    if not matches:
        raise _wrong_content(suffix)
    _check_faces(file, kind)
    if kind in pictures.KINDS:
        _check_pixels(file, kind)
    file.seek(0)
    return kind


def clean_name(name: str) -> str:
    """A name without path, control or direction characters, which could make it look like another kind of file.

    At most `MAX_NAME` characters, the extension in lower case.
    """
    composed = unicodedata.normalize("NFC", PurePath(name.replace("\\", "/")).name)  # macOS sends e + accent apart
    path = PurePath(re.sub(r"[^\w .()+-]", "_", composed))
    return f"{path.stem[: MAX_NAME - 20]}{path.suffix[:20].lower()}"


def _check_faces(file: BinaryIO, kind: str) -> None:
    """Refuse what is also a PDF or an archive to whoever looks elsewhere than at its beginning."""
    file.seek(0)
    is_pdf_too = kind not in {"pdf", *_TEXTS} and b"%PDF-" in file.read(_PDF_BEGINS_WITHIN)
    file.seek(0)
    # an old Word file may hold a new Excel sheet, which is an archive
    is_archive_too = kind not in {"doc", *_TEXTS, *_ARCHIVES} and zipfile.is_zipfile(file)
    if is_pdf_too or is_archive_too:
        message = _("The file is two kinds of file at once. Open it, save it anew and send the new file.")
        raise UploadRefusedError(message, code="file_polyglot")


def _check_pixels(file: BinaryIO, kind: str) -> None:
    size = pictures.read_size(file, kind)
    if size is None:
        raise _wrong_content(kind)
    if size[0] * size[1] > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        message = _("The picture has more than %(limit)s million pixels. Make it smaller and send it again.")
        raise UploadRefusedError(message % {"limit": limit}, code="file_pixels")


def _wrong_content(kind: str) -> UploadRefusedError:
    message = _("The content is not that of a %(kind)s file. Please check the file and send it again.")
    return UploadRefusedError(message % {"kind": kind.upper()}, code="file_content")


def _macros() -> UploadRefusedError:
    message = _("The file holds macros or programs. Save it without them, or as a PDF, and send that.")
    return UploadRefusedError(message, code="file_macros")


def _has_magic(file: BinaryIO, kind: str) -> bool:
    try:
        matches = puremagic.magic_stream(file)
    except (puremagic.PureError, ValueError):
        return False
    return any(match.extension in _MAGIC[kind] and match.byte_match != _CONTAINER for match in matches)


def _is_old_word(file: BinaryIO) -> bool:
    """Of the many kinds in the container of old Office, the one with a text of Word's in it."""
    if not _has_magic(file, "doc"):
        return False
    file.seek(0)
    content = file.read(_SEARCHED)
    if _MACRO_STREAM in content:
        raise _macros()
    return _WORD_STREAM in content


def _is_text(file: BinaryIO) -> bool:
    """Words in any encoding: UTF-8, UTF-16, or a letter a byte, where only a program's file has control characters."""
    content = file.read()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    elif content[1::2].count(0) * 2 > len(content[1::2]) > 0 or content[::2].count(0) * 2 > len(content[::2]):
        text = content.replace(b"\0", b"").decode("latin-1")
    else:
        text = content.decode("latin-1").removeprefix("\xef\xbb\xbf")
    return not _CONTROLS.search(text) and text.lstrip()[:5].lower() not in ("<html", "<!doc", "%pdf-")


def _is_archive_of(*names: str) -> Callable[[BinaryIO], bool]:
    def is_archive(file: BinaryIO) -> bool:
        return set(names) <= _names_in_archive(file)

    return is_archive


def _is_odt(file: BinaryIO) -> bool:
    """As its first entry says, which lies there unpacked for this purpose (ODF 1.3, part 2, 3.3)."""
    if not {"content.xml", "META-INF/manifest.xml"} <= _names_in_archive(file):
        return False
    file.seek(30)
    return file.read(len(_ODT)) == _ODT


def _names_in_archive(file: BinaryIO) -> set[str]:
    """Of the files in a ZIP; none if it is no ZIP. Refuses what is locked or would burst when it is read."""
    start = file.read(8)
    if start == _OLE and _ENCRYPTED in file.read(
        _SEARCHED
    ):  # Office puts a locked file into the container of old Office
        raise UploadRefusedError(
            _("The file is protected with a password. Remove the password and send it again."), code="file_locked"
        )
    if not start.startswith(b"PK\x03\x04"):  # zipfile looks from the end, and would take a picture with a ZIP behind it
        return set()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ZIP_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
                raise UploadRefusedError(
                    _("The file unpacks to far more than its size and is not read."), code="file_bomb"
                )
            if any(_MACRO_ENTRY.fullmatch(entry.filename) for entry in entries):
                raise _macros()
            return {entry.filename for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # the last for names that are not UTF-8
        return set()


def _is_html(file: BinaryIO) -> bool:
    """A page or a piece of one, by its first tag (WHATWG MIME Sniffing, 7.1, and the tags that begin a piece)."""
    start = file.read(2048)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = start.decode("utf-16", errors="ignore")
    else:
        text = start.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    return bool(_PAGE.match(text)) and "\0" not in text


_TEXTS = frozenset({"txt", "md", "html"})
_ARCHIVES = frozenset({"docx", "pptx", "xlsx", "odt"})
_CHECKS: dict[str, Callable[[BinaryIO], bool]] = {
    "txt": _is_text,
    "md": _is_text,
    "doc": _is_old_word,
    "docx": _is_archive_of("[Content_Types].xml", "word/document.xml"),
    "pptx": _is_archive_of("[Content_Types].xml", "ppt/presentation.xml"),
    "xlsx": _is_archive_of("[Content_Types].xml", "xl/workbook.xml"),
    "odt": _is_odt,
    "html": _is_html,
}
