"""Rates, Natura and arithmetic of lines, funds and summaries: 00400–00401, 00411–00424, 00429–00445,
without those of `parties` and `documents`; 00404 (a number used before) is `invoicing.services`'s, which has the rows.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _

from core.money import CENT, round_eur, vat_on
from invoicing.fatturapa.preflight.violation import GENERAL, LINES, SUMMARIES, Node, Violation

Group = tuple[Decimal, str]
# a self-invoice of this type has a Natura beside a rate: it tells of the reverse charge that it carries out
_RATE_AND_NATURE = "TD16"


class _Part(NamedTuple):
    """A line, a fund or a summary with its rate and Natura."""

    node: Node
    rate: Decimal
    nature: str


def errors(body: Node, *, is_exact: bool) -> Iterator[Violation]:
    """What SDI refuses in the figures of one document, and with `is_exact` the cent that SDI tolerates."""
    general = body.block(*GENERAL)
    is_withheld = general.has("DatiRitenuta")
    has_both = general.text("TipoDocumento") == _RATE_AND_NATURE
    funds, blocks = _parts(general.blocks("DatiCassaPrevidenziale")), _parts(body.blocks(*SUMMARIES))
    lines = _parts(body.blocks(*LINES))
    for change in general.blocks("ScontoMaggiorazione"):
        if _is_bare(change):
            yield Violation("00437", "discount", _("A discount needs a percentage or an amount."))
    for line in lines:
        field = f"lines.{line.node.text('NumeroLinea')}"
        yield from _rate(line, field, has_both, missing="00400", superfluous="00401")
        yield from _line(line.node, field, is_withheld, is_exact)
    for fund in funds:
        yield from _rate(fund, "pension_fund", has_both, missing="00413", superfluous="00414")
        if fund.node.text("Ritenuta") == "SI" and not is_withheld:
            message = _("The pension fund is subject to withholding, but the document withholds nothing.")
            yield Violation("00415", "pension_fund", message)
    for block in blocks:
        yield from _rate(block, "summary", has_both, missing="00429", superfluous="00430")
        yield from _summary(block, is_exact)
    yield from _matching(lines, funds, blocks)


def _parts(nodes: list[Node]) -> list[_Part]:
    return [_Part(node, node.number("AliquotaIVA"), node.text("Natura")) for node in nodes]


def _rate(part: _Part, field: str, has_both: bool, *, missing: str, superfluous: str) -> Iterator[Violation]:
    if not has_both:
        if part.rate == 0 and not part.nature:
            yield Violation(missing, field, _("Where there is no VAT, its Natura must say why."))
        if part.rate > 0 and part.nature:
            yield Violation(superfluous, field, _("Where there is VAT, there can be no Natura."))
    if 0 < part.rate < 1:
        yield Violation("00424", field, _("The rate is not in percent."))
    if part.nature in ("N2", "N3", "N6"):
        yield Violation("00445", field, _("The Natura needs its subcode, for instance N2.1."))


def _line(line: Node, field: str, is_withheld: bool, is_exact: bool) -> Iterator[Violation]:
    if line.text("Ritenuta") == "SI" and not is_withheld:
        yield Violation("00411", field, _("A line is subject to withholding, but the document withholds nothing."))
    changes = line.blocks("ScontoMaggiorazione")
    if any(_is_bare(change) for change in changes):
        yield Violation("00438", field, _("A discount needs a percentage or an amount."))
        return
    exact = _apply_discounts(line.number("PrezzoUnitario"), changes) * line.number("Quantita", default="1")
    total = line.number("PrezzoTotale")
    if (round_eur(exact) != total) if is_exact else (abs(exact - total) > CENT):
        message = _("The line's total is %(total)s, its unit price times its quantity %(expected)s.")
        yield Violation("00423", field, message % {"total": total, "expected": round_eur(exact)})


def _is_bare(change: Node) -> bool:
    return not change.has("Percentuale") and not change.has("Importo")


def _apply_discounts(price: Decimal, changes: list[Node]) -> Decimal:
    """The unit price after each discount or surcharge in turn; an amount beats a percentage."""
    for change in changes:
        by_amount = change.has("Importo")
        amount = change.number("Importo") if by_amount else price * change.number("Percentuale") / 100
        price += amount if change.text("Tipo") == "MG" else -amount
    return price


def _summary(block: _Part, is_exact: bool) -> Iterator[Violation]:
    net, tax = block.node.number("ImponibileImporto"), block.node.number("Imposta")
    expected = vat_on(net, block.rate)
    if abs(tax - expected) > (0 if is_exact else CENT):
        message = _("The tax is %(tax)s, the rate times the taxable amount %(expected)s.")
        yield Violation("00421", "summary", message % {"tax": tax, "expected": expected})
    if block.nature.startswith("N6") and block.node.text("EsigibilitaIVA") == "S":
        yield Violation("00420", "split_payment", _("Reverse charge and split payment exclude each other."))


def _matching(lines: list[_Part], funds: list[_Part], blocks: list[_Part]) -> Iterator[Violation]:
    sums = _sums(lines, "PrezzoTotale")
    for group, amount in _sums(funds, "ImportoContributoCassa").items():
        sums[group] = sums.get(group, Decimal(0)) + amount
    summary_sums, rounding = _sums(blocks, "ImponibileImporto"), _sums(blocks, "Arrotondamento")
    rates, summary_rates = {rate for rate, _nature in sums}, {rate for rate, _nature in summary_sums}
    if len(blocks) < len(rates):
        yield Violation("00419", "summary", _("A rate of the lines is missing in the summary."))
    elif rates != summary_rates:
        yield Violation("00443", "summary", _("Lines and summary do not have the same rates."))
    if {nature for _rate, nature in sums if nature} != {nature for _rate, nature in summary_sums if nature}:
        yield Violation("00444", "summary", _("Lines and summary do not have the same Natura."))
    for group, net in summary_sums.items():
        if abs(sums.get(group, Decimal(0)) + rounding[group] - net) >= 1:
            yield Violation("00422", "summary", _("The taxable amount is not the sum of its lines."))


def _sums(parts: list[_Part], amount: str) -> dict[Group, Decimal]:
    sums: dict[Group, Decimal] = {}
    for part in parts:
        group = part.rate, part.nature
        sums[group] = sums.get(group, Decimal(0)) + part.node.number(amount)
    return sums
