"""Small files of every kind, made on the spot; broken ones too."""

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import docx
import openpyxl
import pptx
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, IndirectObject, NameObject
from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: str, title: str = "") -> bytes:
    """One page for each text, its lines below each other."""
    file = BytesIO()
    canvas = Canvas(file)
    canvas.setTitle(title)
    for page in pages:
        for number, line in enumerate(page.splitlines()):
            canvas.drawString(50, 780 - 20 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def locked_pdf(*pages: str, password: str) -> bytes:
    """A PDF that opens with a password; with "" it opens for everybody, as one that only may not be printed."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(*pages))))
    writer.encrypt(password, owner_password="owner", algorithm="AES-256")
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def pdf_with_letter_a_read_as(code: str) -> bytes:
    """A PDF with the text "AB ciao" whose font says that its A is another character."""
    writer = PdfWriter()
    page = writer.add_blank_page(600, 800)

    def stream(content: bytes) -> IndirectObject:
        stream_object = DecodedStreamObject()
        stream_object.set_data(content)
        return writer._add_object(stream_object)

    names = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    font = DictionaryObject({NameObject(name): NameObject(value) for name, value in names.items()})
    font[NameObject("/ToUnicode")] = stream(f"1 beginbfchar <41> <{code}> endbfchar".encode())
    fonts = DictionaryObject({NameObject("/F"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    page[NameObject("/Contents")] = stream(b"BT /F 12 Tf 50 700 Td (AB ciao) Tj ET")
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def word(*blocks: tuple[str, str] | list[list[str]]) -> bytes:
    """A DOCX: (style, text) is a paragraph, a list of rows is a table."""
    document = docx.Document()
    for block in blocks:
        if isinstance(block, tuple):
            document.add_paragraph(block[1], style=block[0])
        else:
            table = document.add_table(len(block), len(block[0]))
            for row, texts in zip(table.rows, block, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def archive(entries: dict[str, bytes]) -> bytes:
    """A zip file, which is what a DOCX is from outside."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zip_archive:
        for name, content in entries.items():
            zip_archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return file.getvalue()


def slides(*pages: tuple[str, str, str], hidden: int = 0) -> bytes:
    """A PPTX: (title, text, what the speaker sees) is a slide; `hidden` is the number of one that is not shown."""
    presentation = pptx.Presentation()
    for number, (title, text, notes) in enumerate(pages, start=1):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
        if number == hidden:
            slide._element.set("show", "0")
    file = BytesIO()
    presentation.save(file)
    return file.getvalue()


def workbook(sheets: dict[str, list[list[Any]]], hidden: str = "") -> bytes:
    """An XLSX: its sheets by their names, row by row; `hidden` is the name of one that is not shown."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == hidden:
            sheet.sheet_state = "hidden"
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def open_text(body: str, **entries: bytes) -> bytes:
    """An ODT whose text is `body`, elements of `office:text` in XML."""
    namespaces = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
    )
    content = f'<office:document-content {namespaces} office:version="1.3"><office:body><office:text>{body}'
    kind = b"application/vnd.oasis.opendocument.text"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    meta = f"<office:document-meta {namespaces}><office:meta/></office:document-meta>"
    return archive(
        {
            "mimetype": kind,
            "content.xml": f"{content}</office:text></office:body></office:document-content>".encode(),
            "meta.xml": meta.encode(),
            "META-INF/manifest.xml": manifest.encode(),
            **entries,
        }
    )


def word_from(body: str, styles: str = "", **entries: bytes) -> bytes:
    """A DOCX whose body is `body`, in WordprocessingML; its other files are those python-docx gives every one."""
    empty = word(("Normal", ""))
    with zipfile.ZipFile(BytesIO(empty)) as parts:
        contents = {name: parts.read(name) for name in parts.namelist()}
    head, _body, tail = re.split(rb"(<w:body>.*?(?=<w:sectPr))", contents["word/document.xml"], flags=re.DOTALL)
    contents["word/document.xml"] = head + f"<w:body>{body}".encode() + tail
    contents["word/styles.xml"] = contents["word/styles.xml"].replace(b"</w:styles>", f"{styles}</w:styles>".encode())
    return archive({**contents, **entries})


def typeset_pdf(*pages: list[tuple[str, str, float]], bookmarks: Sequence[tuple[str, int, int]] = ()) -> bytes:
    """A PDF of lines in (text, font, size), down the page; `bookmarks` are (title, page from 1, level from 0)."""
    file = BytesIO()
    canvas = Canvas(file)
    for number, page in enumerate(pages, start=1):
        for title, _at, level in (bookmark for bookmark in bookmarks if bookmark[1] == number):
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, level)
        height = 790.0
        for text, font, size in page:
            height -= size * 1.2
            canvas.setFont(font, size)
            canvas.drawString(50, height, text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def pdf_with_picture(*, text: str = "") -> bytes:
    """A page filled by a picture, with a line of text or none, as a scanner makes it."""
    file = BytesIO()
    canvas = Canvas(file, pagesize=(300, 400))
    canvas.drawInlineImage(Image.new("RGB", (30, 40), "gray"), 0, 0, 300, 400)
    if text:
        canvas.drawString(20, 380, text)
    canvas.save()
    return file.getvalue()


def raised_number_pdf(before: str, number: str, after: str) -> bytes:
    """A line with a small raised number in it, as the mark of a note."""
    file = BytesIO()
    canvas = Canvas(file)
    text = canvas.beginText(50, 700)
    for part, size, rise in ((before, 11, 0), (number, 7, 4), (after, 11, 0)):
        text.setFont("Helvetica", size)
        text.setRise(rise)
        text.textOut(part)
    canvas.drawText(text)
    canvas.save()
    return file.getvalue()


def word_relations(name: str) -> dict[str, bytes]:
    """The entries of a DOCX that say it has the part `word/{name}.xml`: "footnotes" or "endnotes"."""
    relation = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{name}"
    with zipfile.ZipFile(BytesIO(word(("Normal", "")))) as parts:
        relations = parts.read("word/_rels/document.xml.rels").decode()
    entry = f'<Relationship Id="rIdNotes" Type="{relation}" Target="{name}.xml"/></Relationships>'
    return {"word/_rels/document.xml.rels": relations.replace("</Relationships>", entry).encode()}


def strict_word(content: bytes) -> bytes:
    """The same DOCX as Word writes it when asked for "strict Open XML"."""
    names = {
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main": b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships":
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    }  # fmt: skip
    with zipfile.ZipFile(BytesIO(content)) as parts:
        entries = {name: parts.read(name) for name in parts.namelist()}
    for old, new in names.items():
        entries = {name: text.replace(old, new) for name, text in entries.items()}
    return archive(entries)
