"""A FatturaPA file as it lies on a disk or in a mail, plain, signed or zipped, checked as SDI would check it."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from invoicing.fatturapa import preflight
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.schema import UnreadableXmlError, parse
from invoicing.sdi.p7m import P7mError, read_p7m
from invoicing.sdi.zip_file import Member, ZipError, read_zip

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
ZIP = "zip"


@dataclass(frozen=True)
class CheckedFile:
    """`format` is FPR12, FPA12, FSM10, "zip", or "" when the file has none to read; `files` are those of a zip."""

    name: str
    format: str
    is_signed: bool
    errors: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    files: tuple["CheckedFile", ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether SDI would take it, and everything in it."""
        return not self.errors and all(file.is_accepted for file in self.files)


def check(file_name: str, content: bytes, *, today: date) -> CheckedFile:
    """What SDI would say to this file, received on `today` under `file_name`."""
    errors = preflight.file_violations(file_name, content)
    if file_name.lower().endswith(".zip"):
        return _check_zip(file_name, content, errors, today)
    is_signed = file_name.lower().endswith(".p7m")
    xml = content
    if is_signed:
        try:
            signed = read_p7m(content)
        except P7mError as error:
            errors.append(Violation("00102", "file", str(error)))
            return CheckedFile(file_name, "", True, tuple(errors), tuple(preflight.file_warnings(file_name)))
        xml = signed.content
        errors += [Violation("00102", "file", trouble) for trouble in signed.troubles]
    format_, has_signature = _read(xml)
    # a file that is too large is so once, not again as a document
    errors += [violation for violation in preflight.violations(xml, today=today) if violation not in errors]
    warnings = preflight.file_warnings(file_name)
    if format_ == "FPA12" and not is_signed and not has_signature:
        unsigned = _("An invoice to a public administration must be signed before it is sent.")
        warnings.append(Violation("unsigned", "file", unsigned))
    warnings += preflight.warnings(xml, today=today) if format_ and not errors else []
    return CheckedFile(file_name, format_, is_signed, tuple(errors), tuple(warnings))


def _check_zip(file_name: str, content: bytes, errors: list[Violation], today: date) -> CheckedFile:
    warnings = tuple(preflight.file_warnings(file_name))
    files: tuple[CheckedFile, ...] = ()
    if not errors:
        try:
            files = tuple(_check_member(member, today) for member in read_zip(content))
        except ZipError as error:
            errors = [error.violation]
    return CheckedFile(file_name, ZIP, False, tuple(errors), warnings, files)


def _check_member(member: Member, today: date) -> CheckedFile:
    if member.trouble:
        return CheckedFile(member.name, "", False, (member.trouble,), ())
    return check(member.name, member.content, today=today)


def _read(xml: bytes) -> tuple[str, bool]:
    """Its format, and whether it carries a XAdES signature."""
    try:
        root = parse(xml)
    except UnreadableXmlError:
        return "", False
    format_ = root.findtext("FatturaElettronicaHeader/DatiTrasmissione/FormatoTrasmissione", "").strip()
    return format_, root.find(_SIGNATURE) is not None
