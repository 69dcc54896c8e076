"""A PDF as its pages read: without running heads and feet, lines joined into sentences, each on its page."""

import io
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from chatbot.knowledge.parsing.outline import Outline, add_plain

_EDGE = 3  # a running head or foot is among so many lines from the top or bottom of a page
_SENTENCE_END = re.compile(r"[.;:!?]['\"»”)]?(?=\s|$)")


def read(content: bytes) -> Outline:
    """A section for each heading and page; headings where they read as those of a law."""
    from pypdf import PdfReader  # noqa: PLC0415 -- only the child needs it

    reader = PdfReader(io.BytesIO(content))
    pages = [
        [line.strip() for line in (page.extract_text() or "").splitlines() if line.strip()] for page in reader.pages
    ]
    title = _title(reader, pages)
    _drop_running_lines(pages)
    _mend_sentences(pages)
    outline = Outline()
    outline.title = title
    add_plain(outline, [(line, number) for number, lines in enumerate(pages, start=1) for line in lines])
    outline.close()
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


def _title(reader: object, pages: list[list[str]]) -> str:
    """The title in the file's properties, if the first page bears it: many hold a program's or a publisher's name."""
    title = " ".join((getattr(getattr(reader, "metadata", None), "title", None) or "").split())
    first = " ".join(" ".join(pages[0]).split()) if pages else ""
    return title if title and title.lower() in first.lower() else ""


def _drop_running_lines(pages: list[list[str]]) -> None:
    """Take out what stands at the edge of most pages, whatever number is in it, and page numbers alone."""
    full = [page for page in pages if page]
    key_counts = Counter(key for page in full for key in {_key(line) for line in (*page[:_EDGE], *page[-_EDGE:])})
    running = {key for key, count in key_counts.items() if count >= max(3, len(full) / 2)}
    for page in pages:
        head = [line for line in page[:_EDGE] if _key(line) not in running]
        foot = [line for line in page[_EDGE:][-_EDGE:] if _key(line) not in running]
        middle = page[_EDGE : max(_EDGE, len(page) - _EDGE)]
        page[:] = head + middle + foot


def _key(line: str) -> str:
    """A line without its numbers, and without the order of its words: even and odd pages mirror each other."""
    return " ".join(sorted(re.sub(r"\d+", "#", line).split()))


def _mend_sentences(pages: list[list[str]]) -> None:
    """A sentence belongs to the page where it begins: its end is taken over from the next one."""
    for page, following in pairwise(pages):
        while page and following and not _SENTENCE_END.search(page[-1][-2:]) and not following[0][:1].isupper():
            line = following.pop(0)
            if end := _SENTENCE_END.search(line):
                page.append(line[: end.end()])
                if rest := line[end.end() :].strip():
                    following.insert(0, rest)
                break
            page.append(line)
