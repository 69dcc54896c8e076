"""Text in the encodings it comes in, and pages in the forms they have: each letter is the one that was written."""

import codecs

import pytest

from chatbot.knowledge.parsing import parse
from chatbot.knowledge.parsing.text import decode
from chatbot.retrieval.chunking import Section
from tests.chatbot import files

SENTENCE = "Perché l’«audit» costa 3.900 € – così è."
PAGE = "<html><head>{}</head><body><main><p>Perché costa così (5 €), è scritto qui sotto.</p></main></body></html>"


@pytest.mark.parametrize(
    "content",
    [
        SENTENCE.encode(), codecs.BOM_UTF8 + SENTENCE.encode(), SENTENCE.encode("utf-16"),
        codecs.BOM_UTF16_BE + SENTENCE.encode("utf-16-be"), SENTENCE.encode("utf-16-le"), SENTENCE.encode("utf-16-be"),
        SENTENCE.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8-mark", "utf-16", "utf-16-be-mark", "utf-16-le", "utf-16-be", "windows-1252"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["txt", "md"])
def test_text_is_read_in_its_encoding(kind: str, content: bytes):
    assert parse(kind, content).sections == (Section("", SENTENCE),)


def test_latin_1_is_read_as_windows_1252_which_has_the_same_letters():
    assert decode("però così".encode("latin-1")) == "però così"


@pytest.mark.parametrize("code", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_byte_that_no_encoding_knows_is_left_out(code: int):
    assert decode(b"cos\xec" + bytes([code]) + b"!") == "così!"


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ("<meta charset=windows-1252>", "cp1252"),
        ("<meta charset='iso-8859-1'>", "cp1252"),
        ("<meta charset=us-ascii>", "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-15">', "iso-8859-15"),
        ("<meta charset='utf-8'>", "utf-8"),
        ("<meta charset='utf-8'>", "cp1252"),  # what it says is not true
        ("<meta charset='klingon'>", "utf-8"),
        ("", "utf-8"),
        ("", "cp1252"),
        ("<meta charset='utf-16'>", "utf-8"),  # as WHATWG says: it was read, so it is none
    ],
)
def test_page_is_read_in_the_encoding_it_declares_or_has(declaration: str, encoding: str):
    [section] = parse("html", PAGE.format(declaration).encode(encoding)).sections

    assert section.text == "Perché costa così (5 €), è scritto qui sotto."


@pytest.mark.parametrize(
    ("content", "language"),
    [
        (
            """<?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>Who</title></head>
            <body><h1>Who is in</h1><p>Medium ones.</p></body></html>""",
            "en",
        ),
        ("<h1>Who is in</h1>\n<p>Medium ones.</p>", ""),
        ("<p>Medium\nones.</p>", ""),
    ],
    ids=["xhtml", "piece", "paragraph"],
)
def test_xhtml_and_pieces_of_a_page_are_read(content: str, language: str):
    document = parse("html", content.encode())

    assert [section.text for section in document.sections] == ["Medium ones."]
    assert document.language == language


TABLE = (
    "<table><thead><tr><th>Servizio</th><th>Prezzo</th></tr></thead><tbody>"
    "<tr><td>NIS2. Verifica</td><td>3.900 €</td></tr><tr><td>AI Act</td><td>2.400 €</td></tr></tbody></table>"
)


MARKDOWN_TABLE = "| Servizio | Prezzo |\n|---|---|\n| NIS2. Verifica | 3.900 € |\n| AI Act | 2.400 € |"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("html", f"<h1>Listino</h1><p>I prezzi dei servizi, per anno.</p>{TABLE}"),
        ("md", f"# Listino\n\nI prezzi dei servizi, per anno.\n\n{MARKDOWN_TABLE}\n"),
        ("md", f"# Listino\n\nI prezzi dei servizi, per anno.\n\n{TABLE}\n"),
    ],
    ids=["html", "markdown", "html in markdown"],
)  # fmt: skip
def test_row_of_a_table_has_its_headings(kind: str, content: str):
    lines = "\n".join(section.text for section in parse(kind, content.encode()).sections).splitlines()

    assert lines == [
        "I prezzi dei servizi, per anno.", "Servizio: NIS2. Verifica | Prezzo: 3.900 €",
        "Servizio: AI Act | Prezzo: 2.400 €",
    ]  # fmt: skip


def test_table_that_only_places_things_is_read_as_text():
    content = "<table><tr><td><p>Prima parte del testo.</p><p>Seconda parte del testo.</p></td></tr></table>"

    lines = "\n".join(section.text for section in parse("html", content.encode()).sections).splitlines()

    assert lines == ["Prima parte del testo.", "Seconda parte del testo."]


def test_label_and_value_are_no_headings_of_a_table():
    rows = [["Ragione sociale", "Alfa Srl"], ["Sede", "Bologna"], ["Referente", "Anna Rossi"]]

    assert parse("docx", files.word(rows)).sections == (
        Section("", "Ragione sociale | Alfa Srl\nSede | Bologna\nReferente | Anna Rossi"),
    )


def test_page_without_text_and_pictures_of_a_pdf_are_counted():
    document = parse("pdf", files.pdf_with_picture(text="Figura 1."))

    assert (document.sections, document.omissions) == ((Section("", "Figura 1.", 1),), {"pictures": 1})
