"""What an evaluation must reach: bounds in a TOML file, held against its figures.

    [at_least]
    hybrid.all.recall_at_5 = 0.9
    answers.citation_validity = 1

    [at_most]
    answers.failed = 0

The first name is a method of the search, "refusal" or "answers"; the rest is the way to the figure in the JSON that
`rag_eval` prints.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.models.evaluation import figure_at

_SIDES = {"at_least": True, "at_most": False}
_WHOLE = ("answers", "refusal")  # beside the methods in the report, not among them


class GateError(ValueError):
    """The file sets no bounds that could be checked; the message says why."""


@dataclass(frozen=True)
class Bound:
    """A figure and the least, or the most, it may be."""

    name: str
    limit: float
    is_least: bool

    def __str__(self) -> str:
        return f"{self.name} {'>=' if self.is_least else '<='} {self.limit:g}"

    def missed_by(self, figures: Mapping[str, Any]) -> str:
        """What the figure is instead; "" when it keeps the bound. One that was not measured does not keep it."""
        path = self.name if self.name.split(".")[0] in _WHOLE else f"methods.{self.name}"
        figure = figure_at(figures, path)
        if figure is None:
            return "not measured"
        return "" if (figure >= self.limit if self.is_least else figure <= self.limit) else f"{figure:g}"


def read_gate(path: Path) -> list[Bound]:
    """The bounds of a file. Raises `GateError`, and `OSError` when it cannot be read."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise GateError(f"{path}: {error}") from error
    if unknown_names := sorted(set(tables) - set(_SIDES)):
        raise GateError(f"{path}: {', '.join(unknown_names)}: only [at_least] and [at_most] are known")
    bounds = [
        Bound(name, limit, is_least)
        for side, is_least in _SIDES.items()
        for name, limit in _leaves(path, tables.get(side, {}), ())
    ]
    if not bounds:
        raise GateError(f"{path} has no bound")
    return bounds


def find_missed(bounds: Sequence[Bound], figures: Mapping[str, Any]) -> list[str]:
    """The bounds that are not kept, each with what was measured."""
    return [f"{bound}: {figure}" for bound in bounds if (figure := bound.missed_by(figures))]


def _leaves(path: Path, table: Any, names: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    if isinstance(table, dict):
        for name, value in table.items():
            yield from _leaves(path, value, (*names, name))
    elif isinstance(table, int | float) and not isinstance(table, bool) and names:
        yield ".".join(names), float(table)
    else:
        raise GateError(f"{path}: {'.'.join(names) or table}: a bound is a number")
