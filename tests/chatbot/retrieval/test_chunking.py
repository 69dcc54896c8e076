"""Passages: whole sentences under one heading, none too long, nothing lost on the way."""

import re

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from chatbot.retrieval.chunking import Passage, Section, passages, sentences

# Sentences, abbreviations, line breaks, words without an end: what the texts of laws and guides are made of.
FRAGMENTS = st.sampled_from(
    ["Il titolare notifica la violazione.", "Ai sensi dell’art.", "33", "lett. d)", "Entro 72 ore!", "\n", "\r\n", "\t",
     "x" * 70, "perché", "S.r.l.", "«Davvero?»", "n. 679/2016;", "È vietato:", "e poi"]
)  # fmt: skip
TEXTS = st.lists(FRAGMENTS, max_size=60).map(" ".join)
SIZES = st.integers(30, 200)


def cut(text: str, size: int = 100, overlap: int = 0) -> list[str]:
    return [passage.text for passage in passages([Section("", text)], size=size, overlap=overlap)]


def without_spaces(text: str) -> str:
    return "".join(text.split())


def test_sizes_are_those_of_the_settings():
    assert (settings.RAG_CHUNK_SIZE, settings.RAG_CHUNK_OVERLAP) == (1000, 200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("Una frase.", ["Una frase."]),
        ("Prima. Seconda.", ["Prima.", "Seconda."]),
        ("Davvero? Certo! Bene: Così; Poi.", ["Davvero?", "Certo!", "Bene:", "Così;", "Poi."]),
        ("Prima.\nSeconda\nterza", ["Prima.", "Seconda", "terza"]),
        ("Prima.\r\nSeconda.", ["Prima.", "Seconda."]),
        ("Costa 3.900 euro. È tutto.", ["Costa 3.900 euro.", "È tutto."]),
        ("Fine. (Nota.) «Citazione.» 10 giorni.", ["Fine.", "(Nota.) «Citazione.» 10 giorni."]),
        ("minuscolo. non è una fine", ["minuscolo. non è una fine"]),
        ("Si veda l’art. 33 del GDPR. Vale sempre.", ["Si veda l’art. 33 del GDPR.", "Vale sempre."]),
        ("Gli artt. 33 e 34. Poi.", ["Gli artt. 33 e 34.", "Poi."]),
        ("Il D.Lgs. 138/2024 e la lett. B. Fine.", ["Il D.Lgs. 138/2024 e la lett. B.", "Fine."]),
        ("See Art. 23, para. 4. Then No. 5.", ["See Art. 23, para. 4.", "Then No. 5."]),
        ("Brandolini S.r.l. Reggio Emilia.", ["Brandolini S.r.l. Reggio Emilia."]),
        ("Ai sensi dell’art.\n33 si notifica.", ["Ai sensi dell’art. 33 si notifica."]),
        ("Voce: NIS2. Poi | Prezzo: 3.900 €\nAI Act", ["Voce: NIS2. Poi | Prezzo: 3.900 €", "AI Act"]),
    ],
)
def test_sentence_ends_where_a_reader_would_end_it(text: str, expected: list[str]):
    assert sentences(text) == expected


def test_passage_is_filled_with_whole_sentences():
    assert cut("Alfa beta. Gamma delta. Epsilon.", size=24) == ["Alfa beta. Gamma delta.", "Epsilon."]


def test_passage_may_be_exactly_as_long_as_allowed():
    assert cut("Alfa beta. Gamma delta. Epsilon.", size=23) == ["Alfa beta. Gamma delta.", "Epsilon."]
    assert cut("Alfa beta. Gamma delta. Epsilon.", size=22) == ["Alfa beta.", "Gamma delta. Epsilon."]


def test_passage_begins_with_the_last_sentences_of_the_one_before():
    texts = cut("Alfa beta. Gamma delta. Epsilon. Zeta eta.", size=32, overlap=10)

    assert texts == ["Alfa beta. Gamma delta. Epsilon.", "Epsilon. Zeta eta."]


def test_overlap_gives_way_to_a_sentence_that_needs_the_room():
    long = "Gamma " * 5 + "delta."

    assert cut(f"Alfa beta. {long} Fine.", size=40, overlap=15) == ["Alfa beta.", f"{long}", "Fine."]


def test_sentence_longer_than_a_passage_is_cut_at_a_space():
    texts = cut("parola " * 10 + "fine.", size=30)

    assert texts == ["parola parola parola parola", "parola parola parola parola", "parola parola fine."]


def test_word_longer_than_a_passage_is_cut_all_the_same():
    assert cut("x" * 70, size=30) == ["x" * 30, "x" * 30, "x" * 10]


def test_heading_ends_a_passage_and_is_kept_with_it():
    sections = [Section("Articolo 33", "Notifica."), Section("Articolo 34", "Comunicazione.", page=7)]

    result = list(passages(sections, size=1000, overlap=200))

    assert result == [Passage("Articolo 33", None, "Notifica."), Passage("Articolo 34", 7, "Comunicazione.", section=1)]


def test_section_goes_on_over_its_pages_and_ends_at_its_heading():
    sections = [
        Section("Art. 1", "A.", 1, ("Capo I",)), Section("Art. 1", "B.", 2, ("Capo I",)),
        Section("Art. 2", "C.", 2, ("Capo I",)),
        Section("Art. 1", "D.", 3, ("Capo II",)), Section("Art. 1", "E.", 3, ("Capo II",)),
    ]  # fmt: skip

    result = list(passages(sections, size=1000, overlap=200))

    assert [passage.section for passage in result] == [0, 0, 1, 2, 2]
    assert result[0].path == ("Capo I",)


def test_list_and_table_keep_their_lines_in_a_passage():
    assert cut("Misure:\nuno\ndue\nVoce: NIS2 | Prezzo: 3.900 €. Fine.") == [
        "Misure:\nuno\ndue\nVoce: NIS2 | Prezzo: 3.900 €. Fine."
    ]


@pytest.mark.parametrize(("heading", "counts"), [("Capitolo", [10, 5]), ("", [3, 3, 3, 3, 3])])
def test_long_text_under_one_heading_or_none_counts_as_several_sections(heading: str, counts: list[int]):
    """A search brings one passage of each: of a chapter without headings it would find one only."""
    pages = [Section(heading, "Una frase di quaranta caratteri in tutto. " * 60, page) for page in range(1, 6)]

    result = list(passages([*pages, Section("Fine", "Breve.")], size=1000, overlap=0))

    numbers = [passage.section for passage in result]
    assert numbers == sorted(numbers)
    assert [numbers.count(number) for number in range(numbers[-1] + 1)] == [*counts, 1]
    assert {passage.heading for passage in result if passage.section < numbers[-1]} == {heading}


@pytest.mark.parametrize(
    ("heading", "is_background"),
    [
        ("Considerando 26", True), ("Recital 26", True), ("Preambolo", True), ("PREAMBLE", True),
        ("Articolo 26", False), ("Considerandone", False), ("", False),
    ],
)  # fmt: skip
def test_what_explains_a_law_is_told_from_what_rules(heading: str, is_background: bool):
    [passage] = passages([Section(heading, "Testo.")], size=1000, overlap=200)

    assert passage.is_background is is_background


def test_every_passage_of_a_section_has_its_heading_and_page():
    result = list(passages([Section("Articolo 5", "Alfa beta. Gamma delta.", page=3)], size=12, overlap=0))

    assert result == [Passage("Articolo 5", 3, "Alfa beta."), Passage("Articolo 5", 3, "Gamma delta.")]


@given(TEXTS, SIZES)
def test_no_passage_is_longer_than_asked(text: str, size: int):
    assert [passage for passage in cut(text, size, size // 5) if not 0 < len(passage) <= size] == []


@given(TEXTS, SIZES)
def test_nothing_is_lost_and_nothing_added(text: str, size: int):
    assert without_spaces("".join(cut(text, size))) == without_spaces(text)


@given(TEXTS, SIZES)
def test_nothing_is_lost_between_overlapping_passages(text: str, size: int):
    rest = without_spaces(text)
    position = 0
    for passage in map(without_spaces, cut(text, size, size // 5)):
        begins = rest.rfind(passage, 0, position + len(passage))
        assert begins >= 0
        position = max(position, begins + len(passage))

    assert position == len(rest)


@given(TEXTS, SIZES)
def test_sentences_of_a_passage_give_it_back(text: str, size: int):
    assert [" ".join(sentences(passage)) for passage in cut(text, size)] == [
        passage.replace("\n", " ") for passage in cut(text, size)
    ]


@given(TEXTS)
def test_sentence_has_no_line_break_inside(text: str):
    assert [sentence for sentence in sentences(text) if re.search(r"\n|^\s|\s$", sentence)] == []
