"""Word files: DOCX by python-docx, the DOC of before 2007 by office-oxide, which gives Markdown."""

import io
import re

from chatbot.knowledge.parsing import markup
from chatbot.knowledge.parsing.outline import Outline


def read_docx(content: bytes) -> Outline:
    """Headings by their styles, tables row by row where they stand."""
    from docx import Document  # noqa: PLC0415 -- only the child needs it
    from docx.table import Table  # noqa: PLC0415

    document = Document(io.BytesIO(content))
    outline = Outline()
    outline.title = (document.core_properties.title or "").strip()
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            outline.add("\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows))
        elif (level := _level((block.style and block.style.name) or "")) is not None:
            outline.open(level, block.text)
        else:
            outline.add(block.text.strip())
    outline.close()
    return outline


def read_doc(content: bytes) -> Outline:
    """Word 97 to 2003."""
    from office_oxide import Document  # noqa: PLC0415

    return markup.read_markdown(Document.from_bytes(content, "doc").to_markdown().encode())


def _level(style: str) -> int | None:
    """The level of a heading by the name of its style, which Word keeps in English whatever its language."""
    if style == "Title":
        return 0
    match = re.fullmatch(r"Heading (\d)", style)
    return int(match[1]) if match else None
