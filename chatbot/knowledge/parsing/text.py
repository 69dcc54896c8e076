"""Plain text in the encodings it comes in, its lines joined into sentences and its headings known by their looks."""

import codecs
import re

from chatbot.knowledge.parsing.lines import Line, add_lines, is_item, is_part, level_by_looks
from chatbot.knowledge.parsing.outline import Outline

_UNDERLINE = re.compile(r"(?P<mark>[=\-~_*#])(?P=mark){2,}")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WIDEST_WRAP = 160
_TEXT_BELOW = 60


def decode(content: bytes, declared: str = "") -> str:
    """The text of a file: by its byte order mark, else `declared`, else UTF-8 if it is valid, else Windows-1252.

    As browsers do (WHATWG Encoding Standard): "latin1" means Windows-1252, which has the same letters and the euro.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if wide := _wide_encoding(content):
        return content.decode(wide, errors="replace")
    try:
        name = codecs.lookup(declared or "utf-8").name
        # a page whose declaration could be read is in no wide encoding, whatever it declares
        if name not in ("ascii", "iso8859-1") and not name.startswith("utf"):
            return content.decode(name)
    except (LookupError, UnicodeDecodeError):
        pass
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="ignore")  # five bytes that Windows never used mean nothing


def read_text(content: bytes) -> Outline:
    """A section for each heading: a law's parts by their names, others because they stand alone above a text."""
    outline = Outline()
    add_lines(outline, _join_lines(_mark_headings(decode(content).replace("\f", "\n").splitlines())))
    return outline.finish()


def _wide_encoding(content: bytes) -> str:
    """UTF-16 without its mark: every other byte of Western text is zero."""
    start = content[:2000]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 < len(start):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _mark_headings(raw_lines: list[str]) -> list[Line | None]:
    """The lines with their levels, None for each blank one."""
    texts = [" ".join(line.split()) for line in raw_lines]
    lines: list[Line | None] = []
    for at, text in enumerate(texts):
        if not text:
            lines.append(None)
            continue
        before = texts[at - 1] if at else ""
        after = texts[at + 1] if at + 1 < len(texts) else ""
        if _UNDERLINE.fullmatch(text):
            continue
        if _UNDERLINE.fullmatch(after) and not before and len(text) <= 90:
            lines.append(Line(text, level=1 if after[0] == "=" else 2))
            continue
        following = next((line for line in texts[at + 1 :] if line), "")
        level = level_by_looks(text, stands_alone=not before and not after, following=_paragraph_at(texts, at + 2))
        is_title = level is not None and not following[:1].islower()
        lines.append(Line(text, level=level if is_title else None))
    return lines


def _paragraph_at(texts: list[str], at: int) -> str:
    """The paragraph that begins there, if it is long enough to be what a heading stands over, or a heading itself."""
    paragraph = []
    for text in texts[at:]:
        if not text:
            break
        paragraph.append(text)
    joined = " ".join(paragraph)
    return joined if len(joined) >= _TEXT_BELOW else ""


def _join_lines(lines: list[Line | None]) -> list[Line]:
    """Lines that were broken at the width of a page become paragraphs again; a blank line ends one."""
    widths = sorted(len(line.text) for line in lines if line)
    width = widths[int(len(widths) * 0.9)] if widths else 0
    result: list[Line] = []
    is_open = False
    for line in lines:
        if line is None:
            is_open = False
            continue
        is_whole = line.level is not None or is_part(line.text)
        if is_open and not is_whole and not is_item(line.text):
            result[-1] = Line(_glue(result[-1].text, line.text))
        else:
            result.append(line)
        is_open = not is_whole and width <= _WIDEST_WRAP and len(line.text) >= 0.75 * width
    return result


def _glue(text: str, line: str) -> str:
    return text[:-1] + line if text.endswith("-") and line[:1].islower() else f"{text} {line}"
