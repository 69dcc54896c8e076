"""The document as a whole: date, number, type and what each type asks for (00403, 00409, 00418, 00425, 00473–00475)."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from django.utils.translation import gettext as _

from invoicing.fatturapa.law import CREDIT_NOTE, INTENT, INTENT_NATURE, NOTES
from invoicing.fatturapa.preflight.parties import Party
from invoicing.fatturapa.preflight.violation import BODY, GENERAL, HEADER, LINES, SUMMARIES, Node, Violation

_PROTOCOL = re.compile(r"[0-9]{17} ?[-/] ?[0-9]{6}")
_FROM_ABROAD = frozenset(("TD17", "TD18", "TD19", "TD28"))
_WITH_VAT_NUMBER = frozenset(("TD16", "TD17", "TD18", "TD19", "TD20", "TD22", "TD23", "TD28", "TD29"))
# art. 21, c. 4, DPR 633/1972: twelve days from the operation; a deferred one by the 15th of the next month
_DAYS_TO_SEND = 12


def errors(body: Node, seller: Party, buyer: Party, today: date) -> Iterator[Violation]:
    """What SDI refuses in one document received on `today`."""
    general = body.block(*GENERAL)
    kind, day = general.text("TipoDocumento"), read_day(general.text("Data"))
    yield from common_errors(general, today)
    if kind == CREDIT_NOTE:
        for linked in body.blocks("DatiGenerali", "DatiFattureCollegate"):
            if (linked_date := linked.text("Data")) and read_day(linked_date) > day:
                message = _("The credit note is dated before the invoice it is about.")
                yield Violation("00418", "linked_invoices", message)
    yield from _type(body, kind, seller, buyer)


def common_errors(general: Node, today: date) -> Iterator[Violation]:
    """Those of them that ordinary and simplified invoices share."""
    if read_day(general.text("Data")) > today:
        yield Violation("00403", "date", _("The date of the invoice is in the future."))
    if not any(char.isdigit() for char in general.text("Numero")):
        yield Violation("00425", "number", _("The number of the invoice has no digit."))


def _type(body: Node, kind: str, seller: Party, buyer: Party) -> Iterator[Violation]:
    if seller.country == "OO":
        is_wrong_country = kind not in ("TD17", "TD19")
    elif kind == "TD28":
        is_wrong_country = seller.country != "SM"
    else:
        is_wrong_country = (kind in _FROM_ABROAD and seller.country == "IT") or (
            kind == "TD29" and seller.country != "IT"
        )
    if is_wrong_country:
        yield Violation("00473", "seller.country", _("The seller's country does not fit this type of document."))
    if kind == "TD21" and any(line.number("AliquotaIVA") == 0 for line in body.blocks(*LINES)):
        yield Violation("00474", "lines", _("A document of type TD21 has no lines without VAT."))
    if kind in _WITH_VAT_NUMBER and not buyer.vat_number:
        yield Violation("00475", "buyer.vat_number", _("This type of document needs the customer's partita IVA."))


def lot_errors(root: Node, credit_note: str = CREDIT_NOTE) -> Iterator[Violation]:
    """00409: the same number twice in one file, except for a credit note and another document."""
    keys = set()
    for general in root.blocks(BODY, *GENERAL):
        is_credit = general.text("TipoDocumento") == credit_note
        key = general.text("Numero"), general.text("Data")[:4], is_credit
        if key in keys:
            yield Violation("00409", "number", _("The file has the same document twice."))
        keys.add(key)


def warnings(root: Node, body: Node, today: date) -> Iterator[Violation]:
    """What SDI does not look at: missing references, lateness, a total that is no sum."""
    general = body.block(*GENERAL)
    kind, day = general.text("TipoDocumento"), read_day(general.text("Data"))
    if kind in NOTES and not body.block("DatiGenerali").has("DatiFattureCollegate"):
        yield Violation("linked_missing", "linked_invoices", _("A credit or debit note should name its invoice."))
    yield from late(kind, day, today)
    blocks = body.blocks(*SUMMARIES)
    sums = sum(block.number("ImponibileImporto") + block.number("Imposta") for block in blocks)
    has_total = general.has("ImportoTotaleDocumento")
    if has_total and general.number("ImportoTotaleDocumento") != sums + general.number("Arrotondamento"):
        yield Violation("total", "total", _("The total of the document is not the sum of its parts."))
    yield from _intents(body)
    if root.block(HEADER, "DatiTrasmissione").text("FormatoTrasmissione") == "FPA12":
        kinds = ("DatiOrdineAcquisto", "DatiContratto", "DatiConvenzione")
        references = [reference for name in kinds for reference in body.blocks("DatiGenerali", name)]
        if not any(reference.text("CodiceCIG") or reference.text("CodiceCUP") for reference in references):
            message = _("Most offices refuse an invoice without CIG or CUP (art. 25, DL 66/2014).")
            yield Violation("cig_missing", "purchase_order", message)


def _intents(body: Node) -> Iterator[Violation]:
    """AdE, provv. 293390/2021: a line of Natura N3.5 names the declaration of intent by protocol and date."""
    for line in body.blocks(*LINES):
        data = [block for block in line.blocks("AltriDatiGestionali") if block.text("TipoDato").upper() == INTENT]
        is_named = any(
            _PROTOCOL.fullmatch(block.text("RiferimentoTesto")) and block.has("RiferimentoData") for block in data
        )
        if line.text("Natura") == INTENT_NATURE and not is_named:
            message = _(
                "N3.5 without a declaration of intent: AltriDatiGestionali with INTENTO, its protocol "
                "(08060120341234567-000001) and the date of its receipt is missing."
            )
            yield Violation("intent_missing", f"lines.{line.text('NumeroLinea')}", message)


def late(kind: str, day: date, today: date) -> Iterator[Violation]:
    """A document that is sent after its term."""
    if today > _last_day(kind, day):
        message = _("Later than the law allows to send it (art. 21, c. 4, DPR 633/1972): SDI takes it all the same.")
        yield Violation("late", "date", message)


def read_day(text: str) -> date:
    """A date of the schema, which may have a time zone, and a year of five digits: as late as dates go."""
    return date.fromisoformat(text[:10]) if text[4] == "-" else date.max


def _last_day(kind: str, day: date) -> date:
    if kind in ("TD24", "TD25"):
        first_of_next = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return first_of_next.replace(day=15)
    return day + timedelta(days=_DAYS_TO_SEND)
