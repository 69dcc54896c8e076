"""Turns a file into sections with headings and pages, in a process of its own with limits (`reader`).

PDF by PDFium, office files by mammoth, office-oxide and odfdo, web pages by trafilatura, Markdown by markdown-it-py;
what a hostile file does to them ends with the process, which knows no secret and reaches no network.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chatbot.knowledge.parsing.errors import Reason
from chatbot.retrieval.chunking import Section

READER = ("-m", "chatbot.knowledge.parsing.reader")
_WALL_S = 150
_ROOT = Path(__file__).resolve().parents[3]
log = logging.getLogger(__name__)


class UnreadableDocumentError(Exception):
    """The file cannot be read; says why and what to do, in English (`words.translate_error`)."""

    def __init__(self, reason: Reason) -> None:
        from chatbot.knowledge.parsing.words import SENTENCES  # noqa: PLC0415 -- the reader's process has no settings

        super().__init__(SENTENCES[reason])
        self.reason = reason


@dataclass(frozen=True)
class ParsedDocument:
    """What a file says: its own title and language ("" where it tells none), and its sections in order.

    `omissions` counts what is in the file and cannot be read: `{"pictures": 3, "pages": 1}`.
    """

    title: str
    language: str
    sections: tuple[Section, ...]
    omissions: Mapping[str, int] = field(default_factory=dict)


def parse(kind: str, content: bytes) -> ParsedDocument:
    """Read a file of one of the kinds of `reader.READERS`, or raise `UnreadableDocumentError`."""
    command = [sys.executable, *READER, kind]
    # nothing of the worker's environment, which holds every secret there is
    env = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    try:
        process = subprocess.run(  # noqa: S603 -- our own module
            command, input=content, capture_output=True, timeout=_WALL_S, check=False, cwd=_ROOT, env=env
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableDocumentError(Reason.TOO_MUCH) from error
    if process.returncode:
        log.info("%s not read: %s", kind, process.stderr.decode(errors="replace")[-300:])
        raise UnreadableDocumentError(_reason(process))
    data = json.loads(process.stdout)
    sections = tuple(Section(**section | {"path": tuple(section["path"])}) for section in data["sections"])
    if not any(section.text.strip() for section in sections):
        raise UnreadableDocumentError(Reason.EMPTY)
    return ParsedDocument(data["title"], data["language"], sections, data["omissions"])


def _reason(process: subprocess.CompletedProcess[bytes]) -> Reason:
    """What the reader said, if it came to say anything: one that was ended had used up its time or memory."""
    try:
        return Reason(json.loads(process.stdout)["reason"])
    except (ValueError, KeyError):
        return Reason.TOO_MUCH
