"""Money is `Decimal` euros with two places, rounded half up as Italian tax rules have it; cents only at the vendor."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def round_eur(amount: Decimal) -> Decimal:
    """`amount` in euros with two decimals, halves away from zero (FatturaPA technical rules, no bankers' rounding)."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def vat_on(net: Decimal, rate: Decimal) -> Decimal:
    """VAT in euros on the taxable amount of one rate; `rate` in percent. Never sum it line by line (SDI 00421)."""
    return round_eur(net * rate / 100)


def to_cents(amount: Decimal) -> int:
    """Whole cents for a vendor that counts in them; refuses an amount with fractions of a cent."""
    cents = amount * 100
    if cents != cents.to_integral_value():
        raise ValueError(f"{amount} EUR has fractions of a cent")
    return int(cents)


def from_cents(cents: int) -> Decimal:
    """Euros from a vendor's whole cents."""
    return Decimal(cents).scaleb(-2)
