"""Money: halves go away from zero, and cents at the vendor and euros here are the same amount."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import CENT, from_cents, round_eur, to_cents, vat_on

EXACT = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=6)
EUROS = st.decimals(min_value=0, max_value=9_999_999_999, places=2)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("0.004999", "0.00"),
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),  # a banker would say 0.02
        ("2.675", "2.68"),  # a float would say 2.67
        ("-0.005", "-0.01"),
        ("-2.674999", "-2.67"),
        ("1", "1.00"),
        ("9999999999.994", "9999999999.99"),
    ],
)
def test_halves_go_away_from_zero(amount: str, rounded: str):
    assert str(round_eur(Decimal(amount))) == rounded


@given(EXACT)
def test_rounding_moves_an_amount_by_half_a_cent_at_most(amount: Decimal):
    rounded = round_eur(amount)

    assert rounded.as_tuple().exponent == -2
    assert abs(rounded - amount) <= CENT / 2
    assert round_eur(rounded) == rounded


@given(EXACT)
def test_credit_is_rounded_as_the_charge_it_takes_back(amount: Decimal):
    assert round_eur(-amount) == -round_eur(amount)


@pytest.mark.parametrize(
    ("net", "rate", "vat"),
    [
        ("3900.00", "22.00", "858.00"),
        ("0.02", "22.00", "0.00"),
        ("0.03", "22.00", "0.01"),
        ("0.25", "22.00", "0.06"),  # 0.055
        ("12.50", "4.00", "0.50"),
        ("100.00", "0.00", "0.00"),
        ("-100.10", "22.00", "-22.02"),
        ("9999999999.99", "22.00", "2200000000.00"),
    ],
)
def test_vat_is_rounded_once_on_the_whole_amount(net: str, rate: str, vat: str):
    assert str(vat_on(Decimal(net), Decimal(rate))) == vat


@given(EUROS)
def test_vendors_cents_are_the_same_amount(amount: Decimal):
    cents = to_cents(amount)

    assert isinstance(cents, int)
    assert Decimal(cents) / 100 == amount
    assert from_cents(cents) == amount


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_euros_of_a_vendor_have_two_places(cents: int):
    amount = from_cents(cents)

    assert amount.as_tuple().exponent == -2
    assert to_cents(amount) == cents


@given(EUROS, st.sampled_from(["0.001", "0.005", "0.009"]))
def test_fraction_of_a_cent_is_never_charged(amount: Decimal, fraction: str):
    with pytest.raises(ValueError, match="fractions of a cent"):
        to_cents(amount + Decimal(fraction))
