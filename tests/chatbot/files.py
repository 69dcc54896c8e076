"""Small files of every kind, made on the spot; broken ones too."""

import zipfile
from io import BytesIO

import docx
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
            zip_archive.writestr(name, content)
    return file.getvalue()
