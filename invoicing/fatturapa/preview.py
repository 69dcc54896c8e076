"""A draft under the number it would get: the XML that would be sent, what speaks against it, and what to look at."""

from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext_lazy as _

from invoicing.fatturapa import draft_checks, preflight
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.fatturapa.preflight import Finding
from invoicing.fatturapa.totals import CannotReckonError, Reckoning, reckon
from invoicing.fatturapa.xml import Transmission, build_xml

_RECKONING = {
    "amount": _("The amounts are too large for an invoice."),
    "discount": _("The discount is more than the document."),
    "gross_unit_price": _("This price with VAT cannot be written as a net price of eight decimals."),
    "unit_price": _("A line needs a price."),
}


@dataclass(frozen=True)
class Examined:
    """`xml` is None when the figures lead nowhere; with `errors` it is what SDI would refuse."""

    xml: bytes | None
    figures: Reckoning | None
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def examine(draft: InvoiceDraft, *, number: str, transmission: Transmission, today: date) -> Examined:
    """Build and check, and say what to look at; changes nothing."""
    examined = checked(draft, number=number, transmission=transmission, today=today)
    if examined.xml is None:
        return examined
    warnings = list(draft_checks.warnings(draft))
    if not examined.errors:
        warnings += preflight.warnings(examined.xml, today=today)
    return replace(examined, warnings=tuple(warnings))


def checked(draft: InvoiceDraft, *, number: str, transmission: Transmission, today: date) -> Examined:
    """The same without warnings: what issuing needs while everybody else waits for the number."""
    try:
        figures = reckon(draft)
    except CannotReckonError as error:
        return Examined(None, None, (Finding(error.code, error.field, str(_RECKONING[error.code])),), ())
    errors = list(draft_checks.errors(draft, figures))
    xml = build_xml(draft, number=number, transmission=transmission, figures=figures)
    # a mistake that has been named is not repeated in the schema's words
    errors += [found for found in preflight.findings(xml, today=today) if not errors or found.code != "00200"]
    return Examined(xml, figures, tuple(_unique(errors)), ())


def _unique(findings: list[Finding]) -> list[Finding]:
    """One finding per code and field: the first, which speaks of the draft and not of the XML."""
    return list({(found.code, found.field): found for found in reversed(findings)}.values())[::-1]
