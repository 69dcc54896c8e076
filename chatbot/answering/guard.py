"""What the model writes, before anybody reads it: no address outside our own, no markup, nothing of its instructions.

Words go out as they come, but for what may yet become an address, a tag or a mark: that is never shown in halves. Marks
such as [1] are set by us where a passage was cited; what the model writes of that kind, learned from earlier answers,
goes. However the text is cut into pieces, nothing of that passes.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

# A run of the instructions this long, letters and digits only, is no coincidence.
_WINDOW = 48
_REFUSAL = re.compile(r"<refusal.*?</refusal>", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?:|ftp:|javascript:|data:|//|\\\\|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_FULL_STOPS = ".,;:!?*_~`"  # that follow an address and are none of it
_IMAGE = re.compile(r"!+\[")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_REMOVED = "[…]"
_NUMBERS = r"\[\^?\d{1,3}(?:\s?[,;–-]\s?\^?\d{1,3})*\]"
# with the blank before it, unless a word follows at once
_MARK = re.compile(rf"\s?{_NUMBERS}(?:\s?{_NUMBERS})*(?=[\s.,;:!?)»”]|\Z)|{_NUMBERS}")
_MARK_WITHIN = re.compile(rf"(?:{_MARK.pattern})(?!\Z)")  # of the last one nobody knows yet what follows it
_BEGINNINGS = ("http:", "https:", "www.", "//", "\\\\", "ftp:", "data:", "javascript:")
# a word with a mark that is not at its end, or what may yet become an image or a tag; blanks before a mark go with it
_UNFINISHED = re.compile(r"\s*(?:\S*\[[\^\d\s,;–-]*\]?|[!<]+)?\Z")
_LAST_WORD = re.compile(r"\S*\Z")


class PromptLeakError(Exception):
    """The model is repeating its instructions."""


class OutputGuard:
    """Takes the model's text in pieces and gives it on, word by word, without what must not go out."""

    def __init__(self, *, prompt: str, canary: str) -> None:
        self._secret = _letters(_REFUSAL.sub(" ", prompt))
        self._canary = canary
        beginnings = (*_BEGINNINGS, *filter(None, [canary]))
        self._inside = re.compile("|".join(map(re.escape, beginnings)))
        self._at_end = tuple(begin[:length] for begin in beginnings for length in range(1, len(begin)))
        self._pending = ""
        self._sent_letters = ""

    def feed(self, text: str) -> str:
        """What may go out with this piece. Raises `PromptLeakError`."""
        self._pending = _strip(_MARK_WITHIN, self._pending + text)
        end = self._find_safe_end()
        ready, self._pending = self._pending[:end], self._pending[end:]
        return self._check(ready)

    def flush(self) -> str:
        """What was held back."""
        ready, self._pending = strip_marks(self._pending), ""
        return self._check(ready)

    def _find_safe_end(self) -> int:
        """Up to where the pending text can no longer become something else."""
        last_word = _LAST_WORD.search(self._pending)
        start = last_word.start() if last_word else len(self._pending)
        word = self._pending[start:].lower()
        if self._inside.search(word) or word.endswith(self._at_end):
            return len(self._pending[:start].rstrip())
        unfinished = _UNFINISHED.search(self._pending)
        return unfinished.start() if unfinished else len(self._pending)

    def _check(self, text: str) -> str:
        if not text:
            return ""
        before = len(self._sent_letters)
        self._sent_letters += _letters(text)
        for at in range(max(0, before - _WINDOW + 1), len(self._sent_letters) - _WINDOW + 1):
            if self._sent_letters[at : at + _WINDOW] in self._secret:
                raise PromptLeakError
        if self._canary and self._canary in self._sent_letters[max(0, before - len(self._canary)) :]:
            raise PromptLeakError
        return _TAG.sub("‹", _IMAGE.sub("[", _ADDRESS.sub(_filter_address, text)))


def strip_marks(text: str) -> str:
    """The text without marks: as the model may see an earlier answer, and as it would have had to write this one."""
    return _strip(_MARK, text)


def _strip(mark: re.Pattern[str], text: str) -> str:
    while (shorter := mark.sub("", text)) != text:  # "[[1]1]" has one inside another
        text = shorter
    return text


def allowed_hosts() -> Sequence[str]:
    """Our own host, and those that answers may name."""
    own_host = urlsplit(settings.SITE_URL).hostname or ""
    return [own_host, *settings.CHAT_LINK_HOSTS]


def _filter_address(match: re.Match[str]) -> str:
    address = match[0].rstrip(_FULL_STOPS)
    return match[0] if _is_allowed(address) else _REMOVED + match[0][len(address) :]


def _is_allowed(address: str) -> bool:
    """A web address that every browser reads as leading to one of our hosts: no user, no backslash, nothing odd."""
    try:
        parts = urlsplit(address if "//" in address[:8] else f"//{address}")
        host = parts.hostname
    except ValueError:  # "https://[name].it"
        return False
    is_plain = address.isprintable() and "\\" not in address and "@" not in parts.netloc
    return is_plain and parts.scheme in ("", "http", "https") and host in allowed_hosts()


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
