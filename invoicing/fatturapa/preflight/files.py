"""00001 and 00003: the file's name and size."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from invoicing.fatturapa.preflight.violation import Violation
from invoicing.fatturapa.schema import MAX_BYTES

# an Italian transmitter has a codice fiscale of 11 to 16 characters, any other an identifier of 2 to 28
_NAME = re.compile(
    r"(IT[A-Z0-9]{11,16}|(?!IT)[A-Z]{2}[A-Za-z0-9]{2,28})_[A-Za-z0-9]{1,5}\.(xml|xml\.p7m|zip)", re.IGNORECASE
)


_SDI_NAME = re.compile(r"[A-Z]{2}[A-Za-z0-9]{2,28}_")


def errors(file_name: str, content: bytes) -> Iterator[Violation]:
    """What SDI refuses before it reads the document."""
    if _SDI_NAME.match(file_name):
        yield from _wrong_name(file_name)
    if len(content) > MAX_BYTES:
        yield Violation("00003", "file", _("The file is larger than the 5 MB that SDI takes."))


def warnings(file_name: str) -> Iterator[Violation]:
    """A name that nobody meant for SDI: the file was saved under it, and gets another before it is sent."""
    if not _SDI_NAME.match(file_name):
        yield from _wrong_name(file_name)


def _wrong_name(file_name: str) -> Iterator[Violation]:
    if not _NAME.fullmatch(file_name):
        yield Violation("00001", "file", _("The file's name is not IT<codice fiscale>_<up to five characters>.xml."))
