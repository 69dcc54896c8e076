"""Text that comes as lines, from a PDF or a plain file: what of it is a heading, and what one sentence over several."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.knowledge.parsing.outline import BY_LOOKS, Outline

_LONGEST_RUBRIC = 250
_LONGEST_HEADING = 200
_NUMBER = r"(?:[IVXLC]+|\d+)(?:[ -](?:bis|ter|quater|quinquies|sexies))?"
# What a law calls its parts: so their headings are known where a format does not mark them. Capitals only, and nothing
# but a rubric behind the number: "allegato III, punto 1" in a sentence is no heading.
_PART = re.compile(
    r"(?:(?P<deep>A(?:RT|rt)(?:\.|ICOLO|icolo|ICLE|icle)|(?P<recital>C(?:ONSIDERANDO|onsiderando)|R(?:ECITAL|ecital)))"
    r"|A(?:LLEGATO|llegato|NNEX|nnex)|C(?:APO|apo|HAPTER|hapter)|T(?:ITOLO|itolo|ITLE|itle)"
    rf"|S(?:EZIONE|ezione|ECTION|ection))\s+{_NUMBER}\.?(?P<rubric>\s*[-\u2013\u2014(].+)?"
)
# So many articles make a text a law, whose parts have names: what else looks like a heading there is a table's head.
_ARTICLES_OF_A_LAW = 3
_BULLET = re.compile(r"(?:[-*+•●▪◦–]|\(?[a-z]\)|\(?\d{1,3}[.)])\s")


@dataclass(frozen=True)
class Line:
    """One line as printed. `level` is that of the heading it is or begins, where its format or looks tell."""

    text: str
    page: int | None = None
    level: int | None = None


def is_law(lines: Sequence[Line]) -> bool:
    """Whether the lines have a law's articles among them."""
    return sum(bool((part := _PART.fullmatch(line.text)) and part["deep"]) for line in lines) >= _ARTICLES_OF_A_LAW


def is_part(text: str) -> bool:
    """Whether a line is the number of a law's part: "Articolo 3", "CAPO II - PRINCIPI"."""
    return bool(_PART.fullmatch(text))


def is_item(text: str) -> bool:
    """Whether a line begins an item of a list: "- uno", "a) due"."""
    return bool(_BULLET.match(text))


def add_lines(outline: Outline, lines: Sequence[Line]) -> None:
    """Add lines in order: a law's parts are known by their names, other headings by their level."""
    at, is_by_law = 0, is_law(lines)
    while at < len(lines):
        line = lines[at]
        at += 1
        if part := _PART.fullmatch(line.text):
            rubric = [] if part["recital"] else _rubric(lines[at : at + 4], has_begun=bool(part["rubric"]))
            at += len(rubric)
            separator = " " if part["rubric"] else " - "
            outline.open(2 if part["deep"] else 1, line.text + separator * bool(rubric) + " ".join(rubric))
        elif line.level is not None and not is_by_law:
            rest = _rest_of_heading(line, lines[at : at + 3])
            at += len(rest)
            outline.open(line.level, " ".join((line.text, *rest)), page=line.page, is_certain=False)
        else:
            outline.add(line.text, line.page)


def level_by_looks(text: str, *, stands_alone: bool, following: str) -> int | None:
    """The level of a heading that has neither style nor font, or None: a line by itself that ends no sentence.

    `following` is the first line after it, which must begin a text: of a list with numbers no item is a heading.
    """
    if not stands_alone or not 3 <= len(text) <= 90 or text.endswith((".", ",", ";", ":")) or is_item(text):
        return None
    begins_well = text[0].isupper() or re.match(r"\d+(?:\.\d+)*\.?\s+\w", text)
    if not begins_well or not re.search(r"[^\W\d]{2}", text) or not following:
        return None
    return BY_LOOKS


def _rubric(following: Sequence[Line], *, has_begun: bool) -> list[str]:
    """The lines below a part's number that are its rubric: until one begins anew, and if no sentence ends there."""
    rubric: list[str] = []
    for line in following:
        begins = not line.text[:1].islower()
        if begins == (has_begun or bool(rubric)) or is_part(line.text):
            break
        rubric.append(line.text)
    text = " ".join(rubric)
    return [] if len(text) > _LONGEST_RUBRIC or text.endswith((".", ";", ":", ",")) else rubric


def _rest_of_heading(first: Line, following: Sequence[Line]) -> list[str]:
    """The lines in which a long heading goes on: of its level, on its page, without a number of their own."""
    rest: list[str] = []
    for line in following:
        is_new = line.level != first.level or line.page != first.page or re.match(r"\d+[.\s]", line.text)
        if is_new or len(first.text) + sum(map(len, rest)) + len(line.text) > _LONGEST_HEADING:
            break
        rest.append(line.text)
    return rest
