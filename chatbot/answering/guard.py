"""What the model writes, before anybody reads it: no address outside our own, no markup, nothing of its instructions.

Words go out as they come, but for one that may yet become an address or a tag: it is never shown in halves.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings

# A run of the instructions this long, letters and digits only, is no coincidence.
_WINDOW = 48
_REFUSAL = re.compile(r"<refusal.*?</refusal>", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?:|ftp:|javascript:|data:|//|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_IMAGE = re.compile(r"!\[")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_REMOVED = "[…]"
_BEGINNINGS = ("http://", "https://", "www.", "//", "ftp:", "data:", "javascript:")
_WORD_START = re.compile(r"[^\s()\[\]{}\"'«»“”>]*$")


class PromptLeakError(Exception):
    """The model is repeating its instructions."""


class OutputGuard:
    """Takes the model's text in pieces and gives it on, word by word, without what must not go out."""

    def __init__(self, *, prompt: str, canary: str) -> None:
        self._secret = _letters(_REFUSAL.sub(" ", prompt))
        self._canary = canary
        self._pending = ""
        self._sent_letters = ""

    def feed(self, text: str) -> str:
        """What may go out with this piece. Raises `PromptLeakError`."""
        self._pending += text
        end = self._safe_end()
        ready, self._pending = self._pending[:end], self._pending[end:]
        return self._check(ready)

    def flush(self) -> str:
        """What was held back."""
        ready, self._pending = self._pending, ""
        return self._check(ready)

    def _safe_end(self) -> int:
        """Up to where the pending text can no longer become an address, a tag or the mark."""
        match = _WORD_START.search(self._pending)
        start = match.start() if match else len(self._pending)
        word = self._pending[start:].lower()
        if word and any(begin.startswith(word) or word.startswith(begin) for begin in (*_BEGINNINGS, self._canary)):
            return start
        return len(self._pending) - (self._pending[-1:] in ("!", "<"))

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


def allowed_hosts() -> Sequence[str]:
    """Our own host, and those that answers may name."""
    own_host = urlsplit(settings.SITE_URL).hostname or ""
    return [own_host, *settings.CHAT_LINK_HOSTS]


def _filter_address(match: re.Match[str]) -> str:
    address = match[0]
    parts = urlsplit(address if "//" in address[:8] else f"//{address}")
    is_web = parts.scheme in ("", "http", "https") and not address.lower().startswith(("javascript:", "data:", "ftp:"))
    return address if is_web and parts.hostname in allowed_hosts() else _REMOVED


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
