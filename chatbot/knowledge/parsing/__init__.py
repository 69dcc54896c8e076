"""Turns a file into sections with headings and pages, in a process of its own with limits (`reader`).

PDF by pypdf, DOCX by python-docx, old DOC by office-oxide, HTML by trafilatura, Markdown by markdown-it-py; what a
hostile file does to them ends with the process, which knows no secret and reaches no network.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from chatbot.retrieval.chunking import Section

READER = ("-m", "chatbot.knowledge.parsing.reader")
_WALL_S = 150
_ROOT = Path(__file__).resolve().parents[3]


class UnreadableDocumentError(Exception):
    """The file cannot be read as what it says it is; the message is for the person who added it."""


@dataclass(frozen=True)
class ParsedDocument:
    """What a file says: its own title and language ("" where it tells none), and its sections in order."""

    title: str
    language: str
    sections: tuple[Section, ...]


def parse(kind: str, content: bytes) -> ParsedDocument:
    """Read a "pdf", "docx", "doc", "html", "txt" or "md" file, or raise `UnreadableDocumentError`."""
    command = [sys.executable, *READER, kind]
    # nothing of the worker's environment, which holds every secret there is
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    try:
        process = subprocess.run(  # noqa: S603 -- our own module
            command, input=content, capture_output=True, timeout=_WALL_S, check=False, cwd=_ROOT, env=env
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocumentError("reading took more than two and a half minutes") from error
    if process.returncode:
        reason = process.stderr.decode(errors="replace").strip().splitlines()
        raise UnreadableDocumentError(reason[-1][:300] if reason else "the reader ended without a word")
    data = json.loads(process.stdout)
    sections = tuple(Section(**section | {"path": tuple(section["path"])}) for section in data["sections"])
    if not any(section.text.strip() for section in sections):
        raise UnreadableDocumentError("no text found; a scanned document needs text recognition first")
    return ParsedDocument(data["title"], data["language"], sections)
