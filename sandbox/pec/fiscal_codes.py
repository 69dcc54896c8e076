"""Check characters of Italian fiscal identifiers: partita IVA (Luhn) and codice fiscale (odd/even table).

Sources: DPR 605/1973 art. 5, DM 23 December 1976 art. 9; omocodia replaces digits by the letters LMNPQRSTUV.
"""

import re
from string import ascii_uppercase

_PERSON = re.compile(
    r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]", re.ASCII
)
_ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_ODD_LETTERS = (*_ODD_DIGITS, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def is_vat_number(text: str) -> bool:
    """True for eleven digits, not all of the first seven zero, whose Luhn sum is a multiple of ten."""
    if not re.fullmatch(r"[0-9]{11}", text, re.ASCII) or text.startswith("0000000"):
        return False
    products = [int(digit) * (1 + index % 2) for index, digit in enumerate(text)]
    return sum(value // 10 + value % 10 for value in products) % 10 == 0


def is_fiscal_code(text: str) -> bool:
    """True for a person's sixteen characters with the right last letter, or an entity's eleven digits."""
    if len(text) == 11:
        return is_vat_number(text)
    if not _PERSON.fullmatch(text):
        return False
    total = sum(_odd(char) if index % 2 == 0 else _even(char) for index, char in enumerate(text[:15]))
    return ascii_uppercase[total % 26] == text[15]


def _odd(char: str) -> int:
    return _ODD_DIGITS[int(char)] if char.isdigit() else _ODD_LETTERS[ascii_uppercase.index(char)]


def _even(char: str) -> int:
    return int(char) if char.isdigit() else ascii_uppercase.index(char)
