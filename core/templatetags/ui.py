"""The only custom template tags: amounts, seals, form fields and the marks of states."""

import math
from decimal import Decimal
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

NBSP = "\N{NO-BREAK SPACE}"

# How many lobes each subject's seal has, and how often a curve (radius, swing, turns) is drawn round.
_SEALS = {
    "ai-act": (5, ((70, 26, 4),)),
    "gdpr": (12, ((74, 22, 2), (36, 16, 2))),
    "nis2": (8, ((52, 44, 3),)),
    "cybersecurity": (3, ((66, 30, 8),)),
    "house": (24, ((74, 22, 5), (58, 12, 7), (26, 14, 8))),
}


@register.filter
def eur(amount: Decimal | None, places: int = 2) -> str:
    """`6258.60` as "6.258,60 €" in Italian and "€6,258.60" in English, with a real minus sign."""
    if amount is None:
        return ""
    digits = number_format(abs(amount), decimal_pos=places, use_l10n=True, force_grouping=True)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}{digits}{NBSP}€" if (get_language() or "it").startswith("it") else f"{sign}€{digits}"


@register.filter
def eur_short(amount: Decimal | None) -> str:
    """Like `eur`, without decimals for whole euros (prices in the catalogue)."""
    if amount is None:
        return ""
    return eur(amount, 0 if amount == amount.to_integral_value() else 2)


@register.filter
def rate(percent: Decimal) -> str:
    """`22.00` as "22 %" in Italian, "22%" in English."""
    digits = number_format(percent.normalize() + 0, use_l10n=True)
    return f"{digits}{NBSP}%" if (get_language() or "it").startswith("it") else f"{digits}%"


@register.simple_tag
def seal(subject: str, css_class: str = "seal") -> SafeString:
    """The subject's rosette: r = R + a·cos(nθ), turned a few times; drawn once and repeated by reference."""
    lobes, curves = _SEALS[subject]
    parts = []
    for number, (radius, swing, turns) in enumerate(curves):
        identifier = f"seal-{subject}-{number}"
        parts.append(
            f'<path id="{identifier}" vector-effect="non-scaling-stroke" d="{_rosette(lobes, radius, swing)}"/>'
        )
        step = 360 / lobes / turns
        parts += [f'<use href="#{identifier}" transform="rotate({step * turn:.2f})"/>' for turn in range(1, turns)]
    # nothing here comes from outside: numbers and the names above
    return mark_safe(  # noqa: S308
        f'<svg class="{css_class}" viewBox="-100 -100 200 200" aria-hidden="true" focusable="false">{"".join(parts)}</svg>'
    )


def _rosette(lobes: int, radius: float, swing: float) -> str:
    steps = lobes * 16
    points = []
    for step in range(steps):
        angle = 2 * math.pi * step / steps
        reach = radius + swing * math.cos(lobes * angle)
        points.append(f"{reach * math.cos(angle):.1f} {reach * math.sin(angle):.1f}")
    return f"M{'L'.join(points)}Z"


@register.inclusion_tag("components/_field.html")
def field(bound: Any, *, code: bool = False) -> dict[str, Any]:
    """One form field with its label, hint and error, wired for screen readers."""
    described = " ".join(
        part
        for part in (
            f"{bound.auto_id}-hint" if bound.help_text else "",
            f"{bound.auto_id}-error" if bound.errors else "",
        )
        if part
    )
    attributes: dict[str, Any] = {}
    if described:
        attributes["aria-describedby"] = described
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {"field": bound, "code": code, "widget": bound.as_widget(attrs=attributes)}
