"""Turns a file into sections with headings and pages. Runs in a process of its own with limits: `parse` starts it.

PDF by pypdf, DOCX by python-docx, Markdown by markdown-it-py; what a hostile file does to them ends with the process.
"""

import io
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

from chatbot.chunking import Section

_MEMORY_BYTES = 1536 * 1024 * 1024
_CPU_S = 120
_WALL_S = 150


class UnreadableDocumentError(Exception):
    """The file cannot be read as what it says it is; the message is for the person who added it."""


def parse(kind: str, content: bytes) -> list[Section]:
    """The sections of a "pdf", "docx", "txt" or "md" file; `UnreadableDocumentError` when that does not work out."""
    command = [sys.executable, "-m", "chatbot.parsing", kind]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_WALL_S, check=False)  # noqa: S603 -- our own module
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocumentError("reading took more than two and a half minutes") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnreadableDocumentError(reason[-1][:300] if reason else "the reader ended without a word")
    sections = [Section(**section) for section in json.loads(done.stdout)]
    if not any(section.text.strip() for section in sections):
        raise UnreadableDocumentError("no text found; a scanned document needs text recognition first")
    return sections


def _pdf(content: bytes) -> Iterator[Section]:
    from pypdf import PdfReader  # noqa: PLC0415 -- only the child needs it

    reader = PdfReader(io.BytesIO(content))
    for number, page in enumerate(reader.pages, start=1):
        yield Section("", _unwrapped(page.extract_text()), number)


def _unwrapped(text: str) -> str:
    """Lines of a page joined into running text; a hyphen at a line's end belongs to the word."""
    joined = ""
    for line in map(str.strip, text.splitlines()):
        if joined.endswith("-") and line[:1].islower():
            joined = joined[:-1] + line
        elif joined.endswith((".", ";", ":")) or not joined:
            joined = f"{joined}\n{line}" if joined else line
        elif line:
            joined = f"{joined} {line}"
    return joined


def _docx(content: bytes) -> Iterator[Section]:
    from docx import Document  # noqa: PLC0415
    from docx.table import Table  # noqa: PLC0415

    heading, lines = "", list[str]()
    for block in Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            lines += [" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows]
        elif ((block.style and block.style.name) or "").startswith(("Heading", "Title")):
            yield Section(heading, "\n".join(lines))
            heading, lines = block.text.strip(), []
        elif block.text.strip():
            lines.append(block.text.strip())
    yield Section(heading, "\n".join(lines))


def _md(content: bytes) -> Iterator[Section]:
    from markdown_it import MarkdownIt  # noqa: PLC0415

    heading, lines, in_heading = "", list[str](), False
    for token in MarkdownIt("commonmark").enable("table").parse(_without_front_matter(content.decode("utf-8-sig"))):
        if token.type == "heading_open":
            yield Section(heading, "\n".join(lines))
            heading, lines, in_heading = "", [], True
        elif token.type == "heading_close":
            in_heading = False
        elif token.type in ("inline", "fence", "code_block"):
            plain = _plain(token)
            if in_heading:
                heading = plain
            else:
                lines.append(plain)
    yield Section(heading, "\n".join(lines))


def _plain(token: object) -> str:
    children = getattr(token, "children", None)
    if not children:
        return str(getattr(token, "content", "")).strip()
    return "".join(" " if child.type in ("softbreak", "hardbreak") else child.content for child in children).strip()


def _without_front_matter(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if text.startswith("---\n") and "\n---\n" in text[4:]:
        return text[4:].split("\n---\n", 1)[1]
    return text


def _txt(content: bytes) -> Iterator[Section]:
    yield Section("", content.decode("utf-8-sig"))


def _storable(section: Section) -> Section:
    """Without what PostgreSQL cannot keep and a PDF's fonts can spell: NUL and halves of surrogate pairs."""
    texts = (section.heading, section.text)
    heading, text = (text.replace("\0", "").encode(errors="ignore").decode() for text in texts)
    return Section(heading, text, section.page)


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    content = sys.stdin.buffer.read()
    readers = {"pdf": _pdf, "docx": _docx, "md": _md, "txt": _txt}
    try:
        sections = (_storable(section) for section in readers[sys.argv[1]](content))
        found = [asdict(section) for section in sections if section.text.strip()]
    except Exception as error:  # noqa: BLE001 -- the edge of a reader of hostile files: say one line and end
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
