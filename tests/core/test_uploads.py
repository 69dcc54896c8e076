"""Uploads: name, size and content must tell the same story, and nothing that unpacks too far is opened."""

import struct
import zipfile
from functools import partial
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import uploads
from core.uploads import UploadRefusedError, clean_name, detect_kind

EVERY_KIND = frozenset(
    {"pdf", "docx", "doc", "odt", "pptx", "xlsx", "html", "txt", "md", "png", "jpg", "jpeg", "gif", "webp"}
)


def make_zip(*names: str, content: bytes = b"<x/>") -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return buffer.getvalue()


ODT = b"application/vnd.oasis.opendocument.text"
DOCX = make_zip("[Content_Types].xml", "word/document.xml", "word/media/perché.png")


def make_png(width: int, height: int) -> bytes:
    return bytes.fromhex("89504e470d0a1a0a0000000d49484452") + struct.pack(">II", width, height) + bytes(32)


def make_jpeg(width: int, height: int, marker: int = 0xC0) -> bytes:
    """With a thumbnail before the frame, whose own frame is not the picture's."""
    thumbnail = bytes.fromhex("ffc0000b08ffffffff01011100")
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    frame = b"\xff\xff" + struct.pack(">BHBHHB", marker, 11, 8, height, width, 1) + b"\x01\x11\x00"
    return head + exif + frame + bytes.fromhex("ffd9")


def make_gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def make_webp(chunk: bytes, data: bytes) -> bytes:
    body = b"WEBP" + chunk + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make_lossy(width: int, height: int) -> bytes:
    return make_webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(20))


def make_lossless(width: int, height: int) -> bytes:
    return make_webp(b"VP8L", b"\x2f" + struct.pack("<I", (height - 1) << 14 | (width - 1)) + bytes(20))


def make_extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return make_webp(b"VP8X", b"\x10\x00\x00\x00" + sides + bytes(20))


def make_doc(*streams: str) -> bytes:
    """The container of old Office with the names of its streams, as its directory has them."""
    names = (stream.encode("utf-16-le").ljust(128, b"\0") for stream in ("Root Entry", *streams))
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + b"".join(names)


JPEG = make_jpeg(640, 480)
SAMPLES = {
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
    "docx": DOCX,
    "doc": make_doc("WordDocument"),
    "odt": make_zip("mimetype", "content.xml", "META-INF/manifest.xml", content=ODT),
    "pptx": make_zip("[Content_Types].xml", "ppt/presentation.xml"),
    "xlsx": make_zip("[Content_Types].xml", "xl/workbook.xml"),
    "html": b"<p>Ciao</p>",
    "txt": "Perché no?\n".encode(),
    "png": make_png(640, 480),
    "jpg": JPEG,
    "gif": make_gif(1, 1),
    "webp": make_lossy(640, 480),
}
ALIKE = {"md": "txt", "jpeg": "jpg"}  # the same content under two names


def refusal(content: bytes, name: str, allowed: frozenset[str] = EVERY_KIND, size: int | None = None) -> str:
    """The code of the refusal, or "" for a file that is taken."""
    try:
        detect_kind(BytesIO(content), name=name, size=len(content) if size is None else size, allowed=allowed)
    except UploadRefusedError as error:
        return error.code
    return ""


def lying(declared: int) -> bytes:
    """A small docx that says of one entry that it unpacks to so many bytes."""
    content = bytearray(DOCX)
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", declared)
    return bytes(content)


@pytest.mark.parametrize("kind", sorted(EVERY_KIND))
def test_file_that_is_what_its_name_says_is_taken_and_left_at_its_start(kind: str):
    content = SAMPLES[ALIKE.get(kind, kind)]
    file = BytesIO(content)
    file.seek(3)

    detected_kind = detect_kind(file, name=f"Relazione.v2.{kind.upper()}", size=len(content), allowed=EVERY_KIND)

    assert (detected_kind, file.tell()) == (kind, 0)


@pytest.mark.parametrize("kind", sorted(EVERY_KIND))
def test_content_of_every_other_kind_is_refused(kind: str):
    # the source of a page may be kept as plain text: a piece of one is no page
    alike = {ALIKE.get(kind, kind)} | ({"html"} if kind in ("txt", "md") else set())
    others = {name: content for name, content in SAMPLES.items() if name not in alike}

    refused = {name: refusal(content, f"a.{kind}") for name, content in others.items()}

    assert refused == dict.fromkeys(others, "file_content")


@pytest.mark.parametrize(
    "name", ["a.exe", "a.pdf.exe", "a.svg", "a", ".pdf", "a.", "a.pdf ", "a.pdf\0", "a.html", "a.docm", ""]
)
def test_other_kinds_are_refused_by_their_name(name: str):
    with pytest.raises(UploadRefusedError) as refused:
        detect_kind(BytesIO(SAMPLES["pdf"]), name=name, size=9, allowed=frozenset({"pdf", "docx"}))

    assert (refused.value.code, refused.value.field, refused.value.status) == ("file_kind", "file", 400)
    assert str(refused.value.message) == "Accettiamo questi tipi di file: DOCX, PDF."


def test_size_is_refused_from_the_first_byte_too_many(settings):
    settings.MAX_UPLOAD_SIZE_MB = 1

    refused = [refusal(SAMPLES["pdf"], "a.pdf", size=size) for size in (0, 1024 * 1024, 1024 * 1024 + 1)]

    assert refused == ["file_empty", "", "file_size"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ" + bytes(100), "a.pdf"),
        (b"MZ" + bytes(100) + b"%%EOF", "a.pdf"),  # only ends like one
        (b"<html>%PDF-1.7 %%EOF", "a.pdf"),
        (b"<html><script>" + JPEG[-2:], "a.jpg"),
        (b"<html>" + bytes.fromhex("49454e44ae426082"), "a.png"),
        (b"<html>\x00;", "a.gif"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a.webp"),
        (make_doc("Workbook"), "a.doc"),  # Excel's, under the name of Word's
        (make_doc(), "a.doc"),
        (make_png(0, 480), "a.png"),
        (make_png(640, 480)[:20], "a.png"),
        (make_jpeg(640, 480, marker=0xC4), "a.jpg"),  # tables and no frame
        (make_jpeg(640, 480)[:-16], "a.jpg"),
        (make_webp(b"VP8 ", bytes(30)), "a.webp"),
        (make_webp(b"ICCP", bytes(30)), "a.webp"),
        (JPEG + DOCX, "a.docx"),  # a picture and a document at once
        (b"%PDF-1.7\n" + DOCX, "a.docx"),
        (b"#!/bin/sh\n" + DOCX, "a.docx"),
        (make_zip("a.txt"), "a.docx"),
        (make_zip("[Content_Types].xml", "xl/workbook.xml"), "a.docx"),
        (DOCX[:-10], "a.docx"),
        (DOCX.replace("perché".encode(), b"perch\xff\xff"), "a.docx"),
        (b"PK\x03\x04", "a.docx"),
        (b"  \n<!DOCTYPE html><script>", "a.txt"),
        (b"\xef\xbb\xbf<html>", "a.txt"),
        (b"%PDF-1.7", "a.md"),
        (b"ciao\x00", "a.txt"),
        ("ciao\x01".encode("utf-16"), "a.md"),
        (bytes(range(256)), "a.txt"),
        (make_zip("mimetype", "content.xml", "META-INF/manifest.xml", content=b"application/epub+zip"), "a.odt"),
        (make_zip("mimetype", "content.xml", "META-INF/manifest.xml", content=ODT + b"-template"), "a.odt"),
        (b"<?xml version='1.0'?><invoice/>", "a.html"),
        (b"Testo <p>", "a.html"),
        (b"<p\x00>", "a.html"),
    ],
)
def test_file_that_is_something_else_is_refused(content: bytes, name: str):
    assert refusal(content, name) == "file_content"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("perché".encode("latin-1"), "a.txt"),
        ("“Perché” – 5 €".encode("cp1252"), "a.md"),
        ("perché".encode("utf-16"), "a.txt"),
        ("perché".encode("utf-16-le"), "a.txt"),
        ("perché".encode("utf-16-be"), "a.txt"),
        (b"<?xml version='1.0'?>\n<html xmlns='http://www.w3.org/1999/xhtml'>", "a.xhtml"),
        (b"\xef\xbb\xbf <h2>Titolo</h2>", "a.htm"),
        ("<p>perché</p>".encode("utf-16"), "a.html"),
        (b"<!-- nota --><table><tr><td>1</td></tr></table>", "a.HTML"),
    ],
)
def test_text_and_pages_are_taken_in_any_encoding(content: bytes, name: str):
    assert refusal(content, name, EVERY_KIND | {"htm", "xhtml"}) == ""


@pytest.mark.parametrize("suffix", ["htm", "xhtml"])
def test_page_is_a_page_by_any_of_its_names(suffix: str):
    file = BytesIO(SAMPLES["html"])

    assert detect_kind(file, name=f"a.{suffix}", size=9, allowed=frozenset({"htm", "xhtml"})) == "html"


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_office_file_with_a_password_says_what_to_do(kind: str):
    content = uploads._OLE + bytes(1000) + "EncryptedPackage".encode("utf-16-le") + bytes(1000)

    with pytest.raises(UploadRefusedError) as refused:
        detect_kind(BytesIO(content), name=f"a.{kind}", size=len(content), allowed=EVERY_KIND)

    assert refused.value.code == "file_locked"
    assert str(refused.value.message) == "Il file è protetto da password. Toglietela e inviatelo di nuovo."


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lying(uploads.MAX_UNPACKED_BYTES), "file_bomb"),
        (lying(0xFFFFFFF0), "file_bomb"),
        (lying(uploads.MAX_UNPACKED_BYTES - 1000), ""),
        (make_zip(*map(str, range(uploads.MAX_ZIP_ENTRIES - 2)), "[Content_Types].xml", "word/document.xml"), ""),
        (
            make_zip(*map(str, range(uploads.MAX_ZIP_ENTRIES - 1)), "[Content_Types].xml", "word/document.xml"),
            "file_bomb",
        ),
    ],
    ids=["bytes", "many bytes", "just fits", "entries that fit", "one entry too many"],
)
def test_file_that_unpacks_too_far_is_not_opened(content: bytes, code: str):
    assert refusal(content, "a.docx") == code


PICTURES = {
    "png": make_png, "jpg": make_jpeg, "jpeg": make_jpeg, "gif": make_gif,
    "lossy.webp": make_lossy, "lossless.webp": make_lossless, "extended.webp": make_extended,
}  # fmt: skip
PROGRESSIVE = {f"{marker:x}.jpg": partial(make_jpeg, marker=marker) for marker in (0xC1, 0xC2, 0xC9, 0xCF)}


@pytest.mark.parametrize("name", sorted(PICTURES | PROGRESSIVE))
def test_picture_that_unpacks_to_too_many_pixels_is_refused_unread(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "MAX_PIXELS", 12_000_000)
    make = (PICTURES | PROGRESSIVE)[name]

    assert [refusal(make(*size), f"a.{name}") for size in ((4000, 3000), (3000, 4001), (4001, 3000))] == [
        "", "file_pixels", "file_pixels",
    ]  # fmt: skip


def test_picture_of_the_largest_camera_is_taken_and_a_bomb_is_not():
    assert [refusal(make_png(*size), "a.png") for size in ((12_000, 9_000), (65_535, 65_535))] == ["", "file_pixels"]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.pdf"])
def test_archive_behind_another_file_is_refused(name: str):
    content = SAMPLES[name[2:]] + make_zip("META-INF/MANIFEST.MF", "Evil.class")

    assert refusal(content, name) == "file_polyglot"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.webp", "a.doc"])
def test_pdf_within_the_beginning_of_another_file_is_refused(name: str):
    kind, sample = name[2:], SAMPLES[name[2:]]
    pdf = b"%PDF-1.7 1 0 obj"
    content = sample[:512] + pdf + sample[512:] if kind == "doc" else sample + pdf

    assert [refusal(content, name), refusal(sample + bytes(1024) + pdf, name)] == ["file_polyglot", ""]


def test_old_word_file_with_a_sheet_in_it_and_a_text_about_pdf_are_taken():
    assert refusal(make_doc("WordDocument") + make_zip("xl/workbook.xml") + bytes(512), "a.doc") == ""
    assert refusal(b"A file begins with %PDF-1.7.", "a.txt") == ""


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (make_zip("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "a.docx"),
        (make_zip("[Content_Types].xml", "word/document.xml", "WORD/VBADATA.XML"), "a.docx"),
        (make_zip("[Content_Types].xml", "word/document.xml", "META-INF/MANIFEST.MF"), "a.docx"),
        (make_zip("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), "a.xlsx"),
        (make_zip("[Content_Types].xml", "ppt/presentation.xml", "ppt/vbaProject.bin"), "a.pptx"),
        (
            make_zip("mimetype", "content.xml", "META-INF/manifest.xml", "Basic/Standard/Module1.xml", content=ODT),
            "a.odt",
        ),
        (
            make_zip("mimetype", "content.xml", "META-INF/manifest.xml", "Scripts/python/evil.py", content=ODT),
            "a.odt",
        ),
        (make_doc("WordDocument", "Macros", "_VBA_PROJECT"), "a.doc"),
    ],
    ids=["docx", "docx data", "java", "xlsx", "pptx", "odt", "odt script", "doc"],
)
def test_file_with_macros_says_what_to_do(content: bytes, name: str):
    with pytest.raises(UploadRefusedError) as refused:
        detect_kind(BytesIO(content), name=name, size=len(content), allowed=EVERY_KIND)

    assert (refused.value.code, refused.value.field) == ("file_macros", "file")
    assert str(refused.value.message) == (
        "Il file contiene macro o programmi. Salvatelo senza, oppure come PDF, e inviate quello."
    )


def test_empty_library_of_macros_is_none():
    names = ("mimetype", "content.xml", "META-INF/manifest.xml", "Basic/Standard/script-lb.xml", "Basic/script-lc.xml")

    assert refusal(make_zip(*names, content=ODT), "a.odt") == ""


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Relazione 2026 (v2).PDF", "Relazione 2026 (v2).pdf"),
        ("C:\\Users\\anna\\Perché.docx", "Perché.docx"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("perche\u0301.pdf", "perché.pdf"),
        ("fattura\u202efdp.exe.pdf", "fattura_fdp.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a__Set-Cookie_ x.pdf"),
        ('<b>"nome";.pdf', "_b__nome__.pdf"),
        (f"{'è' * 300}.pdf", f"{'è' * 100}.pdf"),
    ],
)
def test_name_is_cleaned_of_what_could_mislead(name: str, cleaned: str):
    assert clean_name(name) == cleaned


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_file_is_taken_or_refused_and_nothing_else(data: st.DataObject):
    kind = data.draw(st.sampled_from(sorted(SAMPLES)))
    content = bytearray(SAMPLES[kind])
    for _change in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))

    assert refusal(bytes(content[:cut]), f"a.{kind}") in (
        "", "file_content", "file_bomb", "file_locked", "file_pixels",
    )  # fmt: skip
