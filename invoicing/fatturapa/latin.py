"""FatturaPA text is Latin-1 (Basic Latin and Latin-1 Supplement); this brings ordinary text into it."""

import re
import unicodedata

_EQUIVALENTS = str.maketrans(
    {
        "€": "EUR", "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-",
        "…": "...", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "\N{BULLET}": "-",
    }
)  # fmt: skip
_SPACES = re.compile(r"\s+")


def latin(text: str, limit: int) -> str:
    """`text` in Latin-1, cut at `limit`: known signs spelled out, accents beyond Latin-1 dropped, the rest "?"."""
    if text.isascii() and text.isprintable():  # nearly every text
        return " ".join(text.split())[:limit].strip()
    plain = _SPACES.sub(" ", _normalize(text)).strip()
    return "".join(_fit(char) for char in plain)[:limit].strip()


def is_latin(text: str) -> bool:
    """Whether `text` survives `latin` without a sign being lost."""
    return all(char == "?" or _fit(char) != "?" for char in _normalize(text) if not char.isspace())


def basic_latin(text: str, limit: int) -> str:
    """As `latin`, without accents: for the fields that allow Basic Latin only (numbers, codes, units)."""
    if text.isascii() and text.isprintable():
        return latin(text, limit)
    letters = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else "?" for char in latin(letters, limit))


def pieces(text: str, size: int) -> list[str]:
    """`text` in pieces of at most `size` characters, cut at spaces (Causale may be repeated)."""
    rest, parts = latin(text, 100_000), []
    while len(rest) > size:
        cut = rest.rfind(" ", 1, size + 1)
        cut = cut if cut > 0 else size
        parts.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*parts, rest] if rest else parts


def _normalize(text: str) -> str:
    """Known signs spelled out, and letters in one piece with their accents (some systems keep them apart)."""
    return unicodedata.normalize("NFC", text).translate(_EQUIVALENTS)


def _fit(char: str) -> str:
    if ord(char) < 0x100 and char.isprintable():
        return char
    parts = unicodedata.normalize("NFKD", char)  # the ligature of f and i is two letters
    return "".join(part for part in parts if ord(part) < 0x100 and part.isprintable()) or "?"
