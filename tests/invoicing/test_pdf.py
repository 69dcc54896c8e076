"""The courtesy copy says what the XML says, in the reader's language, on as many pages as it takes."""

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from invoicing import pdf
from invoicing.fatturapa.draft import Attachment, DeclarationOfIntent, Line, Payment, PurchaseOrder
from invoicing.fatturapa.law import FLAT_RATE_NOTE
from invoicing.fatturapa.view import read_invoice
from tests.invoicing.drafts import COMPANY, DAY, GOLDEN_NAMES, PERSON, golden_xml, make_draft, xml_of

FOREIGN = {"eu-company", "eu-person", "non-eu-company", "non-eu-person"}


def draw_pdf(xml, language="it", **options):
    """The number of pages and all words, in the order of drawing."""
    document = pdf.render(xml, file_name="IT11847200968_0001A.xml", sha256="ab" * 32, language=language, **options)
    pages = PdfReader(io.BytesIO(document)).pages
    return len(pages), " ".join(" ".join(page.extract_text().split()) for page in pages)


def text_of(draft, language="it"):
    return draw_pdf(xml_of(draft), language)


def amounts(text, label, language="it"):
    """Every amount in euros behind a label."""
    matches = re.findall(rf"(?:^|\s){label} (−?[\d.,]+) €", text)
    point, comma = (".", ",") if language == "it" else (",", ".")
    return [Decimal(value.replace(point, "").replace(comma, ".").replace("−", "-")) for value in matches]


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
    reader = PdfReader(io.BytesIO(pdf.render(xml_of(make_draft()), file_name="a.xml", sha256="0" * 64)))

    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    described = [font.get_object().get("/FontDescriptor") for font in fonts]
    assert described
    assert all(descriptor and "/FontFile2" in descriptor.get_object() for descriptor in described)
    assert reader.trailer["/Root"]["/Lang"] == "it"


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_sums_of_the_pdf_are_those_of_the_xml(name):
    view = read_invoice(golden_xml(name))

    _pages, text = draw_pdf(golden_xml(name))

    english = " / {}" if name in FOREIGN else ""
    rate, nature = r"(?: \d+ %)", r"(?: N[\d.]+)?"
    vat = rf"IVA{rate}" + (rf" / VAT{rate}" if english else "")
    assert amounts(text, "Totale" + english.format("Total")) == [view.total]
    assert amounts(text, "Imponibile" + english.format("Net amount") + nature) == [s.net for s in view.summaries]
    assert amounts(text, vat) == [summary.vat for summary in view.summaries if not summary.nature]
    assert amounts(text, "Arrotondamento" + english.format("Rounding")) == [view.rounding] * bool(view.rounding)


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_what_is_due_in_the_pdf_is_what_the_xml_asks_for(name):
    view = read_invoice(golden_xml(name))

    _pages, text = draw_pdf(golden_xml(name))

    english = name in FOREIGN
    to_pay, paid = ("Da pagare / To pay", "Pagato / Paid") if english else ("Da pagare", "Pagato")
    payment_total = sum(payment.amount for payment in view.payments)
    is_paid = {payment.method for payment in view.payments} == {"MP08"}
    due = [] if name == "credit-note" else [Decimal(0) if is_paid else payment_total]
    assert amounts(text, to_pay) == due
    assert amounts(text, paid) == ([payment_total] if is_paid else [])


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_lines_of_the_pdf_are_those_of_the_xml(name):
    _pages, text = draw_pdf(golden_xml(name))

    for line in read_invoice(golden_xml(name)).lines:
        total = f"{abs(line.total):,.2f}".translate(str.maketrans(",.", ".,"))
        rate = line.nature or f"{line.vat_rate.normalize():f} %"
        assert f"{rate} {'−' if line.total < 0 else ''}{total} {line.description}" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("company-pec", ["PEC officine@pec.brandolini.example", "Periodo 01.07.2026 – 30.09.2026", "Sconto 10 %, 4,50",
                         "Bonifico, 18.12.2026 1.049,13 €", "IBAN IT60X0542811101000000123456",
                         "N1 Escluse ex art. 15, DPR 633/1972"]),
        ("company-unknown-advance", ["Fattura di acconto 2026/00042", "Contanti 1.830,00 €"]),
        ("association", ["C.F. 91234560349", "N4 Esenti, art. 10, DPR 633/1972", "Addebito diretto SEPA, 31.12.2026",
                         "Imposta di bollo 2,00 €, assolta in modo virtuale dal cedente"]),
        ("public-administration", ["FPA12", "UFX1Y2", "ordine ODA 77/2026 01.10.2026, CUP J51B21000010006",
                                   "CIG Z1234567AB", "IVA versata all’Erario (split payment) −598,40 €",
                                   "Scissione dei pagamenti, art. 17-ter, DPR 633/1972"]),
        ("credit-note", ["Nota di credito 2026/00042", "Storno della fattura 2026/00001"]),
        ("debit-note", ["Nota di debito 2026/00042", "fattura 2026/00001 02.11.2026, fattura 2026/00007"]),
        ("fee", ["Parcella 2026/00042", "Ritenuta 20 % −200,00 €", "di cui cassa TC01 4 % 40,00 €",
                 "Da pagare 1.166,80 €"]),
        ("deferred", ["Fattura differita 2026/00042 del 31 ottobre 2026", "Sconto 5 %", "Bonifico, 30.11.2026 400,00 €",
                      "Bonifico, 31.12.2026 400,00 €", "Bonifico, 31.01.2027 367,25 €"]),
        ("flat-rate", ["Regime forfettario (RF19)", "Operazione in franchigia da IVA",
                       "N2.2 Regime forfettario, art. 1, c. 54-89, L. 190/2014",
                       "Imposta di bollo assolta in modo virtuale, art. 6 DM 17 giugno 2014"]),
        ("discount-in-euro", ["N6.1 Inversione contabile, rottami", "RIBA"]),
        ("person-gross", ["Pagato con carta", "2,00 18,035 22 % 36,07"]),
    ],
)  # fmt: skip
def test_what_the_document_is_about_is_shown(name, words):
    _pages, text = draw_pdf(golden_xml(name))

    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eu-company", ["Inversione contabile, art. 7-ter, DPR 633/1972 / Reverse charge, art. 196, Directive 2006/112",
                        "Bonifico / Bank transfer, 18.12.2026", "P.IVA DE136695976",
                        "10115 Berlin Germania / Germany"]),
        ("non-eu-company", ["Operazione non soggetta, art. 7-ter, DPR 633/1972 / Outside the scope of Italian VAT"]),
        ("eu-person", ["Pagato con carta / Paid by card", "IVA 22 % / VAT 22 % 63,12 €", "Arrotondamento / Rounding"]),
        ("non-eu-person", ["CA 94043 Mountain View Stati Uniti / United States", "Pagato / Paid 60,00 €"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["it", "en"])
def test_customer_abroad_reads_italian_and_english(name, words, language):
    _pages, text = draw_pdf(golden_xml(name), language)

    always = ["Cedente / Seller", "Cessionario / Customer", "Totale / Total", "Copia di cortesia. ", "Courtesy copy. "]
    always.append("18 novembre 2026 / Invoice of 18 November 2026")
    assert [word for word in [*words, *always] if word not in text] == []


@pytest.mark.parametrize(("language", "word"), [("it", "BOZZA"), ("en", "DRAFT")])
def test_draft_is_marked_across_every_page(language, word):
    lines = [Line(f"Voce {number}", Decimal(1), Decimal("10.00"), Decimal(22)) for number in range(60)]
    xml = xml_of(make_draft(COMPANY, *lines, payments=()))

    pages, text = draw_pdf(xml, language, is_draft=True)

    assert pages == text.count(word) > 1
    assert word not in draw_pdf(xml, language)[1]


@pytest.mark.parametrize(
    "notes",
    [
        "Ordine ORD-2026-00001",
        "Come da relazione. " * 30 + "https://www.esempio.test/" + "a" * 120 + " e da verbale.",
        "https://www.esempio.test/" + "b" * 600,
        "parola " * 28 + "fine. Seconda frase, più lunga della prima e di quella di prima ancora.",
    ],
)
@pytest.mark.parametrize("is_flat_rate", [False, True])
def test_notes_read_as_they_were_written(notes, is_flat_rate):
    rate, nature = (Decimal(0), "N2.2") if is_flat_rate else (Decimal(22), "")
    line = Line("Consulenza", Decimal(1), Decimal("10.00"), rate, nature=nature)
    draft = make_draft(COMPANY, line, payments=(), notes=notes)
    draft = replace(draft, seller=replace(draft.seller, tax_regime="RF19" if is_flat_rate else "RF01"))

    result = pdf._join_notes(read_invoice(xml_of(draft)).notes)

    assert result == [notes, *([FLAT_RATE_NOTE] if is_flat_rate else [])]


@pytest.mark.parametrize("count", [10, 60, 490])
def test_notes_are_all_there_however_long(count):
    words = [f"nota{number:03}" for number in range(count)]
    only = Line("Consulenza", Decimal(1), Decimal("10.00"), Decimal(22))

    _pages, text = text_of(make_draft(COMPANY, only, payments=(), notes=" ".join(words)))

    assert re.findall(r"nota\d{3}", text) == words
    assert re.findall(r"nota\d{3},", text) == []  # cut for the XML, put together again


def test_two_hundred_lines_are_all_there_in_order():
    lines = [Line(f"Voce {number};", Decimal(1), Decimal("10.00"), Decimal(22)) for number in range(1, 201)]

    pages, text = text_of(make_draft(COMPANY, *lines, payments=()))

    assert re.findall(r"Voce (\d+);", text) == [str(number) for number in range(1, 201)]
    assert re.findall(r"Pagina (\d+) di (\d+)", text) == [(str(page), str(pages)) for page in range(1, pages + 1)]
    assert amounts(text, "Totale") == [Decimal("2440.00")]
    assert text.count("Copia di cortesia.") == pages


@pytest.mark.parametrize("text", ["x" * 1000, "parola " * 140, "<b>&amp;</b>", "Caffè – “tè” € 5"])
def test_any_description_is_drawn_whole(text):
    _pages, drawn_text = text_of(make_draft(COMPANY, Line(text, Decimal(1), Decimal(1), Decimal(22)), payments=()))

    expected = text.replace("–", "-").replace("“", '"').replace("”", '"').replace("€", "EUR")
    assert "".join(expected.split()) in "".join(drawn_text.split())


def test_pdf_tells_its_language_and_title_and_shows_it_as_the_windows_title():
    for language, title in (("it", "Fattura 2026/00042"), ("en", "Invoice 2026/00042")):
        content = pdf.render(xml_of(make_draft()), file_name="x.xml", sha256="ab" * 32, language=language)
        document = PdfReader(io.BytesIO(content))

        root = document.trailer["/Root"]
        assert (root["/Lang"], document.metadata.title) == (language, title)
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_bic_references_and_attachments_are_printed():
    payment = Payment("MP05", None, DAY, "IT60X0542811101000000123456", "BPMOIT22XXX")
    intent = DeclarationOfIntent("08060120341234567-000001", date(2026, 1, 10))
    line = Line("Licenza", Decimal(1), Decimal(1000), Decimal(0), nature="N3.5")

    _pages, text = text_of(
        make_draft(
            COMPANY, line, payments=(payment,), declaration_of_intent=intent, contracts=(PurchaseOrder("C/1"),),
            agreements=(PurchaseOrder("Consip 3"),), administration_reference="FORN 118",
            attachments=(Attachment("relazione.pdf", "SGk="),),
        )
    )  # fmt: skip

    words = [
        "IBAN IT60X0542811101000000123456, BIC BPMOIT22XXX", "contratto C/1", "convenzione Consip 3",
        "Vostro riferimento FORN 118", "Allegati: relazione.pdf",
        "Dichiarazione d’intento 08060120341234567-000001, 10.01.2026",
    ]  # fmt: skip
    joined = " ".join(text.split())
    assert [word for word in words if word not in joined] == []
