"""Texts that people write, to be kept: in order, and not without end."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInputError
from core.text import storable

MAX_TEXT = 5_000


def clean_text(text: Any, *, required: bool = True) -> str:
    """The text in order, or `InvalidInputError`."""
    content = storable(text).replace("\r\n", "\n").strip() if isinstance(text, str) else ""
    if not content and required:
        raise InvalidInputError(_("Please write what it is about."), code="text_empty", field="text")
    if len(content) > MAX_TEXT:
        message = _("Up to %(max)d characters, please; yours has %(count)d.") % {"max": MAX_TEXT, "count": len(content)}
        raise InvalidInputError(message, code="text_too_long", field="text")
    return content
