"""The list of countries: ISO 3166-1 alpha-2, with a name in both languages."""

from django.utils import translation

from accounts.fiscal.countries import COUNTRIES, country_choices, country_name


def test_countries_are_those_of_iso_3166_and_kosovo():
    assert len(COUNTRIES) == 250
    assert {"IT", "DE", "GR", "SM", "VA", "GB", "CH", "XK"} <= COUNTRIES
    assert COUNTRIES.isdisjoint({"EL", "UK", "XX", "EU", "OO"})
    assert [code for code in COUNTRIES if not (len(code) == 2 and code.isascii() and code.isupper())] == []


def test_names_are_in_the_readers_language():
    assert (country_name("DE", "it"), country_name("DE", "en"), country_name("ZZ", "it")) == (
        "Germania",
        "Germany",
        "ZZ",
    )
    with translation.override("en"):
        choices = country_choices()
    assert choices[:2] == [("IT", "Italy"), ("AF", "Afghanistan")]
    assert {code for code, _name in choices} == COUNTRIES
