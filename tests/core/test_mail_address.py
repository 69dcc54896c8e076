"""E-mail addresses have one spelling, and every door that takes one puts it there first."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInputError
from core.mail_address import check_address, plain_address
from tests.architecture.source import modules

KEPT = (
    "giulia@brandolini.example", "g.ferrante+fatture@studio-ferrante.example", "o'brien@example.it", "x@a.bc",
    "giulia@xn--mller-kva.de", f"{'a' * 64}@example.it", "1234@123.example",
)  # fmt: skip
SPELLINGS = (
    (" Giulia@Brandolini.Example\n", "giulia@brandolini.example"),
    ("giulia@müller.de", "giulia@xn--mller-kva.de"),
    ("giulia@MÜLLER.DE", "giulia@xn--mller-kva.de"),
    ("giulia@mu\u0308ller.de", "giulia@xn--mller-kva.de"),
    ("giulia@XN--MLLER-KVA.de", "giulia@xn--mller-kva.de"),
    ("giulia@faß.de", "giulia@xn--fa-hia.de"),  # a domain of its own since IDNA 2008, never fass.de
    ("ｇｉｕｌｉａ＠brandolini．example", "giulia@brandolini.example"),
    ("giulia@brandolini。example", "giulia@brandolini.example"),
    ("giulia@brandolini｡example", "giulia@brandolini.example"),
    ("giu\u200blia@brando\u2060lini.example", "giulia@brandolini.example"),
    ("\ufeffgiulia@brandolini.example", "giulia@brandolini.example"),
    ("giulia@brandolini.example\u202e", "giulia@brandolini.example"),
    ("\u212aevin@brandolini.example", "kevin@brandolini.example"),  # the Kelvin sign
)
REFUSED = (
    "", "giulia", "@", "giulia@", "@example.it", "giulia@localhost", "giulia@127.0.0.1", "giulia@[127.0.0.1]",
    '"giulia ferrante"@example.it', "giulia ferrante@example.it", "giulia@example.it, piero@example.it",
    "giulia@example.it\nBcc: piero@example.it", "giulia@@example.it", ".giulia@example.it", "giulia..f@example.it",
    "giulia.@example.it", "giulia@-example.it", "giulia@example..it", "giulia@example.it.", "giulia@exa_mple.it",
    "giulia@xn--a.de", "<giulia@example.it>", "giulia(nota)@example.it", f"{'a' * 65}@example.it",
    f"a@{'b.' * 130}it", "g\0iulia@example .it", "giulia@example.i", "mailto:giulia@example.it",
)  # fmt: skip
FOREIGN_LOCAL_PARTS = (
    "ü@müller.de", "ü@xn--mller-kva.de", "mıke@example.it", "gi\u0443lia@example.it", "giulia\u00b7f@example.it",
)  # fmt: skip


@pytest.mark.parametrize("address", KEPT)
def test_address_in_order_stays_as_it_is(address: str):
    assert check_address(address) == address


@pytest.mark.parametrize(("text", "address"), SPELLINGS)
def test_spellings_of_one_address_are_one(text: str, address: str):
    assert (plain_address(text), check_address(text)) == (address, address)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_address_is_refused_with_its_field(text: str):
    with pytest.raises(InvalidInputError) as refused:
        check_address(text, field="pec")

    assert (refused.value.code, refused.value.field) == ("email_invalid", "pec")


@pytest.mark.parametrize("text", FOREIGN_LOCAL_PARTS)
def test_accents_before_the_at_are_refused_in_words(text: str):
    with pytest.raises(InvalidInputError) as refused:
        check_address(text)

    assert str(refused.value.message) == (
        "Prima della @ un indirizzo e-mail ha lettere senza accenti, cifre e segni come . - _ +"
    )


@given(st.text(max_size=60) | st.emails() | st.from_regex(r"[^@]{1,9}@\w{1,9}\.\w{2,5}"))
def test_putting_in_order_never_fails_and_is_done_once(text: str):
    address = plain_address(text)

    assert plain_address(address) == address
    assert plain_address(f" {address.upper()} ") == plain_address(address.upper())


def test_no_door_takes_an_address_by_another_rule():
    """Another field would ask whether an address is known before it is in order."""
    others = [
        path
        for path, tree in modules().items()
        if path.partition("/")[0] in ("accounts", "billing", "chatbot", "config", "core", "invoicing", "notifications")
        and path != "core/web/fields.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and ast.unparse(node) in ("forms.EmailField", "serializers.EmailField", "validate_email", "EmailValidator")
    ]

    assert others == []
