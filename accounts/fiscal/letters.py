"""The one rule for text: what a customer may be called, and what an electronic invoice can carry of what people write.

FatturaPA takes Basic Latin and Latin-1 Supplement (types …LatinType, format 1.2.3), in some fields Basic Latin alone
(numbers, codes, units). What is written otherwise but means the same is brought there; what cannot be seen, and what
only decorates, is left out; letters of other alphabets are nobody's to guess: they are refused where they are typed in.
"""

import re
import unicodedata
from functools import lru_cache

_SPACES = re.compile(r"\s+")
_LAST_LATIN_1, _LAST_BASIC = 0xFF, 0x7E
# the same sign in another form: nobody takes this for a change
_TYPOGRAPHY = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "ʼ": "'", "ʹ": "'", "“": '"', "”": '"', "„": '"', "‟": '"',
    "″": '"', "‹": "'", "›": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "…": "...",
    "•": "-", "‣": "-", "⁃": "-", "⁄": "/", "∕": "/", "∶": ":",
}  # fmt: skip
_SPELLINGS = {
    "€": "EUR", "₹": "INR", "₺": "TRY", "₽": "RUB", "₴": "UAH", "₩": "KRW", "₪": "ILS", "₫": "VND", "₱": "PHP",
    "₿": "BTC", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "ħ": "h", "Ħ": "H", "ŧ": "t",
    "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ĸ": "k", "ſ": "s", "ẞ": "SS", "ƒ": "f", "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D",
    "ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y", "ə": "e", "Ə": "E", "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ǝ": "e",
    "Ǝ": "E", "ɨ": "i", "Ɨ": "I", "ɵ": "o", "Ɵ": "O", "ƶ": "z", "Ƶ": "Z", "ɣ": "g", "Ɣ": "G", "ʻ": "'", "ʾ": "'",
    "ʿ": "'", "ꞌ": "'", "Ꞌ": "'", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-",
    "⇒": "=>", "↔": "<->", "‰": "per mille",
}  # fmt: skip
# what Latin-1 has and Basic Latin has not
_BASIC_SPELLINGS = {
    "£": "GBP", "¥": "JPY", "¢": "c", "§": "par.", "¶": "par.", "©": "(C)", "®": "(R)", "°": "o", "«": '"', "»": '"',
    "±": "+/-", "×": "x", "÷": "/", "·": ".", "¿": "?", "¡": "!", "¬": "-", "¦": "|", "¤": "", "ß": "ss", "æ": "ae",
    "Æ": "AE", "ø": "o", "Ø": "O", "þ": "th", "Þ": "TH", "ð": "d", "Ð": "D", "µ": "u", "μ": "u",
}  # fmt: skip
# letters by their category that nobody sees (Unicode's Default_Ignorable_Code_Point beyond Cf)
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
# pictures, modifiers and marks without a letter, private and unassigned signs
_DECORATION = frozenset(("So", "Sk", "Mn", "Me", "Mc", "Co", "Cn", "Cs"))


def tidy(text: str) -> str:
    """`text` on one line, letters and their accents in one piece (NFC), without what cannot be seen."""
    if text.isascii() and text.isprintable():  # nearly every text
        return " ".join(text.split())
    visible = "".join(char for char in text if char.isspace() or _is_visible(char))
    return _SPACES.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def latin(text: str, limit: int) -> str:
    """`text` in Latin-1, cut at `limit`. A letter of another alphabet becomes “?”: see `lost_signs` before."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:limit].strip()
    return _SPACES.sub(" ", "".join(_fit(char) for char in tidy(text)))[:limit].strip()


def basic_latin(text: str, limit: int) -> str:
    """As `latin`, for the fields that allow Basic Latin alone: numbers, codes, units."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:limit].strip()
    return _SPACES.sub(" ", "".join(_fit_basic(char) for char in tidy(text)))[:limit].strip()


def lost_signs(text: str) -> str:
    """The signs of `text` that no invoice can carry in any form, each once: letters of other alphabets."""
    if text.isascii():
        return ""
    return "".join(dict.fromkeys(char for char in tidy(text) if char != "?" and "?" in _fit(char)))


def can_be_carried(text: str) -> bool:
    """Whether an invoice can carry `text` as a name: something is left of it, and no letter is lost."""
    return bool(latin(text, len(text))) and not lost_signs(text)


def changed_signs(text: str, *, is_basic: bool = False) -> dict[str, str]:
    """What somebody would notice on the invoice: signs that are written otherwise, “” for those left out."""
    fit = _fit_basic if is_basic else _fit
    signs = dict.fromkeys(char for char in tidy(text) if char not in _TYPOGRAPHY and not char.isspace())
    return {char: fit(char) for char in signs if fit(char) != char and "?" not in _fit(char)}


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf") and char not in _INVISIBLE


@lru_cache(maxsize=4096)
def _fit(char: str) -> str:
    """One visible sign in Latin-1, “” for decoration, “?” for what has no equivalent."""
    if char.isspace():
        return " "
    if ord(char) <= _LAST_LATIN_1:
        return char
    known = _TYPOGRAPHY.get(char) or _SPELLINGS.get(char)
    if known:
        return known
    digit = unicodedata.digit(char, None)  # those of other scripts, and in circles
    if digit is not None:
        return str(digit)
    # the ligature of f and i is two letters, a Latin letter with two accents keeps none
    parts = unicodedata.normalize("NFKD", char)
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    if letters and letters != char:
        return "".join(_fit(letter) for letter in letters)
    return "" if unicodedata.category(char) in _DECORATION else "?"


@lru_cache(maxsize=4096)
def _fit_basic(char: str) -> str:
    fit = _fit(char)
    return fit if fit.isascii() else "".join(_to_basic(part) for part in fit)


def _to_basic(char: str) -> str:
    if ord(char) <= _LAST_BASIC:
        return char
    if char in _BASIC_SPELLINGS:
        return _BASIC_SPELLINGS[char]
    parts = unicodedata.normalize("NFKD", char)
    letters = "".join(part for part in parts if not unicodedata.combining(part) and not part.isspace())
    return "".join(_BASIC_SPELLINGS.get(part, _TYPOGRAPHY.get(part, part)) for part in letters if part != char)
