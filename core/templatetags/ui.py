"""The only custom template tags: amounts, Markdown, seals and form fields."""

import math
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from core.web.languages import current_language

register = template.Library()

NBSP = "\N{NO-BREAK SPACE}"

# The curves of each seal as (lobes, radius, swing, turns): a subject has its own number of lobes.
_SEALS = {
    "ai-act": ((5, 55, 41, 4),),
    "gdpr": ((12, 74, 22, 2), (12, 38, 14, 2)),
    "nis2": ((8, 52, 44, 3),),
    "cybersecurity": ((3, 66, 30, 8),),
    "house": ((24, 88, 10, 5), (12, 56, 27, 8), (6, 21, 13, 8)),
}
_SEGMENTS_PER_LOBE = 10

# no HTML of their own in texts, and no links to elsewhere that search engines would follow
_markdown = MarkdownIt("commonmark", {"html": False, "typographer": False})


@register.filter
def eur(amount: Decimal | None, places: int = 2) -> str:
    """`6258.60` as "6.258,60 €" in Italian and "€6,258.60" in English, with a real minus sign."""
    if amount is None:
        return ""
    digits = number_format(abs(amount), decimal_pos=places, use_l10n=True, force_grouping=True)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}{digits}{NBSP}€" if current_language().startswith("it") else f"{sign}€{digits}"


@register.filter
def eur_short(amount: Decimal | None) -> str:
    """Like `eur`, without decimals for whole euros (prices in the catalogue)."""
    if amount is None:
        return ""
    return eur(amount, 0 if amount == amount.to_integral_value() else 2)


@register.filter
def eur_range(low: Decimal, high: Decimal) -> str:
    """`2500`, `6000` as "2.500–6.000 €" in Italian, "€2,500–6,000" in English."""
    places = 0 if low == low.to_integral_value() and high == high.to_integral_value() else 2
    digits = [number_format(amount, decimal_pos=places, use_l10n=True, force_grouping=True) for amount in (low, high)]
    both = "\N{EN DASH}".join(digits)
    return f"{both}{NBSP}€" if current_language().startswith("it") else f"€{both}"


@register.filter
def figure(value: Decimal, places: int = 0) -> str:
    """`1.50` as "1,5" in Italian and "1.5" in English: every decimal that says something, and at least `places`."""
    needed = max(places, -int(value.normalize().as_tuple().exponent))
    return str(number_format(value, decimal_pos=needed, use_l10n=True, force_grouping=True))


@register.filter
def rate(percent: Decimal) -> str:
    """`22.00` as "22 %" in Italian, "22%" in English."""
    digits = number_format(percent.normalize() + 0, use_l10n=True)
    return f"{digits}{NBSP}%" if current_language().startswith("it") else f"{digits}%"


@register.filter
@lru_cache(maxsize=512)  # a fifth of a service's page was parsing the same texts again
def markdown(text: str) -> SafeString:
    """A text of the catalogue as HTML: paragraphs, lists, emphasis, links; markup inside it is shown, not obeyed."""
    tokens = _markdown.parse(str(text))
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "nofollow")
    # markdown-it escapes everything that is not Markdown, and refuses javascript: and data: addresses
    html = str(_markdown.renderer.render(tokens, _markdown.options, {}))
    return mark_safe(html)  # noqa: S308


@register.simple_tag
@lru_cache(maxsize=32)
def seal(subject: str, css_class: str = "seal") -> str:
    """The subject's rosette: r = R + a·cos(nθ), turned a few times; drawn once and repeated by reference.

    Its ids carry the subject's name, so a page shows each seal once.
    """
    parts = []
    for number, (lobes, radius, swing, turns) in enumerate(_SEALS[subject]):
        identifier = f"seal-{subject}-{number}"
        parts.append(
            f'<path id="{identifier}" vector-effect="non-scaling-stroke" d="{_rosette(lobes, radius, swing)}"/>'
        )
        step = 360 / lobes / turns
        parts += [f'<use href="#{identifier}" transform="rotate({step * turn:.2f})"/>' for turn in range(1, turns)]
    attributes = 'viewBox="-100 -100 200 200" aria-hidden="true" focusable="false"'
    # nothing here comes from outside: numbers and the names above
    return mark_safe(f'<svg class="{css_class}" {attributes}>{"".join(parts)}</svg>')  # noqa: S308


@lru_cache(maxsize=16)
def _rosette(lobes: int, radius: float, swing: float) -> str:
    """The closed curve as cubic Bézier segments that share position and tangent with it at their ends."""
    count = lobes * _SEGMENTS_PER_LOBE
    angle = 2 * math.pi / count
    path = ["M", _numbers(_point(0, lobes, radius, swing))]
    for step in range(count):
        start, end = step * angle, (step + 1) * angle
        (x0, y0), (x1, y1) = _point(start, lobes, radius, swing), _point(end, lobes, radius, swing)
        (dx0, dy0), (dx1, dy1) = _slope(start, lobes, radius, swing), _slope(end, lobes, radius, swing)
        third = angle / 3
        path += ["C", _numbers((x0 + dx0 * third, y0 + dy0 * third, x1 - dx1 * third, y1 - dy1 * third, x1, y1))]
    return "".join([*path, "Z"])


def _point(angle: float, lobes: int, radius: float, swing: float) -> tuple[float, float]:
    reach = radius + swing * math.cos(lobes * angle)
    return reach * math.cos(angle), reach * math.sin(angle)


def _slope(angle: float, lobes: int, radius: float, swing: float) -> tuple[float, float]:
    """The derivative of `_point` by its angle."""
    reach = radius + swing * math.cos(lobes * angle)
    change = -swing * lobes * math.sin(lobes * angle)
    return change * math.cos(angle) - reach * math.sin(angle), change * math.sin(angle) + reach * math.cos(angle)


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.1f}".removesuffix(".0") for value in values)


@register.inclusion_tag("components/_field.html")
def field(bound: Any, *, code: bool = False, optional: bool = False) -> dict[str, Any]:
    """One form field with its label, hint and error, under the ids that Django's `aria-describedby` names."""
    return {"field": bound, "code": code, "optional": optional}
