"""People's names, as they may greet in a mail: a name of any language, and nothing that a stranger could say by it.

Whoever registers or writes to us types a name and an address; the mail goes there, in our name, whoever's it is. So
the name holds no address, no figure and nothing that breaks its line or turns it round (ASVS 5.0 1.3.11).
"""

import re
import unicodedata

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInputError

# apostrophes, hyphens and dots of the scripts that write them inside a name, and the comma of "Ferrante, Jr."
_SIGNS = frozenset(" .,-'’‘`´‐‑–\u00b7\u2027\u30fb\u055a\u05be\u05f3\u05f4\u0f0b")
_JOINERS = frozenset("\u200c\u200d")  # Persian and the scripts of India spell with them
# letters and marks by their category that nobody sees (Unicode's Default_Ignorable_Code_Point)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Co", "Cn", "Cs")
# the dots of "J.R.R.", and of the titles that Italian shortens in their middle
_INITIALS = re.compile(
    r"(?<![^\W_])[^\W_]\.(?=[^\W_](?![^\W_]))|\b(?:dott|dr|prof|avv)\.(?=ssa\b)|\bsig\.(?=[rn]a\b)", re.IGNORECASE
)


def check_name(text: str, *, field: str) -> str:
    """The name on one line in NFC; raises `InvalidInputError` about `field` where it is more or less than a name."""
    raw = text.strip()
    if any(char in _BLANK or (unicodedata.category(char) in _UNSEEN and char not in _JOINERS) for char in raw):
        raise _refusal(_("This name holds a line break or a sign that cannot be seen. Please type it anew."), field)
    name = " ".join(unicodedata.normalize("NFC", raw).split())
    others = "".join(dict.fromkeys(char for char in name if not _belongs(char)))
    if others:
        message = _("A name has letters, spaces, hyphens and apostrophes. Please leave out: %(signs)s")
        raise _refusal(message % {"signs": " ".join(others)}, field)
    if re.search(r"\.\w", _INITIALS.sub("", name)):
        raise _refusal(_("This reads like an internet address. In a name please write a space after each dot."), field)
    if not any(char.isalpha() for char in name):
        raise _refusal(_("Please write your name, and only that."), field)
    return name


def _belongs(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] == "L" or category in ("Mn", "Mc") or char in _SIGNS or char in _JOINERS


def _refusal(message: str | Promise, field: str) -> InvalidInputError:
    return InvalidInputError(message, code="name_invalid", field=field)
