"""A draft under the number it would get: the XML that would be sent, what speaks against it, and what to look at."""

from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext_lazy as _

from invoicing.fatturapa import draft_checks, preflight
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.totals import Totals, TotalsError, compute_totals
from invoicing.fatturapa.xml import Transmission, build_xml

_TOTALS_ERRORS = {
    "amount": _("The amounts are too large for an invoice."),
    "discount": _("The discount is more than the document."),
    "gross_unit_price": _("This price with VAT cannot be written as a net price of eight decimals."),
    "unit_price": _("A line needs a price."),
}


@dataclass(frozen=True)
class Preview:
    """`xml` is None when the figures lead nowhere; with `errors` it is what SDI would refuse.

    `number` is the one in the XML.
    """

    xml: bytes | None
    figures: Totals | None
    errors: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    number: str = ""


def make_preview(draft: InvoiceDraft, *, number: str, transmission: Transmission, today: date) -> Preview:
    """Build and check, and say what to look at; changes nothing."""
    preview = build_and_check(draft, number=number, transmission=transmission, today=today)
    if preview.xml is None:
        return preview
    warnings = list(draft_checks.warnings(draft))
    if not preview.errors:
        warnings += preflight.warnings(preview.xml, today=today)
    return replace(preview, warnings=tuple(warnings))


def build_and_check(draft: InvoiceDraft, *, number: str, transmission: Transmission, today: date) -> Preview:
    """The same without warnings: what issuing needs while everybody else waits for the number."""
    try:
        figures = compute_totals(draft)
    except TotalsError as error:
        violation = Violation(error.code, error.field, str(_TOTALS_ERRORS[error.code]))
        return Preview(None, None, (violation,), (), number)
    errors = list(draft_checks.errors(draft, figures))
    xml = build_xml(draft, number=number, transmission=transmission, figures=figures)
    # a mistake that has been named is not repeated in the schema's words
    findings = preflight.violations(xml, today=today, is_exact=True)
    errors += [violation for violation in findings if not errors or violation.code != "00200"]
    return Preview(xml, figures, tuple(_unique(errors)), (), number)


def _unique(violations: list[Violation]) -> list[Violation]:
    """One violation per code and field: the first, which speaks of the draft and not of the XML."""
    return list({(violation.code, violation.field): violation for violation in reversed(violations)}.values())[::-1]
