"""Cuts a document into passages: within a heading, at sentence ends, about `size` characters with some overlap."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A sentence ends at . ! ? or : before a capital, or at a line end; "art. 33" and "lett. d" do not end one.
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+(?=[A-ZÀ-Ý«“\"(0-9])")
_ABBREVIATION = re.compile(
    r"\b(?:artt?|lett|par|cfr|n|nn|c|co|all|es|ecc|pag|Art|Arts|No|Nos|para|Reg|Dir|D|Lgs|S|p|r|l)\.$"
)

# A table's row, which says what its cells mean only as a whole.
_ROW = re.compile(r".* \| .*")
# A section of more characters counts as several: a search brings one passage of each, and of a long chapter, or of a
# document without headings, it would find one passage only. The longest articles of laws are whole.
_WINDOW = 8_000
_WINDOW_WITHOUT_HEADING = 2_500

# What explains a law and does not rule.
_BACKGROUND = re.compile(r"(?:considerando|recital|preambolo|preamble)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Section:
    """A run of text under one heading, on one page where there are pages; `path`: the headings above, from the top."""

    heading: str
    text: str
    page: int | None = None
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passage:
    """What becomes a chunk; `section` numbers the headings of the document, over its pages, and a long text's parts."""

    heading: str
    page: int | None
    text: str
    path: tuple[str, ...] = ()
    section: int = 0
    is_background: bool = False


def passages(sections: Iterable[Section], *, size: int, overlap: int) -> Iterator[Passage]:
    """Passages of at most about `size` characters; each begins with up to `overlap` characters of the one before."""
    number, before, length = -1, None, 0
    for section in sections:
        if (section.heading, section.path) != before:
            number, before, length = number + 1, (section.heading, section.path), 0
        is_background = bool(_BACKGROUND.match(section.heading))
        for text in _pack(list(_sentences(section.text, size)), size, overlap):
            if length >= (_WINDOW if section.heading else _WINDOW_WITHOUT_HEADING):
                number, length = number + 1, 0
            length += len(text)
            yield Passage(section.heading, section.page, text, section.path, number, is_background)


def sentences(text: str) -> list[str]:
    """The sentences of a passage, in order; nothing but the blanks and line ends between them is left out."""
    return [sentence.strip() for sentence in _sentences(text, len(text) + 1)]


def _sentences(text: str, size: int) -> Iterator[str]:
    """Each with the blank or the line end behind it."""
    pending = ""
    for line in text.splitlines():
        # a row of a table is one piece, whatever full stops are in it
        pieces = [line] if _ROW.fullmatch(line) else _SENTENCE.split(line)
        for number, piece in enumerate(map(str.strip, pieces), start=1):
            pending = f"{pending} {piece}".strip()
            if pending and not _ABBREVIATION.search(pending):
                yield from _cut(pending, size, "\n" if number == len(pieces) else " ")
                pending = ""
    if pending:
        yield from _cut(pending, size, "\n")


def _cut(sentence: str, size: int, end: str) -> Iterator[str]:
    """A sentence longer than a passage is cut at a space."""
    while len(sentence) > size:
        at = sentence.rfind(" ", size // 2, size)
        at = at if at > 0 else size
        yield f"{sentence[:at].strip()} "
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence + end


def _pack(sentences: list[str], size: int, overlap: int) -> Iterator[str]:
    current: list[str] = []
    fresh = False  # whether `current` holds more than what it repeats
    for sentence in sentences:
        if fresh and len("".join(current)) + len(sentence.rstrip()) > size:
            yield "".join(current).rstrip()
            current, fresh = _tail(current, overlap), False
            if len("".join(current)) + len(sentence.rstrip()) > size:
                current = []
        current.append(sentence)
        fresh = True
    if fresh:
        yield "".join(current).rstrip()


def _tail(sentences: list[str], overlap: int) -> list[str]:
    """The last whole sentences that fit into the overlap."""
    tail: list[str] = []
    for sentence in reversed(sentences):
        if len("".join(tail)) + len(sentence.rstrip()) > overlap:
            break
        tail.insert(0, sentence)
    return tail
