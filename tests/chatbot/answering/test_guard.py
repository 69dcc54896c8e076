"""What the model writes, before anybody reads it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.answering.guard import OutputGuard, PromptLeakError, strip_marks

PROMPT = """You answer questions on the law from search results, and from nothing else than those search results.
<refusal lang="it">I nostri documenti non danno una risposta a questa domanda, scriveteci quando volete.</refusal>"""
CANARY = "c0ffee1234567890"


def filter_output(*pieces: str) -> str:
    guard = OutputGuard(prompt=PROMPT, canary=CANARY)
    return "".join([*map(guard.feed, pieces), guard.flush()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Entro 72 ore.", "Entro 72 ore."),
        ("Vedi https://evil.example/a?b=1 subito.", "Vedi […] subito."),
        ("[qui](https://evil.example/a)", "[qui]([…])"),
        ("![x](https://evil.example/p.png)", "[x]([…])"),
        ("!![x](https://evil.example/p.png)", "[x]([…])"),
        ("www.evil.example/x", "[…]"),
        ("//evil.example/x", "[…]"),
        ("https://aish.example@evil.example/", "[…]"),
        ("https://aish.example.evil.example/", "[…]"),
        ("data:text/html;base64,PHN2Zz4=", "[…]"),
        ("**https://evil.example/a**", "**[…]**"),
        ("Fonte:https://evil.example/a", "Fonte:[…]"),
        ("a=https://evil.example/a", "a=[…]"),
        ("«https://evil.example/a»", "«[…]"),
        ("http://evil.example\\@aish.example/", "[…]"),
        ("\\\\evil.example/x", "[…]"),
        ("https:evil.example", "[…]"),
        ("https://[name].it", "[…]].it"),
        ("http://[::1]/x", "[…]]/x"),
        ("https://aish.example:x/", "[…]"),
        ("ww[1]w.evil.example", "[…]"),
        ("htt[2]ps://evil.example/a", "[…]"),
        ("<img src=x>", "‹img src=x>"),
        ("</script>", "‹/script>"),
        ("3 < 5 e 7 > 2", "3 < 5 e 7 > 2"),
        ("e/o 1/2 art. 5(1)", "e/o 1/2 art. 5(1)"),
        ("Attenzione!", "Attenzione!"),
        ("Entro 72 ore [1].", "Entro 72 ore."),
        ("Entro 72 ore[1][2], o prima [3, 4].", "Entro 72 ore, o prima."),
        ("Nota [^7] e [[1]2] e [12–14]", "Nota e e"),
        ("Art. 5 [comma 1] e [2024] e [a]", "Art. 5 [comma 1] e [2024] e [a]"),
        ("Vedi [1", "Vedi [1"),
    ],
)
def test_addresses_tags_and_marks_are_taken_out(text: str, expected: str):
    assert filter_output(text) == expected
    assert filter_output(*text) == expected, "letter by letter"


def cut(text: str, data: st.DataObject) -> list[str]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


HOSTILE = [
    "https://evil.example/a", "//evil.example", "evil.example/", "ht", "tps:", "ww", "w.", "![", "<b", "[1]", "[", "]",
    "1", " ", "/", "\\", "http:", "x", ".", "!", "<",
]  # fmt: skip


@given(st.lists(st.sampled_from(HOSTILE), max_size=12), st.data())
def test_however_it_is_cut_nothing_passes(parts: list[str], data: st.DataObject):
    output = filter_output(*cut("".join(parts), data))

    address = r"""(?:https?:|//|\\\\|www\.)[^\s<>"')\]]*evil\.example"""
    assert re.search(address, output) is None
    assert re.search(r"<[a-z/!?]", output) is None
    assert "![" not in output
    assert strip_marks(output) == output


MARKS = ["parola", " ", ".", ", ", "[1]", "[12, 3]", "[", "]", "1", "[^2]", "\n", "(a)"]


@given(st.lists(st.sampled_from(MARKS), max_size=12), st.data())
def test_however_it_is_cut_the_same_marks_go(parts: list[str], data: st.DataObject):
    text = "".join(parts)

    assert filter_output(*cut(text, data)) == filter_output(text)


@pytest.mark.parametrize("pieces", [("javascript:alert(1)",), tuple("javascript:alert(1)")], ids=["whole", "letters"])
def test_script_in_an_address_is_taken_out(pieces: tuple[str, ...]):
    assert "javascript" not in filter_output(*pieces)


def test_our_own_addresses_and_allowed_ones_stay(settings):
    settings.SITE_URL = "https://www.aish.example"
    settings.CHAT_LINK_HOSTS = ["www.acn.gov.it"]

    assert filter_output("Su https://www.aish.example/servizi/ e https://www.acn.gov.it/nis.") == (
        "Su https://www.aish.example/servizi/ e https://www.acn.gov.it/nis."
    )


@pytest.mark.parametrize("piece", [3, 7, 1000])
def test_instructions_do_not_go_out(piece: int):
    leak = "Certo: " + PROMPT.upper().replace(" ", "  ")
    pieces = [leak[at : at + piece] for at in range(0, len(leak), piece)]

    with pytest.raises(PromptLeakError):
        filter_output(*pieces)


def test_mark_of_the_instructions_is_never_shown_even_in_part():
    guard = OutputGuard(prompt=PROMPT, canary=CANARY)

    output = "".join(guard.feed(letter) for letter in f"Il segno: {CANARY[:-1]}")
    with pytest.raises(PromptLeakError):
        guard.feed(CANARY[-1] + " ecco")

    assert output == "Il segno:"


def test_refusal_of_the_instructions_may_be_said():
    refusal = "I nostri documenti non danno una risposta a questa domanda, scriveteci quando volete."

    assert filter_output(refusal) == refusal


@given(st.lists(st.text(st.characters(exclude_characters="<![", exclude_categories=["Cs"]), max_size=12), max_size=20))
def test_nothing_else_is_lost_or_changed(pieces: list[str]):
    text = "".join(pieces).replace("/", "").replace(":", "").replace("www.", "").replace("\\", "")

    assert filter_output(*text) == text
