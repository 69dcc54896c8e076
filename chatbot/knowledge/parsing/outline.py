"""Gathers text under headings as it comes, with the headings above each."""

import re
from collections import Counter

from chatbot.retrieval.chunking import Section

# A line that a reader takes for a heading by its looks alone, in a format that marks none: below every heading it does.
BY_LOOKS = 7


class Outline:
    """A document as it is read from top to bottom: `open` a heading of a level, `add` text to it.

    `omissions` counts what the document has and no reader takes: "pictures", "formulas", …
    """

    def __init__(self) -> None:
        self.title = ""
        self.language = ""
        self.sections: list[Section] = []
        self.omissions: Counter[str] = Counter()
        self._above: list[tuple[tuple[int, int], str]] = []
        self._heading, self._order = "", (0, 0)
        self._is_certain = True
        self._page: int | None = None
        self._heading_page: int | None = None
        self._lines: list[str] = []
        self._is_empty = True

    def open(self, level: int, heading: str, *, page: int | None = None, is_certain: bool = True) -> None:
        """Begin a section; a heading of level 1 before anything else is the document's title as well.

        What only looks like a heading is text after all if nothing follows below it.
        """
        heading = " ".join(heading.split())
        order = (level, _rank(heading))
        self._keep_lone_heading(order)
        self._cut()
        if self._is_empty and level <= 1 and not self.title:
            self.title = heading
        if self._heading:
            self._above.append((self._order, self._heading))
        while self._above and self._above[-1][0] >= order:
            self._above.pop()
        self._heading, self._order, self._heading_page = heading, order, page
        self._is_empty, self._is_certain = False, is_certain

    def add(self, text: str, page: int | None = None) -> None:
        """More text in the section; on another page it goes on as a section under the same heading."""
        if not text.strip():
            return
        if page != self._page:
            self._cut()
            self._page = page
        self._lines.append(text)
        self._is_empty = False

    def finish(self) -> "Outline":
        """The end of the document: gives the outline itself."""
        self._keep_lone_heading((0, 0))
        self._cut()
        return self

    def _keep_lone_heading(self, following: tuple[int, int]) -> None:
        has_text = self._lines or (self.sections and self.sections[-1].heading == self._heading)
        if not self._is_certain and not has_text and following <= self._order:
            self._lines, self._page = [self._heading], self._heading_page

    def _cut(self) -> None:
        if self._lines:
            # the title stands over all of it and would only repeat itself
            path = tuple(heading for _order, heading in self._above if heading != self.title)
            self.sections.append(Section(self._heading, "\n".join(self._lines), self._page, path))
        self._lines = []


def _rank(heading: str) -> int:
    """The place of a heading among those of its level.

    Laws in Markdown and plain text often have titles, chapters and sections on one level; so have manuals whose
    headings "2", "2.1" and "2.1.3" look alike.
    """
    word = heading.partition(" ")[0].lower()
    if re.fullmatch(r"\d+(?:\.\d+)+\.?", word):
        return word.rstrip(".").count(".")
    return 2 if word in ("sezione", "section") else 1 if word in ("capo", "chapter") else 0
