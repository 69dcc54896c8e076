"""The one rule for text: what is brought into Latin-1 and how, what vanishes, what is refused."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.fiscal.checks import clean_identity
from accounts.fiscal.letters import basic_latin, can_be_carried, changed_signs, latin, lost_signs, tidy
from accounts.models import BillingProfile
from tests.factories import COMPANY, PERSON, make_profile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Perché “no” – 5 € … œuvre", 'Perché "no" - 5 EUR ... oeuvre'), ("Perche\u0301", "Perché"),
        ("Nguyễn Văn Đặng", "Nguyen Van Dang"), ("Nguye\u0302\u0303n", "Nguyen"), ("Ștefan Țepeș", "Stefan Tepes"),
        ("İstanbul ı", "Istanbul i"), ("Łódź Đakovo", "Lódz Dakovo"), ("Straße Øre Æ", "Straße Øre Æ"),
        ("Proﬁlo ™ № 5", "Profilo TM No 5"), ("ｆｕｌｌ Ⅷ ① ٣", "full VIII 1 3"), ("½ ©", "½ ©"), ("5 ≤ 6", "5 <= 6"),
        ("Rossi\u200b S.r.l.\ufeff", "Rossi S.r.l."), ("co\xadop", "coop"), ("a\u2060b\u200dc\u034f\ufe0f", "abc"),
        ("a\tb\r\nc\xa0\u2028 d", "a b c d"), ("\x00a\x85b\x9fc", "a bc"), ("\ud800", ""), ("  ", ""),
        ("Corso 🎓 AI", "Corso AI"), ("🎓", ""), ("e\u0301\u0302", "é"), ("\u3164", ""),
    ],
)  # fmt: skip
def test_text_is_brought_into_latin_1(text, expected):
    assert latin(text, 100) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n° 5", "no 5"), ("m²", "m2"), ("ª º", "a o"), ("Ordine però – 7/€", "Ordine pero - 7/EUR"), ("½", "1/2"),
        ("Größe Æ Ø þ", "Grosse AE O th"), ("§ 5 «x» 10 £", 'par. 5 "x" 10 GBP'), ("±3 × 2 µm", "+/-3 x 2 um"),
    ],
)  # fmt: skip
def test_identifier_is_brought_into_basic_latin(text, expected):
    assert basic_latin(text, 100) == expected


@given(st.text(), st.integers(1, 50))
def test_text_fits_field_and_alphabet(text, limit):
    result = latin(text, limit)

    assert len(result) <= limit
    assert result.encode("latin-1").decode("latin-1") == result == tidy(result)
    assert basic_latin(text, limit).isascii()


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc", "Cf", "Zs"])))
def test_latin_1_loses_and_changes_nothing(text):
    assert (latin(text, 10_000), lost_signs(text), changed_signs(text)) == (text, "", {})


@given(st.text(st.characters(exclude_characters="?")))
def test_question_mark_stands_only_for_what_is_refused(text):
    assert ("?" in latin(text, 10_000)) == bool(lost_signs(text))


@pytest.mark.parametrize("text", ["Офисина", "Οδός", "東京", "Rossi 山", "ƀ", "🎓", "\u200b", "∞"])
def test_what_nothing_is_left_of_or_has_no_latin_form_cannot_be_carried(text):
    assert not can_be_carried(text)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("Nguyễn 5 €", {"ễ": "e", "€": "EUR"}),
        ("Corso 🎓", {"🎓": ""}),
        ("l’ora – “x” …", {}),
        ("Rossi\u200b", {}),
        ("Nicolo\u0300", {}),
    ],
)
def test_only_what_somebody_would_notice_is_a_change(text, changes):
    assert changed_signs(text) == changes


NAMES = [
    "Nicolo\u0300",
    "Nguyễn",
    "Đặng",
    "Rossi € & Figli",
    "Rossi\u200bBianchi",
    "Coo\xadper",
    "D’Anna-Łucja",
    "Corso 🎓",
]


@pytest.mark.parametrize("name", NAMES)
def test_profile_accepts_what_the_invoice_carries(name):
    identity, errors = clean_identity(PERSON | {"first_name": name})

    assert errors == {}
    assert identity["first_name"] == tidy(name)


@given(st.text(min_size=1, max_size=30))
def test_profile_and_invoice_are_of_one_mind(name):
    identity, errors = clean_identity(COMPANY | {"company_name": name})

    assert ("company_name" in errors) == (not can_be_carried(name))
    if not errors:
        assert "?" not in latin(identity["company_name"], 80).replace("?", "", name.count("?"))


def test_name_that_grows_beyond_its_room_is_refused_with_what_it_becomes():
    _identity, errors = clean_identity(PERSON | {"last_name": "€" * 21})

    assert errors["last_name"].code == "length"
    assert "EUR" * 21 in str(errors["last_name"].message)


@pytest.mark.django_db
def test_page_says_how_a_name_stands_on_the_invoice(customer: Any, customer_client: Client):
    make_profile(customer, **PERSON | {"last_name": "Nguyễn", "first_name": "Nicolò"})

    html = customer_client.get("/area/profilo/").content.decode()

    assert BillingProfile.objects.get().last_name == "Nguyễn"
    assert "Sulla fattura: Nguyen" in html
    assert html.count("Sulla fattura:") == 1
