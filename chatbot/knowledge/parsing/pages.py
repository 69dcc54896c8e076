"""The lines of a PDF as they are printed, with their type, by PDFium."""

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatbot.knowledge.parsing.errors import Reason, UnreadableError

if TYPE_CHECKING:
    from pypdfium2 import PdfObject, PdfPage, PdfTextPage

_SAMPLES = 5
_BOLD = 600
_HYPHENS = (2, 0xFFFE)  # what PDFium calls a hyphen at the end of a line, with which it joins the two lines
_LINE_ENDS = (10, 13, *_HYPHENS)
_PICTURE_PART = 0.15  # of the page: a smaller one is a logo or an ornament


@dataclass(frozen=True)
class PrintedLine:
    """One line of a page: its size in points, whether all of it is bold, and its place from the bottom in points."""

    text: str
    page: int
    size: float = 0.0
    is_bold: bool = False
    bottom: float = 0.0
    top: float = 0.0
    left: float = 0.0
    right: float = 0.0


@dataclass(frozen=True)
class Bookmark:
    """An entry of the file's own outline; `page` from 1, `level` from 0."""

    title: str
    page: int
    level: int


@dataclass(frozen=True)
class PrintedFile:
    title: str
    pages: list[list[PrintedLine]]
    bookmarks: list[Bookmark] = field(default_factory=list)
    pictures: int = 0


def read_pages(content: bytes) -> PrintedFile:
    """Raises `UnreadableError` for a file that is damaged or opens with a password only."""
    import pypdfium2 as pdfium  # noqa: PLC0415 -- only the child needs it

    try:
        document = pdfium.PdfDocument(content)
        pages = [document[number] for number in range(len(document))]
    except pdfium.PdfiumError as error:
        is_locked = getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_PASSWORD
        raise UnreadableError(Reason.LOCKED if is_locked else Reason.DAMAGED) from error
    lines, pictures = [], 0
    for number, page in enumerate(pages, start=1):
        lines.append(_join_level(list(_read_lines(page, number))))
        pictures += sum(_covers(item, page) for item in page.get_objects([pdfium.raw.FPDF_PAGEOBJ_IMAGE]))
        page.close()
    bookmarks = [
        Bookmark(" ".join(entry.get_title().split()), index + 1, entry.level)
        for entry in document.get_toc()
        if (target := entry.get_dest()) and (index := target.get_index()) is not None
    ]
    title = document.get_metadata_value("Title")
    return PrintedFile(title, lines, bookmarks, pictures)


def _covers(picture: "PdfObject", page: "PdfPage") -> bool:
    left, bottom, right, top = picture.get_bounds()
    return bool((right - left) * (top - bottom) >= _PICTURE_PART * page.get_width() * page.get_height())


def _read_lines(page: "PdfPage", number: int) -> Iterator[PrintedLine]:
    from pypdfium2 import raw  # noqa: PLC0415

    text_page = page.get_textpage()
    start, codes = 0, []
    for at in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, at)
        if code not in _LINE_ENDS:
            codes.append("" if 0xD800 <= code <= 0xDFFF else chr(code))
            continue
        if code in _HYPHENS:
            codes.append("-")
        yield from _line(text_page, start, codes, number)
        start, codes = at + 1, []
    yield from _line(text_page, start, codes, number)
    text_page.close()


def _line(text_page: "PdfTextPage", start: int, codes: list[str], number: int) -> Iterator[PrintedLine]:
    text = " ".join("".join(codes).split())
    if not text:
        return
    visible = [start + at for at, code in enumerate(codes) if code.strip()]
    step = max(1, (len(visible) - 1) // (_SAMPLES - 1))
    types = [_type_of(text_page, at) for at in (*visible[::step], visible[-1])]
    left, bottom, _right, top = text_page.get_charbox(visible[0], loose=True)
    right = text_page.get_charbox(visible[-1], loose=True)[2]
    size = sorted(size for size, _is_bold in types)[len(types) // 2]
    yield PrintedLine(text, number, size, all(is_bold for _size, is_bold in types), bottom, top, left, right)


def _type_of(text_page: "PdfTextPage", at: int) -> tuple[float, bool]:
    """The size in points and whether it is bold, of one character."""
    from pypdfium2 import raw  # noqa: PLC0415

    matrix = raw.FS_MATRIX()
    raw.FPDFText_GetMatrix(text_page, at, ctypes.byref(matrix))
    size = raw.FPDFText_GetFontSize(text_page, at) * (math.hypot(matrix.c, matrix.d) or 1)
    name = ctypes.create_string_buffer(120)
    raw.FPDFText_GetFontInfo(text_page, at, name, 120, ctypes.byref(ctypes.c_int()))
    is_bold = raw.FPDFText_GetFontWeight(text_page, at) >= _BOLD or b"bold" in name.value.lower()
    return round(size, 1), is_bold


def _join_level(lines: list[PrintedLine]) -> list[PrintedLine]:
    """Lines that are one as printed: a note's raised number cuts it, for PDFium, into three."""
    result: list[PrintedLine] = []
    for line in lines:
        before = result[-1] if result else None
        if before and _is_level(before, line):
            gap = " " if line.left - before.right > 0.15 * max(line.size, before.size) else ""
            longer = before if len(before.text) >= len(line.text) else line
            result[-1] = PrintedLine(
                before.text + gap + line.text, line.page, longer.size, before.is_bold and line.is_bold,
                longer.bottom, longer.top, before.left, line.right,
            )  # fmt: skip
        else:
            result.append(line)
    return result


def _is_level(before: PrintedLine, line: PrintedLine) -> bool:
    shared = min(before.top, line.top) - max(before.bottom, line.bottom)
    lower = min(before.top - before.bottom, line.top - line.bottom)
    return shared > 0.5 * lower and line.left >= before.right - 0.5 * line.size
