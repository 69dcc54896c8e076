"""A FatturaPA file as it lies on a disk or in a mail: by its name, signed or not, checked as SDI would check it."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from invoicing.fatturapa import preflight
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.schema import UnreadableXmlError, parse
from invoicing.sdi.p7m import P7mError, read_p7m

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@dataclass(frozen=True)
class CheckedFile:
    """`format` is FPR12, FPA12, … or "" when the file has none to read."""

    format: str
    is_signed: bool
    errors: tuple[Violation, ...]
    warnings: tuple[Violation, ...]


def check(file_name: str, content: bytes, *, today: date) -> CheckedFile:
    """What SDI would say to this file, received on `today` under `file_name`."""
    errors = preflight.file_violations(file_name, content)
    is_signed = file_name.lower().endswith(".p7m")
    xml = content
    if is_signed:
        try:
            signed = read_p7m(content)
        except P7mError as error:
            return CheckedFile(
                "", True, (*errors, Violation("00102", "file", str(error))), tuple(preflight.file_warnings(file_name))
            )
        xml = signed.content
        errors += [Violation("00102", "file", trouble) for trouble in signed.troubles]
    format_, has_signature = _read(xml)
    errors += preflight.violations(xml, today=today)
    warnings = preflight.file_warnings(file_name)
    if format_ == "FPA12" and not is_signed and not has_signature:
        unsigned = _("An invoice to a public administration must be signed before it is sent.")
        warnings.append(Violation("unsigned", "file", unsigned))
    warnings += preflight.warnings(xml, today=today) if format_ and not errors else []
    return CheckedFile(format_, is_signed, tuple(errors), tuple(warnings))


def _read(xml: bytes) -> tuple[str, bool]:
    """Its format, and whether it carries a XAdES signature."""
    try:
        root = parse(xml)
    except UnreadableXmlError:
        return "", False
    format_ = root.findtext("FatturaElettronicaHeader/DatiTrasmissione/FormatoTrasmissione", "").strip()
    return format_, root.find(_SIGNATURE) is not None
