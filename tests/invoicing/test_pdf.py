"""The courtesy copy says what the XML says, in the reader's language, on as many pages as it takes."""

import io
from decimal import Decimal

import pytest
from pypdf import PdfReader

from invoicing import pdf
from invoicing.draft import Line
from invoicing.fatturapa import Transmission, build_xml
from tests.invoicing.drafts import COMPANY, PERSON, make_draft


def text_of(draft, language="it"):
    xml = build_xml(draft, number="2026/00042", transmission=Transmission("11847200968", "0001A"))
    document = pdf.render(xml, file_name="IT11847200968_0001A.xml", sha256="ab" * 32, language=language)
    pages = PdfReader(io.BytesIO(document)).pages
    return len(pages), " ".join(" ".join(page.extract_text().split()) for page in pages)


def test_numbers_in_the_pdf_are_those_of_the_xml():
    lines = [
        Line("Uno", Decimal(2), Decimal("1234.565"), Decimal(22)),
        Line("Due", Decimal(1), Decimal("0.33"), Decimal(10)),
    ]

    _pages, text = text_of(make_draft(COMPANY, *lines, payments=()))

    for expected in ("1.234,565", "2.469,13", "543,21", "0,33", "0,03", "3.012,70 €"):
        assert expected in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("it", ("Fattura 2026/00042", "Cedente", "Cessionario", "3.900,00", "4.758,00 €", "copia di cortesia")),
        ("en", ("Invoice 2026/00042", "Seller", "Customer", "3,900.00", "4,758.00 €", "ourtesy copy")),
    ],
)
def test_words_and_numbers_are_the_readers(language, words):
    _pages, text = text_of(make_draft(), language)

    assert [word for word in words if word.lower() not in text.lower()] == []


def test_consumer_is_named_with_the_fiscal_code():
    _pages, text = text_of(make_draft(PERSON))

    assert "Mario Rossi" in text
    assert "RSSMRA85T10A562S" in text


def test_many_lines_go_on_over_numbered_pages():
    lines = [
        Line(f"Voce {number} " + "molto lunga " * 8, Decimal(1), Decimal("10.00"), Decimal(22)) for number in range(60)
    ]

    pages, text = text_of(make_draft(COMPANY, *lines, payments=()))

    assert pages > 3
    assert f"Pagina 1 di {pages}" in text
    assert f"Pagina {pages} di {pages}" in text
    assert all(f"Voce {number} " in text for number in range(60))


def test_fonts_are_embedded():
    xml = build_xml(make_draft(), number="2026/00042", transmission=Transmission("11847200968", "0001A"))
    reader = PdfReader(io.BytesIO(pdf.render(xml, file_name="a.xml", sha256="0" * 64)))

    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    described = [font.get_object().get("/FontDescriptor") for font in fonts]
    assert described
    assert all(descriptor and "/FontFile2" in descriptor.get_object() for descriptor in described)
    assert reader.trailer["/Root"]["/Lang"] == "it"
