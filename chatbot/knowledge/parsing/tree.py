"""An HTML tree read from top to bottom: Markdown, web pages and office files become one before they are sections."""

import re
from collections.abc import Iterator

from lxml import etree, html

from chatbot.knowledge.parsing.outline import BY_LOOKS, Outline
from chatbot.knowledge.parsing.tables import is_layout, read_rows

_UNREAD = frozenset({"script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object", "button"})
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
        "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
        "html", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
        "th", "thead", "tr", "ul",
    }
)  # fmt: skip
_BREAKS = _BLOCKS | {"br"}
_BOLD = frozenset({"b", "strong"})
_LONGEST_BOLD_HEADING = 120


def parse_tree(text: str) -> html.HtmlElement:
    """The tree of a page or of a piece of one; a declared encoding means nothing any more."""
    text = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text)
    return html.document_fromstring(text or "<p></p>", parser=html.HTMLParser(remove_comments=True, remove_pis=True))


def read_tree(outline: Outline, root: etree._Element, page: int | None = None) -> Outline:
    """Add all that `root` says: headings by their level, table rows with their headings, a note below its paragraph."""
    reader = _Reader(outline, page, {note.get("id", ""): note for note in root.iter("li") if _is_note(note)})
    reader.walk(root)
    reader.flush()
    return outline


def text_of(element: etree._Element) -> str:
    """Its words on one line."""
    return " ".join("".join(_texts(element)).split())


class _Reader:
    def __init__(self, outline: Outline, page: int | None, notes: dict[str, etree._Element]) -> None:
        self.outline, self.page, self.notes = outline, page, notes
        self.inline: list[str] = []
        self.noted: list[str] = []

    def walk(self, element: etree._Element) -> None:
        self._say(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self._enter(child)
            self._say(child.tail)

    def _say(self, text: str | None) -> None:
        """Line ends in the source are blanks; only <br> breaks a line."""
        self.inline.append((text or "").replace("\n", " "))

    def flush(self) -> None:
        """What stood between two blocks is a text of its own."""
        lines = (" ".join(line.split()) for line in "".join(self.inline).split("\n"))
        self.inline = []
        if text := "\n".join(line for line in lines if line):
            self.outline.add(text, self.page)
        for note in self.noted:
            self.outline.add(note, self.page)
        self.noted = []

    def _enter(self, child: etree._Element) -> None:
        tag = child.tag
        if tag in _UNREAD or _is_hidden(child) or (tag == "li" and _is_note(child)):
            return
        if tag == "br":
            self.inline.append("\n")
        elif tag == "img":
            self.outline.omissions["pictures"] += 1
        elif tag == "a" and (note := self.notes.get(child.get("href", "").removeprefix("#"))) is not None:
            number = text_of(child).strip("[]")
            self.inline.append(f"({number})")
            self.noted.append(f"({number}) {text_of(note).removesuffix('↑').strip()}")
        elif tag not in _BLOCKS:
            self.walk(child)
        else:
            self.flush()
            self._block(child)
            self.flush()

    def _block(self, child: etree._Element) -> None:
        if re.fullmatch(r"h[1-6]", child.tag):
            level = 0 if child.get("class") == "title" else int(child.tag[1])
            self.outline.omissions["pictures"] += sum(1 for _picture in child.iter("img"))
            if heading := text_of(child):
                self.outline.open(level, heading, page=self.page)
        elif child.tag == "table" and not is_layout(child):
            self.outline.omissions["pictures"] += sum(1 for _picture in child.iter("img"))
            self.outline.add("\n".join(read_rows(child, text_of)), self.page)
        elif child.tag == "pre" or (child.tag == "blockquote" and not any(part.tag in _BREAKS for part in child)):
            # trafilatura makes the second of the first: either keeps its lines
            self.outline.add("".join(map(str, child.itertext())).strip(), self.page)
        elif child.tag == "p" and _is_bold_line(child):
            self.outline.open(BY_LOOKS, text_of(child), page=self.page, is_certain=False)
        else:
            self.walk(child)


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNREAD:
            yield from (" ",) if child.tag in _BREAKS else ()
            yield from _texts(child)
            yield from (" ",) if child.tag in _BLOCKS else ()
        yield child.tail or ""


def _is_hidden(element: etree._Element) -> bool:
    return element.get("hidden") is not None or bool(re.search(r"display\s*:\s*none", element.get("style", "")))


def _is_note(item: etree._Element) -> bool:
    return bool(re.fullmatch(r"(?:foot|end)note-\d+", item.get("id", "")))


def _is_bold_line(paragraph: etree._Element) -> bool:
    """A paragraph that is bold from end to end and ends no sentence: a heading made by hand."""
    text = text_of(paragraph)
    if not 2 < len(text) <= _LONGEST_BOLD_HEADING or text.endswith((".", ",", ";", ":")):
        return False
    bold = [child for child in paragraph if child.tag in _BOLD]
    others = [child for child in paragraph if child.tag not in _BOLD and text_of(child)]
    around = (paragraph.text or "") + "".join(child.tail or "" for child in paragraph)
    return bool(bold) and not others and not around.strip()
