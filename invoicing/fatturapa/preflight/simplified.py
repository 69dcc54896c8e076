"""SDI's controls on simplified invoices (FSM10; art. 21-bis, DPR 633/1972): 00400, 00401, 00409, 00418, 00445, 00460.

Amounts include VAT (2.2.2); a line says its tax (2.2.3.1), its rate (2.2.3.2), or both. Numbers are those of the
simplified layout; what both layouts share is in `parties` and `documents`.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import CENT, round_eur
from invoicing.fatturapa.preflight import documents, parties
from invoicing.fatturapa.preflight.parties import Party
from invoicing.fatturapa.preflight.violation import BODY, GENERAL, HEADER, Node, Violation

_CREDIT_NOTE = "TD08"
_LINES = ("DatiBeniServizi",)
# DM 10 maggio 2019; sellers under the flat-rate and the cross-border franchise have no limit (D.Lgs. 180/2024)
_LIMIT = Decimal(400)
_WITHOUT_LIMIT = frozenset(("RF19", "RF20"))


def errors(document: Node, version: str, today: date) -> Iterator[Violation]:
    """What SDI refuses in a simplified invoice received on `today`."""
    seller, buyer = _parties(document)
    yield from parties.common_errors(document, seller, buyer, version)
    yield from documents.lot_errors(document, _CREDIT_NOTE)
    regime = document.block(HEADER, "CedentePrestatore").text("RegimeFiscale")
    for body in document.blocks(BODY):
        general, corrected = body.block(*GENERAL), body.block("DatiGenerali", "DatiFatturaRettificata")
        yield from documents.common_errors(general, today)
        linked_day = corrected.text("DataFR")
        is_credit_note = general.text("TipoDocumento") == _CREDIT_NOTE and linked_day
        if is_credit_note and documents.read_day(linked_day) > documents.read_day(general.text("Data")):
            yield Violation("00418", "linked_invoices", _("The credit note is dated before the invoice it is about."))
        lines = body.blocks(*_LINES)
        total = sum((line.number("Importo") for line in lines), Decimal(0))
        if total > _LIMIT and not linked_day and regime not in _WITHOUT_LIMIT:
            message = _(
                "A simplified invoice is of %(limit)s euros at most, this one of %(total)s: issue an ordinary one."
            )
            yield Violation("00460", "total", message % {"limit": _LIMIT, "total": total})
        for position, line in enumerate(lines, start=1):
            yield from _rate(line, f"lines.{position}")


def warnings(document: Node, today: date) -> Iterator[Violation]:
    """What SDI lets pass: lateness, an unknown office of a partita IVA, a tax that is missing or wrong."""
    yield from parties.warnings(_parties(document))
    for body in document.blocks(BODY):
        general = body.block(*GENERAL)
        yield from documents.late(general.text("TipoDocumento"), documents.read_day(general.text("Data")), today)
        for position, line in enumerate(body.blocks(*_LINES), start=1):
            yield from _tax(line, f"lines.{position}")


def _parties(document: Node) -> tuple[Party, Party]:
    header = document.block(HEADER)
    buyer = header.block("CessionarioCommittente", "IdentificativiFiscali")
    return parties.party_of(header.block("CedentePrestatore")), parties.party_of(buyer)


def _rate(line: Node, field: str) -> Iterator[Violation]:
    tax, nature = line.block("DatiIVA"), line.text("Natura")
    if tax.has("Aliquota"):
        rate = tax.number("Aliquota")
        if rate == 0 and not nature:
            yield Violation("00400", field, _("Where there is no VAT, its Natura must say why."))
        if rate > 0 and nature:
            yield Violation("00401", field, _("Where there is VAT, there can be no Natura."))
    if nature in ("N2", "N3"):
        yield Violation("00445", field, _("The Natura needs its subcode, for instance N2.1."))


def _tax(line: Node, field: str) -> Iterator[Violation]:
    block = line.block("DatiIVA")
    if not block.has("Imposta") and not block.has("Aliquota"):
        yield Violation("vat_missing", field, _("The line says neither its VAT nor its rate."))
    if block.has("Imposta") and block.has("Aliquota"):
        rate, tax = block.number("Aliquota"), block.number("Imposta")
        expected = round_eur(line.number("Importo") * rate / (100 + rate))
        if abs(tax - expected) > CENT:
            message = _("The VAT is %(tax)s, what the amount holds at this rate %(expected)s.")
            yield Violation("vat", field, message % {"tax": tax, "expected": expected})
