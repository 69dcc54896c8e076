"""00200: what the official schema says against a document, in words a person can act on.

Libxml2 says which facet of which type fails; the field is the path of the element without its root, so that it can be
looked up in the file, in our views and in the layout alike.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from lxml import etree

from invoicing.fatturapa.preflight.violation import Violation
from invoicing.fatturapa.schema import ORDINARY, SchemaError, base_type, schema_errors, schema_of

_TYPES = etree.ErrorTypes
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA_LOCATION = f"{{{_INSTANCE}}}schemaLocation"
_WITH_SCHEMA_LOCATION: Any = etree.XPath("descendant-or-self::*[@xsi:schemaLocation]", namespaces={"xsi": _INSTANCE})
_LATIN_1 = 0xFF  # the last sign of Latin-1 Supplement
_SHOWN = 60  # characters of a wrong value that a message repeats
_LATIN = re.compile(r"\\p\{IsBasicLatin\}(\\p\{IsLatin-1Supplement\})?\]?\{(\d+),(\d+)\}\)?$")
_DECIMALS = re.compile(r"\\\.\[0-9\]\{(\d+)(?:,(\d+))?\}$")
_COUNT = re.compile(r"^\[A-Z(0-9)?\]\{(\d+)(?:,(\d+))?\}$")


class _Place(NamedTuple):
    """Where an entry of the log happened: the path, the element's name and what it holds."""

    field: str
    name: str
    value: str
    has_blanks: bool = False


def errors(root: etree._Element) -> Iterator[Violation]:
    """What SDI refuses before it reads the content: another root, another form, a schemaLocation that is no pair."""
    if schema_of(root) is None:
        message = _(
            "The root is “%(name)s”: this is neither a FatturaElettronica (FPR12, FPA12) nor a "
            "FatturaElettronicaSemplificata (FSM10) in the namespace of the Agenzia delle Entrate."
        )
        yield Violation("00200", etree.QName(root).localname, message % {"name": etree.QName(root).localname})
        return
    yield from _schema_locations(root)
    for attachment in root.iterfind("FatturaElettronicaBody/Allegati/Attachment"):
        yield from _attachment(attachment)
    # one value may fail several facets of its type: the first is the reason
    reasons: dict[str, Violation] = {}
    for error in schema_errors(root):
        place = _place(root, error)
        reasons.setdefault(place.field, Violation("00200", place.field, _in_words(root, error, place)))
    yield from reasons.values()


def _schema_locations(root: etree._Element) -> Iterator[Violation]:
    """Libxml2 does not read the attribute; SDI's parser takes pairs only (XML Schema 1.0, part 1, 4.3.2)."""
    for node in _WITH_SCHEMA_LOCATION(root):
        if len((node.get(_SCHEMA_LOCATION) or "").split()) % 2:
            message = _(
                "schemaLocation holds pairs of a namespace and the address of its schema; here one half is missing. "
                "Complete it, or take the attribute away: nobody needs it."
            )
            yield Violation("00200", _join(_path(node), "@schemaLocation"), message)


def _attachment(node: etree._Element) -> Iterator[Violation]:
    """Libxml2 takes any text for base64Binary."""
    try:
        base64.b64decode("".join((node.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        yield Violation("00200", _path(node), _("The attachment is not written in base64: attach the file again."))


def _place(root: etree._Element, error: SchemaError) -> _Place:
    attribute = re.search(r"[Aa]ttribute '(?:\{[^}]*\})?([^']+)'", error.message)
    node = root if error.node is None else error.node
    name = etree.QName(node).localname
    if attribute:
        return _Place(_join(_path(node), f"@{attribute[1]}"), attribute[1], node.get(attribute[1]) or "")
    text = node.text or ""
    return _Place(_path(node) or name, name, text.strip(), has_blanks=bool(text.strip()) and text != text.strip())


def _path(node: etree._Element) -> str:
    """The names from below the root, with a position where there are several: “FatturaElettronicaBody/…/Data”."""
    steps: list[str] = []
    parent = node.getparent()
    while parent is not None:
        name = etree.QName(node).localname
        twins = parent.findall(node.tag)
        steps.append(f"{name}[{twins.index(node) + 1}]" if len(twins) > 1 else name)
        node, parent = parent, parent.getparent()
    return "/".join(reversed(steps))


def _join(path: str, step: str) -> str:
    return f"{path}/{step}" if path else step


def _in_words(root: etree._Element, error: SchemaError, place: _Place) -> str:
    names = {"name": place.name, "value": _shorten(place.value)}
    if error.type in _VALUES and not place.value:
        message = _("“%(name)s” is empty: fill it in, or leave the element out where it is optional.")
    elif error.type in _VALUES and place.has_blanks:
        message = _("“%(name)s” has a blank before or after “%(value)s”: take it away.")
    elif error.type in _FIXED:
        message = _FIXED[error.type]()
    elif error.type in _MADE:
        return _MADE[error.type](root, error, place, names)
    else:
        message = _("“%(name)s” is not as the official schema has it: compare it with the layout of the format.")
    return message % names


def _shorten(value: str) -> str:
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


_VALUES = frozenset(
    (
        _TYPES.SCHEMAV_CVC_DATATYPE_VALID_1_2_1,
        _TYPES.SCHEMAV_CVC_PATTERN_VALID,
        _TYPES.SCHEMAV_CVC_ENUMERATION_VALID,
        _TYPES.SCHEMAV_CVC_LENGTH_VALID,
        _TYPES.SCHEMAV_CVC_MINLENGTH_VALID,
    )
)
_Names = dict[str, str]


def _order(_root: etree._Element, error: SchemaError, _place: _Place, names: _Names) -> str:
    """An element that is too many, in the wrong place, or missing behind the others."""
    items = _between(error.message, "( ", " )").split(",")
    expected = ", ".join(re.sub(r"\{[^}]*\}", "", item.strip()) for item in items if item.strip())
    if error.message.partition(": ")[2].startswith("Missing child"):
        message = _("“%(name)s” is not complete: next comes %(expected)s.")
    elif expected:
        message = _("“%(name)s” has no place here, for the order of the elements is fixed: %(expected)s is expected.")
    else:
        message = _("“%(name)s” has no place here: there is no such element, or it stands once too often.")
    return message % (names | {"expected": expected})


def _between(text: str, left: str, right: str) -> str:
    return text.partition(left)[2].partition(right)[0]


def _value(root: etree._Element, error: SchemaError, _place: _Place, names: _Names) -> str:
    """A value that is not even of the kind that the element holds."""
    type_ = re.sub(r"^\{[^}]*\}", "", (re.findall(r"atomic type '([^']*)'", error.message) or [""])[0])
    kinds = {
        "xs:date": _("“%(value)s” is no date for “%(name)s”: write it as 2026-11-25."),
        "xs:dateTime": _("“%(value)s” is no time for “%(name)s”: write it as 2026-11-25T10:30:00."),
        "xs:integer": _("“%(value)s” is no whole number for “%(name)s”."),
        "xs:decimal": _("“%(value)s” is no number for “%(name)s”: write it with a point, such as 12.50."),
    }
    kind = base_type(schema_of(root) or ORDINARY, type_)
    return kinds.get(kind, _("“%(value)s” is not what “%(name)s” holds.")) % names


def _choice(_root: etree._Element, error: SchemaError, _place: _Place, names: _Names) -> str:
    allowed = ", ".join(re.findall(r"'([^']*)'", error.message.partition("set {")[2]))
    message = _("“%(value)s” is no value of “%(name)s”: one of %(allowed)s is expected.")
    return message % (names | {"allowed": allowed})


def _pattern(_root: etree._Element, error: SchemaError, place: _Place, names: _Names) -> str:
    pattern, count = _between(error.message, "by the pattern '", "'."), ""
    if latin := _LATIN.search(pattern):
        return _text(place, names, highest=_LATIN_1 if latin[1] else 0x7F, limits=(int(latin[2]), int(latin[3])))
    if decimals := _DECIMALS.search(pattern):
        count = _range(decimals[1], decimals[2])
        words = _("“%(value)s” is no number for “%(name)s”: a point and %(count)s decimals are expected, as in 12.50.")
    elif capitals := _COUNT.search(pattern):
        count = _range(capitals[2], capitals[3])
        words = _("“%(value)s” is not right for “%(name)s”: %(count)s capital letters are expected.")
        if capitals[1]:
            words = _("“%(value)s” is not right for “%(name)s”: %(count)s capital letters or digits are expected.")
    elif set(pattern) <= set("[]0-9"):
        words = _("“%(value)s” is not right for “%(name)s”: five digits are expected (00000 abroad).")
    elif "@" in pattern or pattern.startswith(".+"):
        words = _("“%(value)s” is no e-mail address for “%(name)s”.")
    else:
        words = _("“%(value)s” does not have the form of “%(name)s”: please check its letters, digits and length.")
    return words % (names | {"count": count})


def _range(least: str, most: str | None) -> str:
    return f"{least}–{most}" if most else least


def _text(place: _Place, names: _Names, *, highest: int, limits: tuple[int, int]) -> str:
    """A text with letters that the format cannot carry, or of the wrong length."""
    signs = "".join(dict.fromkeys(char for char in place.value if ord(char) > highest))
    if signs and highest == _LATIN_1:
        words = _(
            "“%(name)s” has signs that the format cannot carry: %(signs)s. It takes the letters of Latin-1 alone."
        )
    elif signs:
        words = _("“%(name)s” has signs that the format cannot carry: %(signs)s. It takes no accents here.")
    else:
        words = _("“%(name)s” has %(length)s characters: %(least)s to %(most)s are allowed.")
    length = {"length": str(len(place.value)), "least": str(limits[0]), "most": str(limits[1])}
    return words % (names | length | {"signs": _shorten(signs)})


def _length(_root: etree._Element, error: SchemaError, place: _Place, names: _Names) -> str:
    words = {
        _TYPES.SCHEMAV_CVC_MAXLENGTH_VALID: _(
            "“%(name)s” has %(length)s characters: at most %(expected)s are allowed."
        ),
        _TYPES.SCHEMAV_CVC_MINLENGTH_VALID: _(
            "“%(name)s” has %(length)s characters: at least %(expected)s are expected."
        ),
    }.get(error.type, _("“%(name)s” has %(length)s characters: %(expected)s are expected."))
    limits = re.findall(r"'(\d+)'", error.message) or [""]
    return words % (names | {"length": str(len(place.value)), "expected": limits[-1]})


def _limit(_root: etree._Element, error: SchemaError, _place: _Place, names: _Names) -> str:
    words = _("“%(name)s” is %(value)s: at least %(limit)s is expected.")
    if error.type == _TYPES.SCHEMAV_CVC_MAXINCLUSIVE_VALID:
        words = _("“%(name)s” is %(value)s: at most %(limit)s is allowed.")
    return words % (names | {"limit": (re.findall(r"'([^']*)'", error.message) or [""])[-1]})


def _no_attribute() -> str:
    return _("There is no attribute “%(name)s” here: take it away.")


_FIXED: dict[int, Callable[[], str]] = {
    _TYPES.SCHEMAV_CVC_COMPLEX_TYPE_3_2_1: _no_attribute,
    _TYPES.SCHEMAV_CVC_COMPLEX_TYPE_3_2_2: _no_attribute,
    _TYPES.SCHEMAV_CVC_TYPE_3_1_1: _no_attribute,
    _TYPES.SCHEMAV_CVC_COMPLEX_TYPE_4: lambda: _("The attribute “%(name)s” is missing."),
    _TYPES.SCHEMAV_CVC_COMPLEX_TYPE_2_3: lambda: _(
        "“%(name)s” holds other elements and no text of its own: take the text between them away."
    ),
}
_MADE: dict[int, Callable[[etree._Element, SchemaError, _Place, _Names], str]] = {
    _TYPES.SCHEMAV_ELEMENT_CONTENT: _order,
    _TYPES.SCHEMAV_CVC_DATATYPE_VALID_1_2_1: _value,
    _TYPES.SCHEMAV_CVC_ENUMERATION_VALID: _choice,
    _TYPES.SCHEMAV_CVC_PATTERN_VALID: _pattern,
    _TYPES.SCHEMAV_CVC_LENGTH_VALID: _length,
    _TYPES.SCHEMAV_CVC_MINLENGTH_VALID: _length,
    _TYPES.SCHEMAV_CVC_MAXLENGTH_VALID: _length,
    _TYPES.SCHEMAV_CVC_MAXINCLUSIVE_VALID: _limit,
    _TYPES.SCHEMAV_CVC_MININCLUSIVE_VALID: _limit,
}
