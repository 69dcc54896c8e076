"""Which lines of a PDF are headings, and of what level: by the file's outline, by their type, or by standing alone."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from chatbot.knowledge.parsing.lines import Line, is_item, level_by_looks
from chatbot.knowledge.parsing.outline import BY_LOOKS
from chatbot.knowledge.parsing.pages import Bookmark, PrintedLine

_LARGER = 1.12  # times the size of the text: a heading's
_LONGEST = 160
_MOST = 0.3  # of all lines: where more are bold or large, that says nothing
_WIDE_GAP = 1.6  # times the usual distance of two lines
_Style = tuple[float, bool]


def mark_headings(pages: Sequence[Sequence[PrintedLine]], bookmarks: Sequence[Bookmark]) -> list[list[Line]]:
    """Every line with the level of the heading it is, if any; the level of a title on the first page is 0.

    A head that repeats on each page the chapter it is in is left out.
    """
    levels = _levels_by_outline(pages, bookmarks)
    chapters = {_bare(bookmark.title) for bookmark in bookmarks} if levels else set()
    below = 1 + max((level for level in levels.values()), default=0)
    levels = {**_levels_by_type(pages, below), **levels} or _levels_by_looks(pages)
    return [
        [
            Line(line.text, line.page, levels.get((line.page, at)))
            for at, line in enumerate(page)
            if at not in (0, len(page) - 1) or (line.page, at) in levels or _bare(line.text) not in chapters
        ]
        for page in pages
    ]


def _levels_by_outline(
    pages: Sequence[Sequence[PrintedLine]], bookmarks: Sequence[Bookmark]
) -> dict[tuple[int, int], int]:
    """The lines that an entry of the outline names, which may go on for up to three; of several, the largest."""
    levels: dict[tuple[int, int], int] = {}
    for bookmark in bookmarks:
        page = pages[bookmark.page - 1] if 0 < bookmark.page <= len(pages) else ()
        places = [
            (line.size, -at, count)
            for at, line in enumerate(page)
            if (count := _lines_of(bookmark.title, page[at : at + 3])) and (bookmark.page, at) not in levels
        ]
        if places:
            _size, at, count = max(places)
            levels |= {(bookmark.page, more - at): bookmark.level + 1 for more in range(count)}
    return levels


def _lines_of(title: str, lines: Sequence[PrintedLine]) -> int:
    """How many of the lines, from the first, are the title; 0 if they are not."""
    bare_title = _bare(title)
    for count in range(1, len(lines) + 1):
        if bare_title and _bare(" ".join(line.text for line in lines[:count])) == bare_title:
            return count
    return 0


def _bare(text: str) -> str:
    """Letters only: outlines leave out or write otherwise the numbers and signs of a heading."""
    return "".join(re.findall(r"[^\W\d_]+", text)).casefold()


def _levels_by_type(pages: Sequence[Sequence[PrintedLine]], highest: int) -> dict[tuple[int, int], int]:
    """The lines in larger or bolder type than the text: the larger, the higher."""
    body = _body_style(pages)
    styles = {
        (line.page, at): (line.size, line.is_bold)
        for page in pages
        for at, line in enumerate(page)
        if _stands_out(line, body) and _may_be_heading(line.text)
    }
    line_count = sum(map(len, pages))
    if len(styles) > _MOST * line_count and line_count > 10:
        styles = {place: style for place, style in styles.items() if style[0] >= body[0] * _LARGER}
    order = sorted(set(styles.values()), reverse=True)
    is_title = bool(order) and {place[0] for place, style in styles.items() if style == order[0]} == {1}
    first = highest if not is_title else highest - 1
    return {place: min(first + order.index(style), BY_LOOKS) for place, style in styles.items()}


def _body_style(pages: Sequence[Sequence[PrintedLine]]) -> _Style:
    counts: Counter[_Style] = Counter()
    for page in pages:
        for line in page:
            counts[line.size, line.is_bold] += len(line.text)
    return counts.most_common(1)[0][0] if counts else (0.0, False)


def _stands_out(line: PrintedLine, body: _Style) -> bool:
    size, is_bold = body
    return line.size >= size * _LARGER or (line.is_bold and not is_bold and line.size >= size * 0.95)


def _may_be_heading(text: str) -> bool:
    is_sentence = text.endswith((".", ",", ";", ":")) and not re.fullmatch(r"[\dA-Z]+(?:\.\d+)*\.", text)
    return (
        len(text) <= _LONGEST
        and not is_sentence
        and not is_item(f"{text[:1]} ")
        and bool(re.search(r"[^\W\d]{2}", text))
    )


def _levels_by_looks(pages: Sequence[Sequence[PrintedLine]]) -> dict[tuple[int, int], int]:
    """Where all is in one type: lines with space around them."""
    gaps = Counter(
        round(above.bottom - below.bottom)
        for page in pages
        for above, below in pairwise(page)
        if above.bottom > below.bottom
    )
    usual = gaps.most_common(1)[0][0] if gaps else 0
    levels: dict[tuple[int, int], int] = {}
    for page in pages:
        for at, line in enumerate(page):
            following = page[at + 1] if at + 1 < len(page) else None
            above = page[at - 1].bottom - line.bottom if at else math.inf
            below = line.bottom - following.bottom if following else 0.0
            stands_alone = usual > 0 and min(above, below) > _WIDE_GAP * usual
            level = level_by_looks(line.text, stands_alone=stands_alone, following=following.text if following else "")
            if level is not None:
                levels[line.page, at] = level
    return levels
