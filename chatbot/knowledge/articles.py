"""Articles that staff write from what people asked: a question and its answer as a document of their own."""

import re
from collections.abc import Iterable
from datetime import datetime
from io import BytesIO

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from chatbot.knowledge import ingest
from chatbot.models import Document
from chatbot.texts import clean_text
from core.errors import InvalidInputError


def add_article(
    *, question: str, answer: str, topic: str, language: str, name: str, people: Iterable[str], now: datetime
) -> Document:
    """Put question and answer into the knowledge base under the file name `name`.

    Refuses text with the name of one of `people` or anybody's e-mail address in it: the assistant would tell it to
    everybody.
    """
    heading, body = " ".join(question.split()), clean_text(answer)
    if leaks := _personal_data(f"{heading}\n{body}", people):
        message = _("This must not be in an article: %(words)s.") % {"words": ", ".join(leaks)}
        raise InvalidInputError(message, code="personal_data", field="answer")
    content = f"# {heading}\n\n{body}\n".encode()
    return ingest.add_document(
        file=BytesIO(content), name=f"{name}.{language}.md", size=len(content), now=now, title=heading, topic=topic,
        language=language, is_article=True,
    )  # fmt: skip


def _personal_data(text: str, people: Iterable[str]) -> list[str]:
    """E-mail addresses but our own, and people's names, as they stand in the text."""
    addresses = [
        address for address in re.findall(r"[\w.+-]+@[\w-]+\.[\w.-]*\w", text) if address != settings.SUPPORT_EMAIL
    ]
    names = {name.strip() for name in people if len(name.strip()) > 3}
    names_in_text = [name for name in sorted(names) if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)]
    return [*dict.fromkeys(addresses), *names_in_text]
