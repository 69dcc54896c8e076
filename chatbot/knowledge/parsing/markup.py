"""Markdown and web pages. A page is reduced to what it is about: menus, footers and hidden text are not read."""

import re

from chatbot.knowledge.parsing.outline import Outline


def read_markdown(content: bytes) -> Outline:
    """CommonMark with tables, UTF-8, for its words: what marks them is left out."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 -- only the child needs it

    outline, level = Outline(), 0
    text = _without_front_matter(content.decode("utf-8-sig"))
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type in ("inline", "fence", "code_block"):
            plain = _plain(token)
            if level:
                outline.open(level, plain)
            else:
                outline.add(plain)
    outline.close()
    return outline


def read_html(content: bytes) -> Outline:
    """A web page in any encoding it declares, with the language it declares."""
    import trafilatura  # noqa: PLC0415
    from lxml import html  # noqa: PLC0415

    page = trafilatura.extract_with_metadata(
        content, output_format="markdown", include_comments=False, include_links=False, favor_recall=True
    )
    outline = read_markdown((page.text or "").encode()) if page else Outline()
    outline.title = (page.title if page else None) or outline.title
    lang = html.document_fromstring(content).get("lang", "") if content.strip() else ""
    outline.language = lang[:2].lower()
    return outline


def _plain(token: object) -> str:
    children = getattr(token, "children", None)
    if not children:
        return str(getattr(token, "content", "")).strip()
    return "".join(" " if child.type in ("softbreak", "hardbreak") else child.content for child in children).strip()


def _without_front_matter(text: str) -> str:
    text = text.replace("\r\n", "\n")
    return re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
