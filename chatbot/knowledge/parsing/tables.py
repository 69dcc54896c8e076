"""Tables as lines of text: each row one line, its cells with the heading of their column."""

import re
from collections.abc import Callable

from lxml import etree

_MOST_CELLS = 200_000
_WIDEST_SPAN = 50
_LONGEST_HEADING = 80
_LONGEST_CELL = 600
_Rows = list[list[str]]


def is_layout(table: etree._Element) -> bool:
    """Whether a table only places things on a page: one column, or cells that hold headings, tables or whole texts."""
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in _rows_of(table)]
    if max(map(len, rows), default=0) < 2:
        return True
    cells = [cell for row in rows for cell in row]
    return any(next(cell.iter("h1", "h2", "h3", "h4", "h5", "h6"), None) is not None for cell in cells) or any(
        sum(map(len, cell.itertext())) > _LONGEST_CELL and len(list(cell.iter("p", "li", "br"))) > 2 for cell in cells
    )


def read_rows(table: etree._Element, text_of: Callable[[etree._Element], str]) -> list[str]:
    """One line for each row: "Servizio: NIS2 | Prezzo: 3.900 €"; without headings the cells alone."""
    rows, marked = _grid(table, text_of)
    caption = next((text for child in table if child.tag == "caption" and (text := text_of(child))), "")
    headings, rows = _split_headings(rows, marked)
    lines = [" | ".join(_cell(headings, at, cell) for at, cell in enumerate(row) if cell) for row in _merged(rows)]
    if not rows and headings:
        lines = [" | ".join(filter(None, headings))]
    return [line for line in (caption, *lines) if line]


def _rows_of(table: etree._Element) -> list[etree._Element]:
    return [
        row
        for part in table
        for row in ([part] if part.tag == "tr" else part if part.tag in ("thead", "tbody", "tfoot") else ())
        if row.tag == "tr"
    ]


def _grid(table: etree._Element, text_of: Callable[[etree._Element], str]) -> tuple[_Rows, int]:
    """All cells where they stand, one over several columns or rows in each of them; and how many rows are headings."""
    grid: dict[tuple[int, int], str] = {}
    marked = 0
    for at, row in enumerate(_rows_of(table)):
        column = 0
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        is_heading = cells and all(cell.tag == "th" or _is_bold(cell, text_of) for cell in cells)
        is_head = next(row.iterancestors()).tag == "thead"
        if (is_heading or is_head) and marked == at:
            marked = at + 1
        for cell in cells:
            while (at, column) in grid:
                column += 1
            text = text_of(cell)
            for down in range(_span(cell, "rowspan")):
                for right in range(_span(cell, "colspan")):
                    grid.setdefault((at + down, column + right), text)
            if len(grid) > _MOST_CELLS:
                break
    width = max((column for _row, column in grid), default=-1) + 1
    height = max((row for row, _column in grid), default=-1) + 1
    return [[grid.get((row, column), "") for column in range(width)] for row in range(height)], marked


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name, "1")
    return min(max(int(value), 1), _WIDEST_SPAN) if value.isdecimal() else 1


def _is_bold(cell: etree._Element, text_of: Callable[[etree._Element], str]) -> bool:
    bold = " ".join(text_of(part) for part in cell.iter("strong", "b"))
    return bool(bold) and bold == text_of(cell)


def _split_headings(rows: _Rows, marked: int) -> tuple[list[str], _Rows]:
    """The headings of the columns, those of several rows joined, and the rows below them."""
    if marked == len(rows) and marked > 1:
        marked = 1
    count = marked or int(_begins_with_headings(rows))
    headings = [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*rows[:count], strict=True)]
    return headings, rows[count:]


def _begins_with_headings(rows: _Rows) -> bool:
    """Whether the first row, which nothing marks, reads like headings: words above figures."""
    if len(rows) < 2 or not all(rows[0]) or len(set(rows[0])) < len(rows[0]):
        return False
    if any(len(cell) > _LONGEST_HEADING or re.search(r"\d", cell) for cell in rows[0]):
        return False
    return any(all(_is_figure(row[at]) for row in rows[1:]) for at in range(1, len(rows[0])))


def _is_figure(cell: str) -> bool:
    return bool(re.fullmatch(r"[^\w]*\d[\d.,/\s]*\s*(?:[%€$£]|EUR|USD|[a-zA-Z/]{1,4})?", cell))


def _merged(rows: _Rows) -> _Rows:
    """A cell over several columns is told once in its row."""
    return [[cell if at == 0 or cell != row[at - 1] else "" for at, cell in enumerate(row)] for row in rows]


def _cell(headings: list[str], at: int, cell: str) -> str:
    heading = headings[at] if at < len(headings) else ""
    return f"{heading}: {cell}" if heading and heading != cell else cell
