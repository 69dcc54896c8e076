"""The arithmetic of an invoice as SDI checks it: lines (00423), summary by rate (00421, 00422), the total."""

from dataclasses import dataclass
from decimal import Decimal

from core.money import round_eur, vat_on
from invoicing.draft import InvoiceDraft, Line


@dataclass(frozen=True)
class Summary:
    """DatiRiepilogo (2.2.2) of one rate."""

    vat_rate: Decimal
    net: Decimal
    vat: Decimal


@dataclass(frozen=True)
class Totals:
    """The sums of a document in euros."""

    net: Decimal
    vat: Decimal
    gross: Decimal


def line_total(line: Line) -> Decimal:
    """PrezzoTotale (2.2.1.11): unit price times quantity, rounded to the cent."""
    return round_eur(line.unit_price * line.quantity)


def summaries(draft: InvoiceDraft) -> list[Summary]:
    """One block per rate, highest first; the tax is taken of the sum, never line by line."""
    rates = sorted({line.vat_rate for line in draft.lines}, reverse=True)
    blocks = []
    for rate in rates:
        net = sum((line_total(line) for line in draft.lines if line.vat_rate == rate), Decimal(0))
        blocks.append(Summary(rate, net, vat_on(net, rate)))
    return blocks


def totals(draft: InvoiceDraft) -> Totals:
    """ImportoTotaleDocumento (2.1.1.9) is `gross`."""
    blocks = summaries(draft)
    net = sum((block.net for block in blocks), Decimal(0))
    vat = sum((block.vat for block in blocks), Decimal(0))
    return Totals(net, vat, net + vat)
