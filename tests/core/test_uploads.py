"""Uploads: name, size and content must tell the same story, and nothing that unpacks too far is opened."""

import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import uploads
from core.uploads import UploadRefusedError, detect_kind

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
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(40) + bytes.fromhex("ffd9")
SAMPLES = {
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
    "docx": DOCX,
    "doc": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    "odt": make_zip("mimetype", "content.xml", "META-INF/manifest.xml", content=ODT),
    "pptx": make_zip("[Content_Types].xml", "ppt/presentation.xml"),
    "xlsx": make_zip("[Content_Types].xml", "xl/workbook.xml"),
    "html": b"<p>Ciao</p>",
    "txt": "Perché no?\n".encode(),
    "png": bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(40),
    "jpg": JPEG,
    "gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00" + bytes(30),
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


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_file_is_taken_or_refused_and_nothing_else(data: st.DataObject):
    kind = data.draw(st.sampled_from(sorted(SAMPLES)))
    content = bytearray(SAMPLES[kind])
    for _change in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))

    assert refusal(bytes(content[:cut]), f"a.{kind}") in ("", "file_content", "file_bomb", "file_locked")
