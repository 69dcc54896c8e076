"""What a person was shown before a document is issued, so that nothing else is issued for it.

The page carries a description of the document it shows in a hidden field; whoever issues describes what would be issued
and compares. The number is left out: nobody is promised one.
"""

import datetime
import hashlib
import json
from decimal import Decimal, InvalidOperation

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.templatetags.ui import eur
from invoicing.fatturapa.draft import InvoiceDraft
from invoicing.fatturapa.totals import TotalsError, compute_totals
from invoicing.fatturapa.xml import Transmission, build_xml

# any number and file will do, as long as they are the same for both
_NUMBER, _TRANSMISSION = "0", Transmission("00000000000", "00000")

_AMOUNTS = frozenset(("vat", "total", "due"))


class NotAsShownError(DomainError):
    """What would be issued is not what was shown: it has to be looked at once more."""

    code = "not_as_shown"


def describe(draft: InvoiceDraft) -> str:
    """The document `draft` becomes, as JSON: what a person looks at, and the SHA-256 of all of its XML.

    "" while its figures lead nowhere, which can be shown and not issued.
    """
    try:
        figures = compute_totals(draft)
    except TotalsError:
        return ""
    xml = build_xml(draft, number=_NUMBER, transmission=_TRANSMISSION, figures=figures)
    description = {
        "document_type": draft.document_type,
        "date": draft.date.isoformat(),
        "series": draft.series,
        "buyer": draft.buyer.name or f"{draft.buyer.first_name} {draft.buyer.last_name}",
        "vat": f"{figures.vat:f}",
        "total": f"{figures.gross:f}",
        # of most documents all is to be paid, and of a credit note nothing: said only where it is another figure
        "due": f"{figures.due:f}" if figures.due != figures.gross else "",
        "sha256": hashlib.sha256(xml).hexdigest(),
    }
    return json.dumps(description, ensure_ascii=False)


def ensure_as_shown(draft: InvoiceDraft, description: str) -> None:
    """Raise `NotAsShownError`, which says what has changed, unless `description` is that of `draft`."""
    current = _read(describe(draft))
    before = _read(description)
    if current and current == before:
        return
    if not before:
        raise NotAsShownError(_("Nothing has been issued yet: look at the document first."))
    words = {
        "document_type": _("type"), "date": _("date"), "series": _("series"), "buyer": _("customer"), "vat": _("VAT"),
        "total": _("total"), "due": _("to pay"),
    }  # fmt: skip
    changes = [
        f"{word} {_in_words(name, before)} → {_in_words(name, current)}"
        for name, word in words.items()
        if before.get(name) != current.get(name)
    ]
    message = _("Nothing has been issued: this is no longer the document shown (%(changes)s). Look at it again.")
    raise NotAsShownError(message % {"changes": ", ".join(changes) or _("its text")})


def _in_words(name: str, description: dict[str, str]) -> str:
    value = description.get(name) or "–"
    try:
        if name == "date":
            return date_format(datetime.date.fromisoformat(value), "SHORT_DATE_FORMAT")
        return eur(Decimal(value)) if name in _AMOUNTS else value
    except (ValueError, TypeError, InvalidOperation):  # what came back is not what was in the page
        return value


def _read(description: str) -> dict[str, str]:
    """The description as a mapping; {} for what is none, such as a field that somebody has emptied."""
    try:
        data = json.loads(description)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
