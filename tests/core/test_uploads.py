"""Uploads: name, size and content must tell the same story, and nothing that unpacks too far is opened."""

import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import uploads
from core.uploads import UploadRefusedError, detect_kind

EVERY_KIND = frozenset({"pdf", "docx", "doc", "txt", "md", "png", "jpg", "jpeg", "gif", "webp"})


def make_zip(*names: str, content: bytes = b"<x/>") -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


DOCX = make_zip("[Content_Types].xml", "word/document.xml", "word/media/perché.png")
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(40) + bytes.fromhex("ffd9")
SAMPLES = {
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
    "docx": DOCX,
    "doc": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
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
    others = {name: content for name, content in SAMPLES.items() if name != ALIKE.get(kind, kind)}

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
        ("perché".encode("latin-1"), "a.txt"),
        ("ciao".encode("utf-16"), "a.md"),
    ],
)
def test_file_that_is_something_else_is_refused(content: bytes, name: str):
    assert refusal(content, name) == "file_content"


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

    assert refusal(bytes(content[:cut]), f"a.{kind}") in ("", "file_content", "file_bomb")
