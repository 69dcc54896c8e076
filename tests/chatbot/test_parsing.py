"""Files become sections with headings and pages, in a process that a hostile file takes down alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.chunking import Section
from chatbot.front_matter import read_front_matter
from chatbot.parsing import UnreadableDocumentError, parse
from tests.chatbot import files

WORD_TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def test_pdf_keeps_its_page_numbers():
    found = parse("pdf", files.pdf("Articolo 1.", "", "Articolo 2."))

    assert found == [Section("", "Articolo 1.", 1), Section("", "Articolo 2.", 3)]


def test_lines_of_a_page_become_running_text():
    page = "Il titolare notifica la viola-\nzione entro\n72 ore.\nPoi informa\nl'interessato."

    [section] = parse("pdf", files.pdf(page))

    assert section.text == "Il titolare notifica la violazione entro 72 ore.\nPoi informa l'interessato."


def test_pdf_that_only_forbids_printing_is_read():
    assert parse("pdf", files.locked_pdf("Aperto.", password="")) == [Section("", "Aperto.", 1)]


@pytest.mark.parametrize("code", ["0000", "D800"])
def test_characters_that_no_table_can_keep_are_left_out(code: str):
    assert parse("pdf", files.pdf_with_letter_a_read_as(code)) == [Section("", "B ciao", 1)]


def test_word_headings_begin_sections():
    content = files.word(
        ("Normal", "Premessa."), ("Heading 1", "Capo I"), ("Heading 2", "Articolo 1"), ("Normal", "Prima riga."),
        ("Normal", " "), ("List Bullet", "Un punto."), ("Heading 2", "Articolo 2"), ("Normal", "Ultima riga."),
    )  # fmt: skip

    assert parse("docx", content) == [
        Section("", "Premessa."),
        Section("Articolo 1", "Prima riga.\nUn punto."),
        Section("Articolo 2", "Ultima riga."),
    ]


def test_word_table_is_read_row_by_row_where_it_stands():
    content = files.word(("Normal", "Prezzi:"), [["Servizio", "Prezzo"], ["NIS2", "3.900"]], ("Normal", "Più IVA."))

    assert parse("docx", content) == [Section("", "Prezzi:\nServizio | Prezzo\nNIS2 | 3.900\nPiù IVA.")]


def test_text_file_is_taken_as_it_is():
    assert parse("txt", "\ufeffPerché no?\r\n# Non un titolo".encode()) == [
        Section("", "Perché no?\r\n# Non un titolo")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Solo testo.", [Section("", "Solo testo.")]),
        ("# Uno\n\nA.\n\n## Due\n\nB.", [Section("Uno", "A."), Section("Due", "B.")]),
        ("# Vuoto\n\n## Pieno\n\nA.", [Section("Pieno", "A.")]),
        ("Titolo\n======\n\nA.", [Section("Titolo", "A.")]),
        ("## *Art.* `33`\n\nA.", [Section("Art. 33", "A.")]),
        ("Riga\nspezzata **in** due.", [Section("", "Riga spezzata in due.")]),
        ("- uno\n- [due](https://x.example)", [Section("", "uno\ndue")]),
        ("| a | b |\n|---|---|\n| c | d |", [Section("", "a\nb\nc\nd")]),
        ("```\n# nel codice\n```", [Section("", "# nel codice")]),
        ("---\ntitle: X\n---\n\n# Uno\n\nA.", [Section("Uno", "A.")]),
        ("---\r\ntitle: X\r\n---\r\n\r\nA.\r\n", [Section("", "A.")]),
        ("\ufeff# Uno\n\nA.", [Section("Uno", "A.")]),
    ],
)
def test_markdown_is_read_for_its_words(text: str, expected: list[Section]):
    assert parse("md", text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Senza", {}),
        ("---\ntitle: Guida\ntopic: NIS2\n---\n", {"title": "Guida", "topic": "NIS2"}),
        ('---\ntitle: "Guida: la NIS2"\n---\n', {"title": "Guida: la NIS2"}),
        ("---\r\nlanguage: en\r\n---\r\n", {"language": "en"}),
        ("\ufeff---\nversion: 2\n---\n", {"version": "2"}),
        ("---\nauthor: nessuno\n---\n", {}),
        ("---\ntitle: mai chiuso\n", {}),
        ("\n---\ntitle: non in testa\n---\n", {}),
    ],
)
def test_front_matter_says_what_it_knows(text: str, expected: dict[str, str]):
    assert read_front_matter(text.encode()) == expected


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("pdf", b"%PDF-1.7\ngarbage", "PdfStreamError: Stream has ended unexpectedly"),
        ("pdf", files.pdf("Intero.")[:400], "PdfStreamError: Stream has ended unexpectedly"),
        ("pdf", files.locked_pdf("Segreto.", password="x"), "FileNotDecryptedError: File has not been decrypted"),
        ("docx", b"PK\x03\x04garbage", "BadZipFile: File is not a zip file"),
        ("docx", files.archive({"[Content_Types].xml": WORD_TYPES}), "KeyError: "),
        ("txt", "perché".encode("latin-1"), "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
        ("pdf", files.pdf(""), "no text found; a scanned document needs text recognition first"),
        ("md", b"# Solo un titolo", "no text found; a scanned document needs text recognition first"),
        ("txt", b" \n ", "no text found; a scanned document needs text recognition first"),
    ],
    ids=["pdf-broken", "pdf-cut", "pdf-locked", "docx-broken", "docx-empty-zip", "txt-latin-1", "pdf-scanned",
         "md-heading-only", "txt-blank"],
)  # fmt: skip
def test_file_that_cannot_be_read_says_why(kind: str, content: bytes, reason: str):
    with pytest.raises(UnreadableDocumentError) as caught:
        parse(kind, content)

    assert str(caught.value).startswith(reason)


def test_reader_works_within_its_limits():
    limits = ", ".join(f"resource.getrlimit(resource.{name})" for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE"))
    program = f"import resource, sys; from chatbot import parsing; parsing._main(); print([{limits}], file=sys.stderr)"

    done = subprocess.run([sys.executable, "-c", program, "txt"], input=b"A.", capture_output=True, check=True)

    memory = 1536 * 1024 * 1024
    assert done.stderr.decode() == f"[({memory}, {memory}), (120, 120), (0, 0)]\n"


def test_folder_and_environment_of_the_worker_are_left_as_they_were():
    before = (Path.cwd(), dict(os.environ))

    parse("txt", b"A.")

    assert (Path.cwd(), dict(os.environ)) == before


@pytest.mark.parametrize(
    ("name", "pages", "first"),
    [
        ("dlgs-138-2024.it.pdf", 47, "Decreto legislativo 4 settembre 2024, n. 138 1 "),
        ("gdpr.it.pdf", 94, "Regolamento (UE) 2016/679 (GDPR) 1 "),
    ],
)
def test_law_as_pdf_is_read_to_its_last_page(shared: Path, name: str, pages: int, first: str):
    found = parse("pdf", (shared / "kb" / "documents" / name).read_bytes())

    assert [section.page for section in found] == list(range(1, pages + 1))
    assert found[0].text.startswith(first)


def test_law_as_word_file_has_all_its_articles(shared: Path):
    found = parse("docx", (shared / "kb" / "documents" / "nis2.en.docx").read_bytes())

    articles = [section.heading for section in found if section.heading.startswith("Article ")]
    assert (len(articles), articles[22]) == (46, "Article 23 - Reporting obligations")


def test_law_as_markdown_has_all_its_articles(shared: Path):
    found = parse("md", (shared / "kb" / "documents" / "gdpr.it.md").read_bytes())

    articles = [section.heading for section in found if section.heading.startswith("Articolo ")]
    assert (len(articles), articles[32][:20]) == (99, "Articolo 33 - Notifi")
