"""Headings of files that mark none as a law does: by the outline, the type, the numbers, or the space around a line."""

import pytest

from chatbot.knowledge.parsing import parse
from tests.chatbot import files

TEXT, BOLD = "Helvetica", "Helvetica-Bold"
BODY = "Questo paragrafo spiega con parole comuni che cosa fare, e lo fa in una riga lunga."
STEPS = [
    "Prima si valuta il rischio.", "Poi si decide la misura.", "Quindi si prova.", "Si misura ogni mese.",
    "Si corregge subito.", "Si scrive il verbale.", "Si avvisano i clienti.", "Si chiude.", "Si archivia.",
]  # fmt: skip


def lines(*texts: str, size: float = 10) -> list[tuple[str, str, float]]:
    return [(text, TEXT, size) for text in texts]


def headings(kind: str, content: bytes) -> list[tuple[str, ...]]:
    """Each heading once, below those above it."""
    return list(dict.fromkeys((*section.path, section.heading) for section in parse(kind, content).sections))


def test_larger_lines_of_a_pdf_are_headings_the_larger_the_higher():
    page = [
        ("Manuale della sicurezza", BOLD, 22), *lines(BODY),
        ("Accessi", BOLD, 16), *lines(BODY, BODY), ("Password", BOLD, 12), *lines(BODY, BODY, BODY),
        ("Copie di riserva", BOLD, 16), *lines(BODY, BODY),
    ]  # fmt: skip

    document = parse("pdf", files.typeset_pdf(page))

    assert document.title == "Manuale della sicurezza"
    assert headings("pdf", files.typeset_pdf(page)) == [
        ("Manuale della sicurezza",), ("Accessi",), ("Accessi", "Password"), ("Copie di riserva",),
    ]  # fmt: skip


def test_bold_line_of_the_text_s_size_is_a_heading_and_a_bold_word_is_none():
    page = [
        *lines(BODY), ("6.4 Copie interne", BOLD, 10), *lines(BODY, BODY), ("Attenzione, vale per tutti.", BOLD, 10),
        *lines(BODY),
    ]  # fmt: skip

    assert headings("pdf", files.typeset_pdf(page)) == [("",), ("6.4 Copie interne",)]


def test_heading_over_two_lines_is_one():
    page = [("Che cosa fare quando una violazione", BOLD, 14), ("riguarda più Paesi", BOLD, 14), *lines(BODY, BODY)]

    assert headings("pdf", files.typeset_pdf(page)) == [("Che cosa fare quando una violazione riguarda più Paesi",)]


def test_numbers_order_headings_of_one_type():
    page = [
        ("2 Accessi", BOLD, 12), *lines(BODY), ("2.1 Password", BOLD, 12), *lines(BODY, BODY),
        ("2.1.1 Lunghezza", BOLD, 12), *lines(BODY, BODY), ("2.2 Chiavi", BOLD, 12), *lines(BODY, BODY),
    ]  # fmt: skip
    first = [("Prima pagina", TEXT, 10), *lines(BODY)]

    assert headings("pdf", files.typeset_pdf(first, page))[1:] == [
        ("2 Accessi",), ("2 Accessi", "2.1 Password"), ("2 Accessi", "2.1 Password", "2.1.1 Lunghezza"),
        ("2 Accessi", "2.2 Chiavi"),
    ]  # fmt: skip


def test_outline_of_a_pdf_says_what_is_a_heading_though_all_is_in_one_type():
    pages = [lines("1 Accessi", BODY, "Password", BODY), lines(BODY, "2 Copie", BODY)]
    bookmarks = [("Accessi", 1, 0), ("Password", 1, 1), ("Copie", 2, 0)]

    content = files.typeset_pdf(*pages, bookmarks=bookmarks)

    assert headings("pdf", content) == [("1 Accessi",), ("Password",), ("2 Copie",)]
    assert [(section.heading, section.page) for section in parse("pdf", content).sections] == [
        ("1 Accessi", 1), ("Password", 1), ("Password", 2), ("2 Copie", 2),
    ]  # fmt: skip


def test_chapter_s_name_at_the_edge_of_its_pages_is_neither_heading_nor_text():
    pages = [
        [("Accessi", BOLD, 16), *lines(STEPS[0])],
        *(lines(f"{number} ACCESSI", STEPS[number]) for number in (2, 3)),
        [("Copie", BOLD, 16), *lines(STEPS[4])],
        *(lines(f"{number} COPIE", STEPS[number]) for number in (5, 6)),
    ]

    document = parse("pdf", files.typeset_pdf(*pages, bookmarks=[("Accessi", 1, 0), ("Copie", 4, 0)]))

    assert [(section.heading, section.page) for section in document.sections] == [
        ("Accessi", 1), ("Accessi", 2), ("Accessi", 3), ("Copie", 4), ("Copie", 5), ("Copie", 6),
    ]  # fmt: skip
    assert [section.text for section in document.sections] == [STEPS[number] for number in (0, 2, 3, 4, 5, 6)]


@pytest.mark.parametrize("word", ["Articolo", "Modulo", "Domanda", "Scheda"])
def test_numbered_heading_on_every_page_is_no_running_head(word: str):
    pages = [[(f"{word} {number}", BOLD, 14), *lines(step)] for number, step in enumerate(STEPS, start=1)]

    assert headings("pdf", files.typeset_pdf(*pages)) == [(f"{word} {number}",) for number in range(1, 10)]


@pytest.mark.parametrize(
    "foot", ["{}", "Pagina {}", "pag. {}", "Page {} of 9", "{}/9", "Guida NIS2 - {}", "{} Guida NIS2"]
)
def test_page_number_is_left_out_however_it_is_written(foot: str):
    pages = [lines(step, foot.format(number)) for number, step in enumerate(STEPS, start=1)]

    document = parse("pdf", files.typeset_pdf(*pages))

    assert [section.text for section in document.sections] == STEPS


def test_heading_without_text_is_kept_as_text():
    page = [("Studio Brandolini", BOLD, 20), ("Relazione annuale", BOLD, 14), ("Accessi", BOLD, 14), *lines(BODY, BODY)]

    document = parse("pdf", files.typeset_pdf(lines(BODY, BODY), page, [("In bozza", BOLD, 14)]))

    assert "Relazione annuale Accessi" in [section.heading for section in document.sections]
    assert document.sections[-1].text == "In bozza"


def test_raised_number_of_a_note_does_not_cut_its_line():
    file = files.raised_number_pdf("visto il parere (", "1", "), delibera")

    assert [section.text for section in parse("pdf", file).sections] == ["visto il parere (1), delibera"]


def test_lines_with_space_around_are_the_headings_of_a_plain_pdf():
    page = lines(BODY, BODY, BODY, "", "Accessi", "", BODY, BODY, BODY, "", "Copie di riserva", "", BODY, BODY)

    assert headings("pdf", files.typeset_pdf(page)) == [("",), ("Accessi",), ("Copie di riserva",)]


PLAIN = """Guida pratica
=============

Premessa breve.

Accessi
-------

{body}

2.1 Password

{body}
{body}

Elenco:

1. Una cosa
2. Due cose
3. Tre cose

Copie di riserva

{body}
"""


def test_headings_of_a_plain_text_are_underlined_or_stand_alone():
    content = PLAIN.format(body=BODY).encode()

    document = parse("txt", content)

    assert document.title == "Guida pratica"
    assert [(section.path, section.heading) for section in document.sections] == [
        ((), "Guida pratica"), ((), "Accessi"), (("Accessi",), "2.1 Password"), (("Accessi",), "Copie di riserva"),
    ]  # fmt: skip
    assert document.sections[2].text.splitlines()[-4:] == ["Elenco:", "1. Una cosa", "2. Due cose", "3. Tre cose"]


def test_lines_broken_at_the_width_of_a_page_are_joined_and_short_ones_are_not():
    text = (
        "Il titolare del trattamento notifica la violazione all'autorità di con-\n"
        "trollo entro settantadue ore dal momento in cui ne è venuto a conoscenza\n"
        "senza ingiustificato ritardo.\n\nStudio Brandolini\nVia Roma 1\n40100 Bologna\n"
    )

    [section] = parse("txt", text.encode()).sections

    sentence, *address = section.text.splitlines()
    assert sentence.startswith("Il titolare del trattamento notifica la violazione all'autorità di controllo entro ")
    assert sentence.endswith("ne è venuto a conoscenza senza ingiustificato ritardo.")
    assert address == ["Studio Brandolini", "Via Roma 1", "40100 Bologna"]
