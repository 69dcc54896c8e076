"""From a draft to its figures: exact for any mix of prices, discounts, rates, funds and deductions."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from core.money import round_eur
from invoicing.fatturapa.draft import Discount, InvoiceDraft, Line, PensionFund, StampDuty, Withholding
from invoicing.fatturapa.law import NATURES, law_reference
from invoicing.fatturapa.preflight import violations, warnings
from invoicing.fatturapa.totals import TotalsError, apply_discounts, compute_totals
from invoicing.fatturapa.view import read_invoice
from tests.invoicing.drafts import COMPANY, DAY, make_draft, second_opinion, xml_of

D = Decimal
RATED = [(D(22), ""), (D(10), ""), (D(5), ""), (D(4), "")]
FREE = [(D(0), nature) for nature in ("N1", "N2.1", "N2.2", "N3.5", "N4", "N6.9", "N7")]

cents = st.decimals("0.01", "9999.99", places=2)
fine = st.decimals("0.00000001", "9999.99999999", places=8)
amounts = st.one_of(cents, fine)
whole = st.integers(1, 50).map(D)
parts = st.one_of(whole, st.decimals("0.01", "99.99", places=2), st.decimals("0.001", "9.99999999", places=8))
percents = st.decimals("0.01", "100.00", places=2)
discounts = st.lists(
    st.one_of(
        st.builds(Discount, percent=percents), st.builds(Discount, amount=st.decimals("0.01", "20.00", places=2))
    ),
    max_size=2,
).map(tuple)
rates = st.sampled_from(RATED + FREE)


def line(price=None, rate=22, *, gross=None, quantity=1, nature="", cut=()):
    gross = None if gross is None else D(gross)
    price = None if price is None else D(price)
    return Line("Servizio", D(quantity), price, D(rate), nature=nature, gross_unit_price=gross, discounts=tuple(cut))


@st.composite
def any_line(draw, quantities=parts, prices=amounts, kinds=("net", "gross")):
    rate, nature = draw(rates)
    price = draw(prices)
    kind = draw(st.sampled_from(kinds))
    priced = {"price": price} if kind == "net" else {"gross": price}
    return line(rate=rate, nature=nature, quantity=draw(quantities), cut=draw(discounts), **priced)


@st.composite
def any_fund(draw):
    rate, nature = draw(rates)
    return PensionFund("TC22", draw(percents), rate, nature, draw(st.booleans()))


@st.composite
def any_draft(draw) -> InvoiceDraft:
    withholding = draw(st.none() | st.builds(Withholding, st.just("RT02"), percents, st.just("A")))
    fund = draw(st.none() | any_fund())
    if fund and not withholding:
        fund = replace(fund, withholding=False)
    return make_draft(
        COMPANY,
        *draw(st.lists(any_line(), min_size=1, max_size=6)),
        payments=(),
        withholding=withholding,
        pension_fund=fund,
        discount=draw(st.none() | st.builds(Discount, percent=percents)),
        stamp_duty=StampDuty(draw(st.booleans())),
    )


def has_a_price_without_a_say(draft):
    """Whether a price with VAT is taken away whole, so that no net price can make up for the cents of a further cut."""
    return any(
        entry.gross_unit_price is not None and any(cut.percent == 100 for cut in entry.discounts)
        for entry in draft.lines
    )


def test_price_with_vat_that_is_taken_away_whole_and_cut_further_is_refused_in_words():
    cut = (Discount(percent=D(100)), Discount(amount=D("4.50")))

    with pytest.raises(TotalsError) as refused:
        compute_totals(make_draft(COMPANY, line(gross="0.01", rate=10, quantity="0.01", cut=cut), payments=()))

    assert (refused.value.code, refused.value.field) == ("gross_unit_price", "lines.1.gross_unit_price")


@runs(max_examples=150, deadline=None)
@given(any_draft())
def test_any_draft_passes_our_arithmetic_and_the_second_opinion(draft):
    assume(not has_a_price_without_a_say(draft))
    without = replace(draft, discount=None, pension_fund=None, stamp_duty=StampDuty())
    assume(draft.discount is None or compute_totals(without).net > 0)

    figures, xml = compute_totals(draft), xml_of(draft)
    view = read_invoice(xml)
    assert violations(xml, today=DAY) == []
    assert second_opinion(xml) == []
    assert "total" not in [violation.code for violation in warnings(xml, today=DAY)]
    assert (view.total, view.due, view.rounding) == (figures.gross, figures.due, figures.rounding)


@runs(deadline=None)
@given(st.lists(any_line(quantities=whole, prices=cents, kinds=("gross",)), min_size=1, max_size=8))
def test_total_of_prices_with_vat_is_their_sum_to_the_cent(lines):
    plain = [replace(entry, discounts=()) for entry in lines]

    figures = compute_totals(make_draft(COMPANY, *plain, payments=()))

    assert figures.gross == sum(entry.gross_unit_price * entry.quantity for entry in plain)
    assert abs(figures.rounding) <= D("0.01") * len(figures.summaries)


@runs(deadline=None)
@given(any_line(quantities=whole, prices=cents, kinds=("gross",)))
def test_total_of_a_discounted_price_with_vat_is_rounded_once(entry):
    figures = compute_totals(make_draft(COMPANY, entry, payments=()))

    assert figures.gross == round_eur(apply_discounts(entry.gross_unit_price, entry.discounts) * entry.quantity)


@given(st.lists(any_line(kinds=("net",)), min_size=1, max_size=6), percents)
def test_discount_on_the_whole_is_taken_to_the_cent(lines, percent):
    before = compute_totals(make_draft(COMPANY, *lines, payments=()))
    assume(before.net > 0)

    after = compute_totals(make_draft(COMPANY, *lines, payments=(), discount=Discount(percent=percent)))

    assert after.net == before.net - round_eur(before.net * percent / 100)


@pytest.mark.parametrize(
    ("lines", "net", "vat", "gross"),
    [
        ([line("0.33")] * 3, "0.99", "0.22", "1.21"),  # once per rate: line by line it would be 0.21
        ([line(gross="22.00", quantity=2)], "36.07", "7.94", "44.00"),  # 44.01, rounded
        ([line("0.125")], "0.13", "0.03", "0.16"),  # halves go up
        ([line("-0.125")], "-0.13", "-0.03", "-0.16"),  # away from zero
        ([line("1400.0352")], "1400.04", "308.01", "1708.05"),
        ([line("0.25", 10)], "0.25", "0.03", "0.28"),
        ([line("0.75", 10)], "0.75", "0.08", "0.83"),
        ([line("12.50", 4)], "12.50", "0.50", "13.00"),
        ([line("10.00", quantity="0.5")], "5.00", "1.10", "6.10"),
        ([line("33.333333", quantity="3")], "100.00", "22.00", "122.00"),
        ([line("100.00", cut=[Discount(percent=D(10)), Discount(percent=D(10))])], "81.00", "17.82", "98.82"),
        ([line("100.00", cut=[Discount(amount=D(10)), Discount(percent=D(10))])], "81.00", "17.82", "98.82"),
        ([line("100.00", cut=[Discount(percent=D(10)), Discount(amount=D(10))])], "80.00", "17.60", "97.60"),
        ([line("50.00", quantity=3, cut=[Discount(amount=D(5))])], "135.00", "29.70", "164.70"),
        ([line("100.00", cut=[Discount(percent=D(100))])], "0.00", "0.00", "0.00"),
        ([line("100.00"), line("100.00", 10), line("100.00", 4)], "300.00", "36.00", "336.00"),
        ([line("100.00"), line("40.00", 0, nature="N1")], "140.00", "22.00", "162.00"),
        ([line(gross="0.03")], "0.02", "0.00", "0.03"),  # no net amount has that total: the document is rounded
        ([line(gross="10.00")] * 3, "24.59", "5.41", "30.00"),
        ([line(gross="110.00", rate=10), line(gross="104.00", rate=4)], "200.00", "14.00", "214.00"),
        ([line(gross="50.00", rate=0, nature="N4")], "50.00", "0.00", "50.00"),
        ([line(gross="22.00"), line("10.00")], "28.03", "6.17", "34.20"),  # one price with VAT, one without
    ],
)
def test_net_tax_and_total(lines, net, vat, gross):
    figures = compute_totals(make_draft(COMPANY, *lines, payments=()))

    assert (figures.net, figures.vat, figures.gross) == (D(net), D(vat), D(gross))


@pytest.mark.parametrize(
    ("gross", "unit_price"),
    [("22.00", "18.035"), ("9.99", "8.19"), ("100.00", "81.965"), ("0.01", "0.01"), ("1.00", "0.82")],
)
def test_net_unit_price_of_two_priced_with_vat(gross, unit_price):
    [entry] = compute_totals(make_draft(COMPANY, line(gross=gross, quantity=2), payments=())).lines

    assert entry.unit_price == D(unit_price)


def test_missing_cents_go_to_the_lines_that_were_cut_most():
    figures = compute_totals(make_draft(COMPANY, *[line(gross="10.00")] * 3, payments=()))

    assert [entry.total for entry in figures.lines] == [D("8.20"), D("8.20"), D("8.19")]


@pytest.mark.parametrize("free", [{"gross": "0.00"}, {"gross": "9.99", "cut": [Discount(percent=D(100))]}])
@pytest.mark.parametrize("gross", ["8.00", "10.05", "7.99", "3.33", "0.17", "49.90"])
def test_free_line_stays_free_beside_a_priced_one(free, gross):
    figures = compute_totals(make_draft(COMPANY, line(**free), line(gross=gross), payments=()))

    assert (figures.lines[0].total, figures.gross) == (D(0), D(gross))


@pytest.mark.parametrize(
    ("nature", "amount", "duty"),
    [
        ("N4", "77.47", "0"), ("N4", "77.48", "2.00"), ("N2.1", "77.48", "2.00"), ("N2.2", "77.48", "2.00"),
        ("N3.5", "77.48", "2.00"), ("N3.6", "77.48", "2.00"), ("N1", "77.48", "0"), ("N3.1", "500.00", "0"),
        ("N3.2", "500.00", "0"), ("N5", "500.00", "0"), ("N6.3", "500.00", "0"), ("N7", "500.00", "0"),
    ],
)  # fmt: skip
def test_stamp_duty_follows_amount_and_nature(nature, amount, duty):
    figures = compute_totals(make_draft(COMPANY, line(amount, 0, nature=nature), payments=()))

    assert (figures.stamp_duty, figures.gross) == (D(duty), D(amount))


def test_only_what_is_free_of_vat_counts_for_the_stamp_duty():
    lines = [line("5000.00"), line("77.47", 0, nature="N4")]
    more = [*lines, line("0.01", 0, nature="N2.1")]

    duties = [compute_totals(make_draft(COMPANY, *some, payments=())).stamp_duty for some in (lines, more)]

    assert duties == [D(0), D("2.00")]


def test_natures_of_the_stamp_duty_are_a_setting():
    stamp = StampDuty(natures=frozenset({"N1"}))

    figures = compute_totals(make_draft(COMPANY, line("77.48", 0, nature="N1"), payments=(), stamp_duty=stamp))

    assert figures.stamp_duty == D("2.00")


def test_charged_stamp_duty_is_a_line_and_part_of_the_total():
    draft = make_draft(COMPANY, line("77.48", 0, nature="N4"), payments=(), stamp_duty=StampDuty(True))

    figures = compute_totals(draft)

    charge = figures.lines[-1]
    assert (charge.total, charge.nature, charge.kind, charge.vat_rate) == (D("2.00"), "N1", "AC", D(0))
    assert [(block.nature, block.net) for block in figures.summaries] == [("N1", D("2.00")), ("N4", D("77.48"))]
    assert (figures.gross, figures.due) == (D("79.48"), D("79.48"))


def test_discount_on_the_whole_may_save_the_stamp_duty():
    draft = make_draft(COMPANY, line("77.48", 0, nature="N4"), payments=(), discount=Discount(amount=D("0.01")))

    assert compute_totals(draft).stamp_duty == 0


def test_split_payment_leaves_the_vat_out_of_what_is_due():
    figures = compute_totals(make_draft(COMPANY, line("100.00"), payments=(), split_payment=True))

    assert (figures.gross, figures.due) == (D("122.00"), D("100.00"))


def test_withholding_is_taken_on_net_lines_and_not_on_expenses():
    withholding = Withholding("RT01", D(20), "A")
    lines = [line("1000.00"), line("98.00", 0, nature="N1"), replace(line("50.00"), withholding=False)]

    figures = compute_totals(make_draft(COMPANY, *lines, payments=(), withholding=withholding))

    assert [entry.is_withheld for entry in figures.lines] == [True, False, False]
    assert (figures.withholding, figures.gross, figures.due) == (D("200.00"), D("1379.00"), D("1179.00"))


@pytest.mark.parametrize(("is_withheld", "withheld"), [(False, "200.00"), (True, "208.00")])
def test_pension_fund_enters_net_vat_and_perhaps_the_withholding(is_withheld, withheld):
    fund = PensionFund("TC22", D(4), D(22), withholding=is_withheld)

    figures = compute_totals(
        make_draft(
            COMPANY, line("1000.00"), payments=(), pension_fund=fund, withholding=Withholding("RT01", D(20), "A")
        )
    )

    assert (figures.fund.base, figures.fund.amount) == (D("1000.00"), D("40.00"))
    assert (figures.net, figures.vat, figures.withholding) == (D("1040.00"), D("228.80"), D(withheld))


def test_discount_on_the_whole_is_shared_among_the_rates():
    draft = make_draft(COMPANY, line("90.00"), line("10.00", 4), payments=(), discount=Discount(amount=D("3.33")))

    figures = compute_totals(draft)

    cuts = [(cut.description, cut.total, cut.vat_rate, cut.kind) for cut in figures.lines[2:]]
    assert cuts == [("Sconto", D("-3.00"), D(22), "SC"), ("Sconto", D("-0.33"), D(4), "SC")]
    assert [(block.net, block.vat) for block in figures.summaries] == [
        (D("87.00"), D("19.14")),
        (D("9.67"), D("0.39")),
    ]


@pytest.mark.parametrize("percent", ["5", "5.50", "100"])
def test_discount_in_percent_says_how_much(percent):
    figures = compute_totals(make_draft(COMPANY, line("100.00"), payments=(), discount=Discount(percent=D(percent))))

    label = {"5": "Sconto 5 %", "5.50": "Sconto 5,5 %", "100": "Sconto 100 %"}[percent]
    assert (figures.lines[-1].description, figures.net) == (label, D(100) - D(percent))


HUGE = {"price": "99999999999.99", "quantity": "999999999999"}
ENDLESS = {"gross": "0.01", "quantity": "99999999999"}


@pytest.mark.parametrize(
    ("lines", "discount", "code", "field"),
    [
        ([line("10.00")], Discount(amount=D("10.01")), "discount", "discount"),
        ([line("10.00")], Discount(percent=D(101)), "discount", "discount"),
        ([line("0.00")], Discount(percent=D(10)), "discount", "discount"),
        ([line("10.00"), line()], None, "unit_price", "lines.2.unit_price"),
        ([line("10.00"), line(**ENDLESS)], None, "gross_unit_price", "lines.2.gross_unit_price"),
        ([line(**HUGE)] * 9999, None, "amount", "lines"),
    ],
)
def test_figures_that_no_document_can_carry_are_refused(lines, discount, code, field):
    with pytest.raises(TotalsError) as refusal:
        compute_totals(make_draft(COMPANY, *lines, payments=(), discount=discount))

    assert (refusal.value.code, refusal.value.field) == (code, field)


@pytest.mark.parametrize("nature", NATURES)
@pytest.mark.parametrize("regime", ["RF01", "RF19"])
@pytest.mark.parametrize("country", ["IT", "DE", "US"])
def test_law_is_named_for_every_nature_and_fits_its_field(nature, regime, country):
    wording = law_reference(nature, tax_regime=regime, buyer_country=country, is_split=False)

    assert 0 < len(wording) <= 100
    assert wording.isprintable()


@pytest.mark.parametrize(
    ("nature", "regime", "country", "is_split", "wording"),
    [
        ("", "RF01", "IT", False, ""),
        ("", "RF01", "IT", True, "Scissione dei pagamenti, art. 17-ter, DPR 633/1972"),
        ("N2.2", "RF19", "IT", False, "Regime forfettario, art. 1, c. 54-89, L. 190/2014"),
        ("N2.2", "RF01", "IT", False, "Non soggette, altri casi"),
        ("N2.1", "RF01", "IT", False, "Non soggette, artt. da 7 a 7-septies, DPR 633/1972"),
        ("N2.1", "RF01", "GR", False, "Inversione contabile, art. 7-ter, DPR 633/1972"),
        ("N2.1", "RF01", "CH", False, "Operazione non soggetta, art. 7-ter, DPR 633/1972"),
    ],
)
def test_wording_of_the_law(nature, regime, country, is_split, wording):
    assert law_reference(nature, tax_regime=regime, buyer_country=country, is_split=is_split) == wording
