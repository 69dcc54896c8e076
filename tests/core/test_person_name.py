"""A name greets in a mail to an address that anybody may have typed: it is a name of any language and nothing else."""

import pytest

from core.errors import InvalidInputError
from core.person_name import check_name

NAMES = (
    "Giulia",
    "D'Angelo",
    "D’Angelo",
    "de la Cruz-Pérez",
    "Nguyễn Thị",
    "O’Brien Jr.",
    "Đặng",
    "李小龙",
    "J.R.R. Tolkien",
    "G. B. Vico",
    "G.B. Vico",
    "Ferrante, Jr.",
    "Gal·la",
    "Ng",
    "Ó",
    "Mª José",
    "Þórir",
    "Łukasz",
    "Müller-Lüdenscheidt",
    "Иван Петрович",
    "Ελένη Παπαδοπούλου",
    "محمد علي",
    "علی‌رضا",
    "מִרְיָם בן־דוד",
    "अमित शर्मा",
    "สมชาย ใจดี",
    "レオナルド・ダ・ヴィンチ",
    "김민준",
    "Հայկ",
    "བསྟན་འཛིན",
    "Keʻalohilani",
    "葛󠄀城",
    "Dott.ssa Bianchi",
    "Sig.ra Rossi",
)
REFUSED = (
    "Giulia http://evil.example",
    "Vinci 500 € su evil.it",
    "Vinci subito su evil.it",
    "evil.it",
    "t.co",
    "sig.ran",
    "Sig.ra.it",
    "www.evil.it",
    "Giulia @evil",
    "giulia@evil.it",
    "Hai vinto $$$",
    "Chiama 0255501234",
    "Chiama ٠٢٥٥",
    "evil。it",
    "evil．it",
    "evil｡it",
    "Giulia\nBcc: piero@example.it",
    "Giulia\r\nRossi",
    "Giulia\tRossi",
    "Giulia\u2028Rossi",
    "Giu\0lia",
    "Giu\x1blia",
    "Giulia\u202eissoR",
    "Giulia\u2066Rossi",
    "\u200eGiulia",
    "Giu\u200blia",
    "Giu\u00adlia",
    "\ufeffGiulia\ufeff x",
    "\u3164",
    "Giulia\ufe0f",
    "<b>Giulia</b>",
    "Giulia & Marco",
    "Giulia 😀",
    "{{ name }}",
    "Giulia;",
    "Giulia!",
    "...",
    "-",
    "",
    "  ",
    "₿itcoin",
    "Gi\ue000ulia",
    "½ Giulia",
)


@pytest.mark.parametrize("name", NAMES)
def test_name_of_any_language_passes_as_it_is(name: str):
    assert check_name(name, field="name") == name


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_more_or_less_than_a_name_is_refused_with_its_field(text: str):
    with pytest.raises(InvalidInputError) as refused:
        check_name(text, field="first_name")

    assert (refused.value.code, refused.value.field) == ("name_invalid", "first_name")


def test_spaces_and_accents_are_put_in_order():
    assert check_name("  Nicolo\u0300   de\u00a0 Rossi ", field="name") == "Nicolò de Rossi"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Vinci 500 €", "Un nome ha lettere, spazi, trattini e apostrofi. Togliete: 5 0 €"),
        ("evil.it", "Sembra un indirizzo internet. In un nome mettete uno spazio dopo ogni punto."),
        ("Giulia\n.", "Questo nome contiene un a capo o un segno che non si vede. Scrivetelo di nuovo a mano."),
        ("-", "Scrivete il vostro nome, e nient’altro."),
    ],
)
def test_refusal_says_what_to_do(text: str, words: str):
    with pytest.raises(InvalidInputError) as refused:
        check_name(text, field="name")

    assert str(refused.value.message) == words
