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
    plain = _SPACES.sub(" ", text.translate(_EQUIVALENTS)).strip()
    return "".join(_fit(char) for char in plain)[:limit].strip()


def basic_latin(text: str, limit: int) -> str:
    """As `latin`, without accents: for the fields that allow Basic Latin only (numbers, codes, units)."""
    stripped = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else "?" for char in latin(stripped, limit))


def pieces(text: str, size: int) -> list[str]:
    """`text` in pieces of at most `size` characters, cut at spaces (Causale may be repeated)."""
    rest, found = latin(text, 100_000), []
    while len(rest) > size:
        cut = rest.rfind(" ", 1, size + 1)
        cut = cut if cut > 0 else size
        found.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*found, rest] if rest else found


def _fit(char: str) -> str:
    if ord(char) < 0x100 and char.isprintable():
        return char
    base = unicodedata.normalize("NFKD", char)[0]
    return base if ord(base) < 0x100 and base.isprintable() else "?"
