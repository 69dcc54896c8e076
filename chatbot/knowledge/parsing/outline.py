"""Gathers text under headings as it comes, with the headings above each."""

import re
from collections.abc import Sequence

from chatbot.retrieval.chunking import Section

_LONGEST_RUBRIC = 250
_NUMBER = r"(?:[IVXLC]+|\d+)(?:[ -](?:bis|ter|quater|quinquies|sexies))?"
# What a law calls its parts: so their headings are known where a format does not mark them. Capitals only, and nothing
# but a rubric behind the number: "allegato III, punto 1" in a sentence is no heading.
_PART = re.compile(
    r"(?:(?P<deep>A(?:RT|rt)(?:\.|ICOLO|icolo|ICLE|icle)|(?P<recital>C(?:ONSIDERANDO|onsiderando)|R(?:ECITAL|ecital)))"
    r"|A(?:LLEGATO|llegato|NNEX|nnex)|C(?:APO|apo|HAPTER|hapter)|T(?:ITOLO|itolo|ITLE|itle)"
    rf"|S(?:EZIONE|ezione|ECTION|ection))\s+{_NUMBER}\.?(?P<rubric>\s*[-\u2013\u2014(].+)?"
)


class Outline:
    """A document as it is read from top to bottom: `open` a heading of a level, `add` text to it."""

    def __init__(self) -> None:
        self.title = ""
        self.language = ""
        self.sections: list[Section] = []
        self._above: list[tuple[tuple[int, int], str]] = []
        self._heading, self._order = "", (0, 0)
        self._page: int | None = None
        self._lines: list[str] = []
        self._is_empty = True

    def open(self, level: int, heading: str) -> None:
        """Begin a section; a heading of level 1 before anything else is the document's title as well."""
        self.close()
        heading = " ".join(heading.split())
        if self._is_empty and level <= 1 and not self.title:
            self.title = heading
        if self._heading:
            self._above.append((self._order, self._heading))
        order = (level, _rank(heading))
        while self._above and self._above[-1][0] >= order:
            self._above.pop()
        self._heading, self._order, self._is_empty = heading, order, False

    def add(self, text: str, page: int | None = None) -> None:
        """More text in the section; on another page it goes on as a section under the same heading."""
        if not text.strip():
            return
        if page != self._page:
            self.close()
            self._page = page
        self._lines.append(text)
        self._is_empty = False

    def close(self) -> None:
        """The end of the section, or of the document."""
        if self._lines:
            # the title stands over all of it and would only repeat itself
            path = tuple(heading for _order, heading in self._above if heading != self.title)
            self.sections.append(Section(self._heading, "\n".join(self._lines), self._page, path))
        self._lines = []


def _rank(heading: str) -> int:
    """Laws in Markdown and plain text often have titles, chapters and sections on one level."""
    word = heading.partition(" ")[0].lower()
    return 2 if word in ("sezione", "section") else 1 if word in ("capo", "chapter") else 0


def add_plain(outline: Outline, lines: Sequence[tuple[str, int | None]]) -> None:
    """Add lines of text without marks, with their pages: a law's parts are known by their names."""
    at = 0
    while at < len(lines):
        line, page = lines[at]
        at += 1
        part = _PART.fullmatch(line)
        if not part:
            outline.add(line, page)
            continue
        is_recital = bool(part["recital"])
        rubric = [] if is_recital else _rubric(lines[at : at + 4], has_begun=bool(part["rubric"]))
        at += len(rubric)
        separator = " " if part["rubric"] else " - "
        outline.open(2 if part["deep"] else 1, line + separator * bool(rubric) + " ".join(rubric))


def _rubric(following: Sequence[tuple[str, int | None]], *, has_begun: bool) -> list[str]:
    """The lines below a part's number that are its rubric: until one begins anew, and if no sentence ends there."""
    rubric: list[str] = []
    for line, _page in following:
        begins = not line[:1].islower()
        if begins == (has_begun or bool(rubric)) or _PART.fullmatch(line):
            break
        rubric.append(line)
    text = " ".join(rubric)
    return [] if len(text) > _LONGEST_RUBRIC or text.endswith((".", ";", ":", ",")) else rubric
