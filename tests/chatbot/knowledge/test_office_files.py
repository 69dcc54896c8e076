"""Word, OpenDocument, PowerPoint and Excel: what their programs show is read, what they hide is not."""

from typing import Any

import pytest

from chatbot.knowledge.parsing import parse
from chatbot.retrieval.chunking import Section
from tests.chatbot import files

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    return (
        f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"
    )


def style(name: str, level: int | None = None, parent: str = "") -> str:
    outline = "" if level is None else f'<w:pPr><w:outlineLvl w:val="{level}"/></w:pPr>'
    based_on = f'<w:basedOn w:val="{parent}"/>' if parent else ""
    identifier = name.replace(" ", "")
    return f'<w:style w:type="paragraph" w:styleId="{identifier}"><w:name w:val="{name}"/>{based_on}{outline}</w:style>'


def styled(name: str, text: str) -> str:
    return paragraph(text, f'<w:pStyle w:val="{name.replace(" ", "")}"/>')


def text_of(kind: str, content: bytes) -> str:
    return "\n".join(section.text for section in parse(kind, content).sections)


# Word --------------------------------------------------------------------------------------------


def test_what_was_inserted_under_review_is_read_and_what_was_deleted_is_not():
    """A price that somebody changed with "track changes" is the new one, accepted or not."""
    body = (
        "<w:p><w:r><w:t xml:space='preserve'>Prezzo: </w:t></w:r>"
        '<w:del w:id="1" w:author="A"><w:r><w:delText>3.500 €</w:delText></w:r></w:del>'
        '<w:ins w:id="2" w:author="A"><w:r><w:t>3.900 €</w:t></w:r></w:ins></w:p>'
        '<w:p><w:pPr><w:rPr><w:ins w:id="3" w:author="A"/></w:rPr></w:pPr>'
        '<w:ins w:id="4" w:author="A"><w:r><w:t>Più IVA.</w:t></w:r></w:ins></w:p>'
    )

    assert text_of("docx", files.word_from(body)) == "Prezzo: 3.900 €\nPiù IVA."


def test_content_controls_are_read():
    body = (
        f"<w:sdt><w:sdtContent>{paragraph('In un blocco.')}</w:sdtContent></w:sdt>"
        "<w:p><w:r><w:t xml:space='preserve'>Cliente: </w:t></w:r>"
        "<w:sdt><w:sdtContent><w:r><w:t>Alfa Srl</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    )

    assert text_of("docx", files.word_from(body)) == "In un blocco.\nCliente: Alfa Srl"


@pytest.mark.parametrize("kind", ["footnote", "endnote"])
def test_note_stands_below_its_paragraph(kind: str):
    body = (
        "<w:p><w:r><w:t>Entro 72 ore</w:t></w:r>"
        f'<w:r><w:{kind}Reference w:id="2"/></w:r><w:r><w:t>.</w:t></w:r></w:p>{paragraph("Poi altro.")}'
    )
    notes = f'<w:{kind}s {W}><w:{kind} w:id="2">{paragraph("Dalla conoscenza del fatto.")}</w:{kind}></w:{kind}s>'
    relations = files.word_relations(f"{kind}s")

    content = files.word_from(body, **{f"word/{kind}s.xml": notes.encode(), **relations})

    assert text_of("docx", content).splitlines() == [
        "Entro 72 ore(1).", "(1) Dalla conoscenza del fatto.", "Poi altro.",
    ]  # fmt: skip


TEXT_BOX = (
    '<w:p><w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><w:txbxContent>{}</w:txbxContent>'
    "</v:textbox></v:shape></w:pict></w:r></w:p>"
)


def test_text_box_is_read_and_an_empty_one_is_named():
    body = TEXT_BOX.format(paragraph("Nel riquadro.")) + TEXT_BOX.format("<w:p/>") + paragraph("Fuori.")

    document = parse("docx", files.word_from(body))

    assert "\n".join(section.text for section in document.sections) == "Nel riquadro.\nFuori."
    assert document.omissions == {"text_boxes": 1}


@pytest.mark.parametrize(
    ("styles", "name"),
    [
        (style("Capitolo", 0), "Capitolo"),
        (style("Capitolo", 0) + style("Capitolo nuovo", parent="Capitolo"), "Capitolo nuovo"),
        (style("heading 4") + style("Figlio", parent="heading4"), "Figlio"),
    ],
    ids=["own", "inherited", "of a built-in one"],
)
def test_style_with_an_outline_level_makes_headings(styles: str, name: str):
    body = styled(name, "Accessi") + paragraph("Uno.") + styled(name, "Copie") + paragraph("Due.")

    assert parse("docx", files.word_from(body, styles)).sections == (
        Section("Accessi", "Uno."),
        Section("Copie", "Due."),
    )


def test_paragraph_s_own_outline_level_makes_it_a_heading():
    body = (
        paragraph("Accessi", '<w:outlineLvl w:val="0"/>') + paragraph("Uno.")
        + paragraph("Password", '<w:outlineLvl w:val="1"/>') + paragraph("Due.", '<w:outlineLvl w:val="9"/>')
    )  # fmt: skip

    document = parse("docx", files.word_from(body))

    # the first heading is the title, which stands over all
    assert document.sections == (Section("Accessi", "Uno."), Section("Password", "Due."))


def test_bold_line_is_a_heading_and_a_bold_sentence_is_none():
    body = (
        paragraph("Premessa.") + paragraph("Accessi", run="<w:b/>") + paragraph("Uno.")
        + paragraph("Vietato condividere la password.", run="<w:b/>")
    )  # fmt: skip

    assert parse("docx", files.word_from(body)).sections == (
        Section("", "Premessa."), Section("Accessi", "Uno.\nVietato condividere la password."),
    )  # fmt: skip


def test_table_of_contents_is_no_text():
    body = styled("toc 1", "Accessi ..... 3") + styled("Heading1", "Accessi") + paragraph("Uno.")

    assert text_of("docx", files.word_from(body, style("toc 1"))) == "Uno."


def test_strict_file_is_read_like_any():
    body = styled("Capitolo", "Accessi") + paragraph("Uno.")
    content = files.strict_word(files.word_from(body, style("Capitolo", 0)))

    assert parse("docx", content).sections == (Section("Accessi", "Uno."),)


def test_merged_cells_of_a_table_stand_in_each_row():
    cell = "<w:tc><w:tcPr>{}</w:tcPr><w:p><w:r><w:rPr>{}</w:rPr><w:t>{}</w:t></w:r></w:p></w:tc>"
    rows = [
        [("", "<w:b/>", "Servizio"), ("", "<w:b/>", "Formula"), ("", "<w:b/>", "Prezzo")],
        [('<w:vMerge w:val="restart"/>', "", "NIS2"), ("", "", "base"), ("", "", "3.900 €")],
        [("<w:vMerge/>", "", ""), ("", "", "completa"), ("", "", "7.200 €")],
        [('<w:gridSpan w:val="2"/>', "", "Sconto per tutti"), ("", "", "10 %")],
    ]
    table = "".join(f"<w:tr>{''.join(cell.format(*each) for each in row)}</w:tr>" for row in rows)

    assert text_of("docx", files.word_from(f"<w:tbl>{table}</w:tbl>")).splitlines() == [
        "Servizio: NIS2 | Formula: base | Prezzo: 3.900 €",
        "Servizio: NIS2 | Formula: completa | Prezzo: 7.200 €",
        "Servizio: Sconto per tutti | Prezzo: 10 %",
    ]


def test_what_has_no_words_is_counted():
    formula = '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"/>'
    chart = '<w:r><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"/></w:r>'

    document = parse("docx", files.word_from(f"<w:p>{formula}{chart}</w:p>{paragraph('Testo.')}"))

    assert document.omissions == {"formulas": 1, "charts": 1}


# OpenDocument ------------------------------------------------------------------------------------

ODT_TABLE = (
    "<table:table table:name='T'><table:table-column table:number-columns-repeated='2'/>"
    + "".join(
        "<table:table-row>"
        + "".join(
            f"<table:table-cell office:value-type='string'><text:p>{cell}</text:p></table:table-cell>" for cell in row
        )
        + "</table:table-row>"
        for row in (("Servizio", "Prezzo"), ("NIS2", "3.900 €"))
    )
    + "</table:table>"
)


def test_open_document_has_headings_lists_notes_and_tables():
    body = (
        "<text:h text:outline-level='1'>Accessi</text:h><text:p>Uno<text:note text:note-class='footnote'>"
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>Vale sempre.</text:p></text:note-body>"
        "</text:note>.</text:p><text:h text:outline-level='2'>Password</text:h>"
        "<text:list><text:list-item><text:p>lunga</text:p></text:list-item></text:list>" + ODT_TABLE
    )

    document = parse("odt", files.open_text(body))

    text = "\n".join(section.text for section in document.sections)
    assert [section.heading for section in document.sections] == ["Accessi", "Password"]
    assert "Vale sempre." in text
    assert "lunga\nServizio: NIS2 | Prezzo: 3.900 €" in text


def test_what_was_deleted_under_review_is_not_read_in_open_document():
    body = (
        "<text:tracked-changes><text:changed-region text:id='c1'><text:deletion><text:p>3.500 €</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        "<text:p>Prezzo: <text:change text:change-id='c1'/>3.900 €</text:p>"
    )

    assert text_of("odt", files.open_text(body)) == "Prezzo: 3.900 €"


# PowerPoint and Excel ----------------------------------------------------------------------------


def test_slides_are_pages_and_what_only_the_speaker_sees_is_left_out():
    content = files.slides(
        ("Chi siamo", "Una società di consulenza.", "Non dire del cliente."),
        ("Vecchi prezzi", "3.500 €", ""), ("Prezzi", "3.900 €", ""), hidden=2,
    )  # fmt: skip

    document = parse("pptx", content)

    assert document.title == "Chi siamo"
    assert document.sections == (
        Section("Chi siamo", "Una società di consulenza.", 1), Section("Prezzi", "3.900 €", 3),
    )  # fmt: skip
    assert document.omissions == {"speaker_notes": 1, "hidden_slides": 1}


def test_sheets_are_sections_and_a_hidden_one_is_left_out():
    sheets: dict[str, list[list[Any]]] = {
        "Listino": [["Servizio", "Prezzo"], ["NIS2", 3900], ["AI Act", 2400]],
        "Margini": [["Servizio", "Margine"], ["NIS2", 0.4]],
        "Sedi": [["Città", "Via"], ["Bologna", "Via Roma 1"]],
    }

    document = parse("xlsx", files.workbook(sheets, hidden="Margini"))

    assert document.sections == (
        Section("Listino", "Servizio: NIS2 | Prezzo: 3900\nServizio: AI Act | Prezzo: 2400"),
        Section("Sedi", "Città: Bologna | Via: Via Roma 1"),
    )
    assert document.omissions == {"hidden_sheets": 1}
