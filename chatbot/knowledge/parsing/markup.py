"""Markdown and web pages. A page is reduced to what it is about: menus, footers and hidden text are not read."""

import re

from chatbot.knowledge.parsing.errors import Reason, UnreadableError
from chatbot.knowledge.parsing.outline import Outline
from chatbot.knowledge.parsing.text import decode
from chatbot.knowledge.parsing.tree import parse_tree, read_tree

_DECLARED = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,200}?encoding)\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE
)
_LOOKED_AT = 4096  # of a page's beginning, where its encoding is declared


def read_markdown(content: bytes) -> Outline:
    """CommonMark with tables, for its words: what marks them is left out."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 -- only the child needs it

    text = _without_front_matter(decode(content))
    page = MarkdownIt("commonmark").enable("table").render(text)
    return read_tree(Outline(), parse_tree(page)).finish()


def read_html(content: bytes) -> Outline:
    """A web page, or a piece of one, in any encoding it declares, with the language it declares."""
    import trafilatura  # noqa: PLC0415

    declared = _DECLARED.search(content[:_LOOKED_AT])
    text = decode(content, declared[1].decode() if declared else "")
    tree = parse_tree(text)
    page = trafilatura.extract_with_metadata(
        text, output_format="html", include_comments=False, include_links=False, favor_recall=True
    )
    outline = Outline()
    if page and page.text:
        read_tree(outline, parse_tree(page.text))
    if not outline.finish().sections:  # a piece too small to be told from menus
        outline = read_tree(Outline(), tree).finish()
    if not outline.sections:
        raise UnreadableError(Reason.EMPTY)
    outline.title = (page.title if page else None) or outline.title
    outline.language = (tree.get("lang") or tree.get("xml:lang") or "")[:2].lower()
    return outline


def _without_front_matter(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
