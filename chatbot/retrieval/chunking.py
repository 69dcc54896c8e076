"""Cuts a document into passages: within a heading, at sentence ends, about `size` characters with some overlap."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A sentence ends at . ! ? or : before a capital, or at a line end; "art. 33" and "lett. d" do not end one.
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+(?=[A-ZÀ-Ý«“\"(0-9])|\n+")
_ABBREVIATION = re.compile(
    r"\b(?:artt?|lett|par|cfr|n|nn|c|co|all|es|ecc|pag|Art|Arts|No|Nos|para|Reg|Dir|D|Lgs|S|p|r|l)\.$"
)

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
    """What becomes a chunk; `section` numbers the headings of the document, over its pages."""

    heading: str
    page: int | None
    text: str
    path: tuple[str, ...] = ()
    section: int = 0
    is_background: bool = False


def passages(sections: Iterable[Section], *, size: int, overlap: int) -> Iterator[Passage]:
    """Passages of at most about `size` characters; each begins with up to `overlap` characters of the one before."""
    number, before = -1, None
    for section in sections:
        if (section.heading, section.path) != before:
            number, before = number + 1, (section.heading, section.path)
        is_background = bool(_BACKGROUND.match(section.heading))
        for text in _pack(list(_sentences(section.text, size)), size, overlap):
            yield Passage(section.heading, section.page, text, section.path, number, is_background)


def sentences(text: str) -> list[str]:
    """The sentences of a passage, which joined by spaces give it back."""
    return list(_sentences(text, len(text) + 1))


def _sentences(text: str, size: int) -> Iterator[str]:
    pending = ""
    for piece in _SENTENCE.split(text):
        pending = f"{pending} {piece.strip()}".strip() if pending else piece.strip()
        if pending and not _ABBREVIATION.search(pending):
            yield from _cut(pending, size)
            pending = ""
    if pending:
        yield from _cut(pending, size)


def _cut(sentence: str, size: int) -> Iterator[str]:
    """A sentence longer than a passage is cut at a space."""
    while len(sentence) > size:
        at = sentence.rfind(" ", size // 2, size)
        at = at if at > 0 else size
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence


def _pack(sentences: list[str], size: int, overlap: int) -> Iterator[str]:
    current: list[str] = []
    fresh = False  # whether `current` holds more than what it repeats
    for sentence in sentences:
        if fresh and sum(map(len, current)) + len(current) + len(sentence) > size:
            yield " ".join(current)
            current, fresh = _tail(current, overlap), False
            if sum(map(len, current)) + len(current) + len(sentence) > size:
                current = []
        current.append(sentence)
        fresh = True
    if fresh:
        yield " ".join(current)


def _tail(sentences: list[str], overlap: int) -> list[str]:
    """The last whole sentences that fit into the overlap."""
    tail: list[str] = []
    for sentence in reversed(sentences):
        if sum(map(len, tail)) + len(tail) + len(sentence) > overlap:
            break
        tail.insert(0, sentence)
    return tail
