"""The calendar of obligations on the home page, from demo/calendar.toml: content with a date of expiry."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from billing.translated import Translated


@dataclass(frozen=True)
class Obligation:
    """One row: when, which law, what, where it stands; shown until `ends`."""

    when_it: str
    when_en: str
    law: str
    what_it: str
    what_en: str
    source: str
    ends: date | None = None

    when = Translated()
    what = Translated()


def coming_obligations(today: date) -> list[Obligation]:
    """Those that are not over yet, in the file's order."""
    return [row for row in _all() if row.ends is None or row.ends >= today]


@lru_cache(maxsize=1)
def _all() -> tuple[Obligation, ...]:
    text = (files("billing") / "demo" / "calendar.toml").read_text(encoding="utf-8")
    return tuple(Obligation(**row) for row in tomllib.loads(text)["obligations"])
