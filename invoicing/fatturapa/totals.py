"""From a draft to its figures, as SDI checks them: lines (00423), summary by rate (00421, 00422), what is to pay.

Tax is taken once per rate and Natura, never line by line. Everything is exact to the cent, halves away from zero.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation

from core.money import CENT, round_eur, vat_on
from invoicing.fatturapa.draft import DeclarationOfIntent, Discount, InvoiceDraft, Line
from invoicing.fatturapa.law import STAMP_AMOUNT, STAMP_LINE, STAMP_LINE_NATURE, STAMP_THRESHOLD, law_reference

_ZERO = Decimal(0)
_EIGHT_PLACES = Decimal("0.00000001")


class TotalsError(ValueError):
    """Figures that no document can carry; `field` names the one to change."""

    def __init__(self, message: str, *, field: str, code: str) -> None:
        super().__init__(message)
        self.field, self.code = field, code


@dataclass(frozen=True)
class ReckonedLine:
    """A line as it is written: `unit_price` net before `discounts` (8 decimals), `total` net (2 decimals).

    `kind` is TipoCessionePrestazione: SC for a discount on the document, AC for charges such as stamp duty.
    """

    description: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    vat_rate: Decimal
    nature: str
    discounts: tuple[Discount, ...] = ()
    unit: str = ""
    kind: str = ""
    period_start: datetime.date | None = None
    period_end: datetime.date | None = None
    is_withheld: bool = False
    administration_reference: str = ""
    intent: DeclarationOfIntent | None = None


@dataclass(frozen=True)
class Summary:
    """DatiRiepilogo (2.2.2) of one rate and Natura."""

    vat_rate: Decimal
    nature: str
    net: Decimal
    vat: Decimal
    law_reference: str


@dataclass(frozen=True)
class Fund:
    """The pension fund's contribution and what it is taken on."""

    base: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Totals:
    """All figures of a document in euros. `gross` is ImportoTotaleDocumento, `due` what the customer has to pay.

    `rounding` (2.1.1.10) is the cent by which VAT on the net misses prices that were given with VAT.
    """

    lines: tuple[ReckonedLine, ...]
    summaries: tuple[Summary, ...]
    fund: Fund | None
    stamp_duty: Decimal
    withholding: Decimal
    rounding: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    due: Decimal


def compute_totals(draft: InvoiceDraft) -> Totals:
    """The figures of `draft`; `TotalsError` when a discount, a gross price or an amount leads nowhere."""
    try:
        return _compute(draft)
    except InvalidOperation as error:
        raise TotalsError("amounts beyond 28 digits", field="lines", code="amount") from error


def _compute(draft: InvoiceDraft) -> Totals:
    lines, rounding = _lines(draft)
    lines += _document_discount(draft, lines)
    fund = _fund(draft, lines)
    summaries = _summaries(draft, lines, fund)
    stamp_duty = _stamp_duty(draft, summaries)
    if stamp_duty and draft.stamp_duty.charge_to_customer:
        lines.append(ReckonedLine(STAMP_LINE, Decimal(1), stamp_duty, stamp_duty, _ZERO, STAMP_LINE_NATURE, kind="AC"))
        summaries = _summaries(draft, lines, fund)
    net = sum((block.net for block in summaries), _ZERO)
    vat = sum((block.vat for block in summaries), _ZERO)
    gross = net + vat + rounding
    withholding = _withholding(draft, lines, fund)
    due = gross - withholding - (vat if draft.split_payment else _ZERO)
    return Totals(
        tuple(lines), tuple(summaries), fund, stamp_duty, withholding, rounding, net, vat, gross, due
    )  # fmt: skip


def apply_discounts(price: Decimal, discounts: Sequence[Discount]) -> Decimal:
    """The price after each discount in turn, exactly."""
    for discount in discounts:
        price -= price * discount.percent / 100 if discount.percent is not None else discount.amount or _ZERO
    return price


def _lines(draft: InvoiceDraft) -> tuple[list[ReckonedLine], Decimal]:
    """The lines with their net figures, and the rounding of groups whose prices all include VAT."""
    totals: dict[int, Decimal] = {}
    rounding = _ZERO
    groups: dict[tuple[Decimal, str], list[int]] = {}
    for place, line in enumerate(draft.lines):
        groups.setdefault((line.vat_rate, line.nature), []).append(place)
    for (rate, _nature), places in groups.items():
        if all(draft.lines[place].gross_unit_price is not None for place in places):
            shares, missed = _net_of_gross([draft.lines[place] for place in places], rate)
            totals.update(zip(places, shares, strict=True))
            rounding += missed if draft.discount is None else _ZERO
    return [_line(draft, place, totals.get(place)) for place in range(len(draft.lines))], rounding


def _net_of_gross(lines: Sequence[Line], rate: Decimal) -> tuple[list[Decimal], Decimal]:
    """The net totals of lines priced with VAT, so that VAT on their sum gives back the gross sum; and the cent missed.

    Not every gross sum can be reached (at 22 % one in six cannot): the missing cent goes into the document's rounding.
    """
    grosses = [apply_discounts(line.gross_unit_price or _ZERO, line.discounts) * line.quantity for line in lines]
    gross = round_eur(sum(grosses, _ZERO))
    guess = round_eur(gross * 100 / (100 + rate))
    misses = {net: gross - net - vat_on(net, rate) for net in (guess, guess - CENT, guess + CENT)}
    net = min(misses, key=lambda candidate: abs(misses[candidate]))
    return apportion(net, [share * 100 / (100 + rate) for share in grosses]), misses[net]


def apportion(total: Decimal, exact: Sequence[Decimal]) -> list[Decimal]:
    """`total` in whole cents along `exact` shares: rounded down, then a cent each to the largest remainders."""
    shares = [(share / CENT).to_integral_value(rounding=ROUND_FLOOR) * CENT for share in exact]
    missing = int((total - sum(shares, _ZERO)) / CENT)
    order = sorted(range(len(exact)), key=lambda place: exact[place] - shares[place], reverse=missing > 0)
    step = CENT if missing > 0 else -CENT
    for turn in range(abs(missing)):
        shares[order[turn % len(order)]] += step
    return shares


def _line(draft: InvoiceDraft, place: int, total: Decimal | None) -> ReckonedLine:
    line = draft.lines[place]
    discounts, price = line.discounts, line.unit_price
    if line.gross_unit_price is not None:
        discounts = tuple(_net_discount(discount, line.vat_rate) for discount in discounts)
        exact = line.gross_unit_price * 100 / (100 + line.vat_rate)
        if total is None:
            total = round_eur(apply_discounts(exact, discounts) * line.quantity)
        price = _unit_price(total, line.quantity, discounts, exact)
        if round_eur(apply_discounts(price, discounts) * line.quantity) != total:
            message = "this price with VAT cannot be written as a net price of eight decimals"
            raise TotalsError(message, field=f"lines.{place + 1}.gross_unit_price", code="gross_unit_price")
    elif price is None:
        raise TotalsError("a line needs a price", field=f"lines.{place + 1}.unit_price", code="unit_price")
    return ReckonedLine(
        description=line.description,
        quantity=line.quantity,
        unit_price=price,
        total=round_eur(apply_discounts(price, discounts) * line.quantity) if total is None else total,
        vat_rate=line.vat_rate,
        nature=line.nature,
        discounts=discounts,
        unit=line.unit,
        period_start=line.period_start,
        period_end=line.period_end,
        is_withheld=_is_withheld(draft, line),
        administration_reference=line.administration_reference,
        intent=draft.intent_of(line),
    )


def _net_discount(discount: Discount, rate: Decimal) -> Discount:
    if discount.amount is None:
        return discount
    return Discount(amount=(discount.amount * 100 / (100 + rate)).quantize(_EIGHT_PLACES, ROUND_HALF_UP))


def _unit_price(total: Decimal, quantity: Decimal, discounts: Sequence[Discount], exact: Decimal) -> Decimal:
    """The net unit price that gives `total` after the discounts, found backwards; at most eight decimals."""
    if any(discount.percent == 100 for discount in discounts) or not quantity:
        return exact.quantize(_EIGHT_PLACES, ROUND_HALF_UP)
    price = total / quantity
    for discount in reversed(discounts):
        price = price / (1 - discount.percent / 100) if discount.percent is not None else price + (discount.amount or 0)
    return price.quantize(_EIGHT_PLACES, ROUND_HALF_UP)


def _is_withheld(draft: InvoiceDraft, line: Line) -> bool:
    if line.withholding is not None:
        return line.withholding
    return draft.withholding is not None and line.nature != "N1"


def _document_discount(draft: InvoiceDraft, lines: Sequence[ReckonedLine]) -> list[ReckonedLine]:
    """A discount on the whole as one negative line per rate: SDI's sums know nothing of 2.1.1.8 (00422)."""
    if draft.discount is None:
        return []
    groups: dict[tuple[Decimal, str, bool], Decimal] = {}
    for line in lines:
        key = line.vat_rate, line.nature, line.is_withheld
        groups[key] = groups.get(key, _ZERO) + line.total
    net = sum(groups.values(), _ZERO)
    percent, label = draft.discount.percent, "Sconto"
    amount = draft.discount.amount if percent is None else round_eur(net * percent / 100)
    if percent is not None:
        label += f" {percent.normalize():f} %".replace(".", ",")
    if amount is None or not net or amount > net:
        raise TotalsError("the discount is more than the document", field="discount", code="discount")
    shares = apportion(amount, [amount * group / net for group in groups.values()])
    return [
        ReckonedLine(label, Decimal(1), -share, -share, rate, nature, kind="SC", is_withheld=is_withheld)
        for (rate, nature, is_withheld), share in zip(groups, shares, strict=True)
        if share
    ]


def _fund(draft: InvoiceDraft, lines: Sequence[ReckonedLine]) -> Fund | None:
    if draft.pension_fund is None:
        return None
    base = sum((line.total for line in lines if line.nature != "N1"), _ZERO)
    return Fund(base, round_eur(base * draft.pension_fund.rate / 100))


def _summaries(draft: InvoiceDraft, lines: Sequence[ReckonedLine], fund: Fund | None) -> list[Summary]:
    """One block per rate and Natura, highest rate first."""
    nets: dict[tuple[Decimal, str], Decimal] = {}
    for line in lines:
        key = line.vat_rate, line.nature
        nets[key] = nets.get(key, _ZERO) + line.total
    if fund and draft.pension_fund:
        key = draft.pension_fund.vat_rate, draft.pension_fund.nature
        nets[key] = nets.get(key, _ZERO) + fund.amount
    return [
        Summary(rate, nature, net, vat_on(net, rate), _law_reference(draft, nature))
        for (rate, nature), net in sorted(nets.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]


def _law_reference(draft: InvoiceDraft, nature: str) -> str:
    return law_reference(
        nature,
        tax_regime=draft.seller.tax_regime,
        buyer_country=draft.buyer.country,
        is_split=draft.split_payment,
        is_deferred=draft.vat_payability == "D",
    )


def _stamp_duty(draft: InvoiceDraft, summaries: Sequence[Summary]) -> Decimal:
    free = sum((block.net for block in summaries if block.nature in draft.stamp_duty.natures), _ZERO)
    return STAMP_AMOUNT if free > STAMP_THRESHOLD else _ZERO


def _withholding(draft: InvoiceDraft, lines: Sequence[ReckonedLine], fund: Fund | None) -> Decimal:
    if draft.withholding is None:
        return _ZERO
    base = sum((line.total for line in lines if line.is_withheld), _ZERO)
    if fund and draft.pension_fund and draft.pension_fund.withholding:
        base += fund.amount
    return round_eur(base * draft.withholding.rate / 100)
