"""A PDF as its pages read: without running heads and feet, lines joined into sentences, each on its page."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from chatbot.knowledge.parsing.errors import Reason, UnreadableError
from chatbot.knowledge.parsing.headings import mark_headings
from chatbot.knowledge.parsing.lines import Line, add_lines
from chatbot.knowledge.parsing.outline import Outline
from chatbot.knowledge.parsing.pages import PrintedLine, read_pages

_EDGE = 3  # a running head or foot is among so many lines from the top or bottom of a page
_SENTENCE_END = re.compile(r"[.;:!?]['\"»”)]?(?=\s|$)")
# One word and a number, line for line another: "Articolo 3" is a heading, "Pagina 3" counts the pages.
_NUMBERED_WORD = re.compile(r"(?P<word>[^\W\d_]+)\.? \d+[.:]?")
_PAGE_WORDS = frozenset({"pag", "pagina", "pagine", "page", "pages", "pg", "p", "pp", "seite", "s"})


def read(content: bytes) -> Outline:
    """A section for each heading and page; headings by the file's own outline, by their type, or as those of a law."""
    file = read_pages(content)
    if not any(file.pages):
        raise UnreadableError(Reason.SCANNED)
    title = _title(file.title, file.pages)
    _drop_running_lines(file.pages)
    outline = Outline()
    outline.title = title
    outline.omissions["pages"] = sum(not page for page in file.pages)
    outline.omissions["pictures"] = file.pictures
    pages = mark_headings(file.pages, file.bookmarks)
    _mend_sentences(pages)
    add_lines(outline, [line for page in pages for line in page])
    outline.finish()
    outline.sections = [replace(section, text=unwrap(section.text)) for section in outline.sections]
    return outline


def unwrap(text: str) -> str:
    """Lines joined into running text; a hyphen at a line's end belongs to the word."""
    result = ""
    for line in text.splitlines():
        if result.endswith("-") and line[:1].islower():
            result = result[:-1] + line
        elif result.endswith((".", ";", ":")) or not result:
            result = f"{result}\n{line}" if result else line
        else:
            result = f"{result} {line}"
    return result


def _title(title: str, pages: list[list[PrintedLine]]) -> str:
    """The title in the file's properties, if the first page bears it: many hold a program's or a publisher's name."""
    title = " ".join(title.split())
    first = " ".join(line.text for line in pages[0]) if pages else ""
    return title if title and title.lower() in first.lower() else ""


def _drop_running_lines(pages: list[list[PrintedLine]]) -> None:
    """Take out what stands at the edge of most pages, whatever number is in it, and page numbers alone."""
    full = [page for page in pages if page]
    key_counts = Counter(key for page in full for key in {_key(line) for line in (*page[:_EDGE], *page[-_EDGE:])})
    running = {key for key, count in key_counts.items() if count >= max(3, len(full) / 2)}
    for page in pages:
        head = [line for line in page[:_EDGE] if _key(line) not in running]
        foot = [line for line in page[_EDGE:][-_EDGE:] if _key(line) not in running]
        middle = page[_EDGE : max(_EDGE, len(page) - _EDGE)]
        page[:] = head + middle + foot


def _key(line: PrintedLine) -> str:
    """A line without its numbers, and without the order of its words: even and odd pages mirror each other.

    A heading that is a word and its number keeps it.
    """
    numbered = _NUMBERED_WORD.fullmatch(line.text)
    if numbered and numbered["word"].lower() not in _PAGE_WORDS:
        return line.text
    return " ".join(sorted(re.sub(r"\d+", "#", line.text).split()))


def _mend_sentences(pages: list[list[Line]]) -> None:
    """A sentence belongs to the page where it begins: its end is taken over from the next one."""
    for page, following in pairwise(pages):
        while page and following and _goes_on(page[-1], following[0]):
            line = following.pop(0)
            if end := _SENTENCE_END.search(line.text):
                page.append(replace(page[-1], text=line.text[: end.end()]))
                if rest := line.text[end.end() :].strip():
                    following.insert(0, replace(line, text=rest))
                break
            page.append(replace(page[-1], text=line.text))


def _goes_on(last: Line, first: Line) -> bool:
    if last.level is not None or first.level is not None:
        return False
    return not _SENTENCE_END.search(last.text[-2:]) and not first.text[:1].isupper()
