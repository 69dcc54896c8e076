"""Which VAT a sale carries. Italian customers only, so far: the ordinary rate, whatever they are."""

from decimal import Decimal

STANDARD_RATE = Decimal("22.00")  # art. 16 DPR 633/1972


def vat_rate(country: str) -> Decimal:
    """The rate in percent for a customer of `country`; other countries are refused before they get here."""
    if country != "IT":
        raise ValueError(f"no VAT treatment for customers in {country}")
    return STANDARD_RATE
