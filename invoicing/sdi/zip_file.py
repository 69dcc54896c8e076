"""Opens a zip of FatturaPA files as SDI takes it: files beside each other, each with its own name, unsigned itself.

Everything is read within limits, for the archive comes from anybody: a few kilobytes may unpack to terabytes.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.schema import MAX_BYTES

MAX_FILES = 1_000
MAX_UNPACKED_BYTES = 10 * MAX_BYTES
_KINDS = (".xml", ".xml.p7m")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


class ZipError(ValueError):
    """The archive as a whole cannot be taken; `violation` says why."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.message)
        self.violation = violation


@dataclass(frozen=True)
class Member:
    """One file of the archive: its `content`, or what speaks against even reading it."""

    name: str
    content: bytes
    trouble: Violation | None = None


def read_zip(content: bytes) -> list[Member]:
    """The files of an archive in its order; `ZipError` when it is none, is empty, or unpacks to too much."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ZipError(Violation("00106", "file", _("This is no readable zip archive: pack it again."))) from error
    with archive:
        if not archive.infolist():
            raise ZipError(Violation("00106", "file", _("The archive is empty.")))
        if len(archive.infolist()) > MAX_FILES:
            message = _("The archive has more than %(count)s files: divide it.") % {"count": MAX_FILES}
            raise ZipError(Violation("00106", "file", message))
        return list(_members(archive))


def _members(archive: zipfile.ZipFile) -> Iterator[Member]:
    names: set[str] = set()
    left = MAX_UNPACKED_BYTES
    for info in archive.infolist():
        trouble = _name_trouble(info, names) or _packing_trouble(info)
        names.add(info.filename.lower())
        if trouble:
            yield Member(info.filename, b"", trouble)
            continue
        member = _read(archive, info)
        left -= len(member.content)
        if left < 0:
            message = _("The archive unpacks to more than %(size)s MB: divide it.")
            raise ZipError(Violation("00003", "file", message % {"size": MAX_UNPACKED_BYTES // 1024**2}))
        yield member


def _name_trouble(info: zipfile.ZipInfo, names: set[str]) -> Violation | None:
    if info.is_dir() or "/" in info.filename or "\\" in info.filename:
        return Violation("00001", "file", _("SDI takes no folders in an archive: put the files beside each other."))
    if not info.filename.lower().endswith(_KINDS):
        return Violation("00001", "file", _("Only .xml and .xml.p7m files belong into the archive: take this one out."))
    if info.filename.lower() in names:
        return Violation("00002", "file", _("The archive has two files of this name: rename one."))
    return None


def _packing_trouble(info: zipfile.ZipInfo) -> Violation | None:
    if info.flag_bits & _ENCRYPTED:
        return Violation("00106", "file", _("The file is protected by a password, which SDI cannot open."))
    if info.compress_type not in _METHODS:
        return Violation("00106", "file", _("The file is packed in an unusual way: pack the archive as a plain zip."))
    return None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    try:
        # what the directory says of the size is the sender's word: one byte more than allowed is read, and no more
        with archive.open(info) as packed:
            content = packed.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError):
        return Member(info.filename, b"", Violation("00106", "file", _("The file is damaged: pack the archive again.")))
    return Member(info.filename, content)
