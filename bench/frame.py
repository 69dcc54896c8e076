"""How a figure is made: candidates take turns round by round, ratios are formed within a round, the median counts.

The machine's absolute speed and whatever else it does meanwhile cancel out that way. A report prints as a table or as
JSON and knows whether its targets are met.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Sample = Mapping[str, float]  # what one round of one candidate measured: quantity -> value
Candidate = Callable[[], Sample]


class BenchError(Exception):
    """A measurement that would not be worth anything: wrong answers, different documents, a server that is gone."""


@dataclass(frozen=True)
class Spread:
    """The middle of several rounds and the quarter of them below and above."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, q1, q3)

    def __str__(self) -> str:
        return f"{_short(self.median)}  [{_short(self.q1)} .. {_short(self.q3)}]"


@dataclass(frozen=True)
class Figures:
    """Every round of every candidate, in the order they were measured."""

    rounds: dict[str, list[Sample]]

    def quantities(self, candidate: str) -> list[str]:
        return list(self.rounds[candidate][0])

    def values(self, candidate: str, quantity: str) -> list[float]:
        return [sample[quantity] for sample in self.rounds[candidate]]

    def spread(self, candidate: str, quantity: str) -> Spread:
        return Spread.of(self.values(candidate, quantity))

    def ratio(self, over: str, under: str, quantity: str) -> Spread:
        """`over` ÷ `under`, round by round."""
        pairs = zip(self.values(over, quantity), self.values(under, quantity), strict=True)
        return Spread.of([above / below for above, below in pairs])


def measure(candidates: Mapping[str, Candidate], rounds: int, warmup: int) -> Figures:
    """Let each candidate have its turn in each round; a different one begins each time. Warm-up rounds do not count."""
    names = list(candidates)
    figures: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(warmup + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            sample = candidates[name]()
            if number >= warmup:
                figures[name].append(sample)
    return Figures(figures)


def repeat(function: Callable[[], object], count: int) -> Candidate:
    """A candidate that calls `function` so many times a round and tells the milliseconds of one call."""

    def candidate() -> Sample:
        start = time.perf_counter()
        for _number in range(count):
            function()
        return {"ms": (time.perf_counter() - start) / count * 1000}

    return candidate


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of `values` do not exceed (nearest rank)."""
    ascending = sorted(values)
    return ascending[max(0, -(-len(ascending) * percent // 100).__int__() - 1)]


@dataclass(frozen=True)
class Target:
    """A promise: `value` is at most, or at least, `limit`."""

    name: str
    value: Spread
    limit: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value.median >= self.limit if self.at_least else self.value.median <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{'met   ' if self.is_met else 'MISSED'}  {self.name}: {self.value}, target {sign} {_short(self.limit)}"


@dataclass
class Report:
    """One hot path: what was measured where, the ratios asked for, and facts found on the way."""

    name: str
    figures: Figures
    targets: list[Target]
    postgresql: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        return all(target.is_met for target in self.targets)

    def header(self) -> dict[str, Any]:
        return {
            "python": platform.python_version(),
            "postgresql": self.postgresql,
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "rounds": len(next(iter(self.figures.rounds.values()))),
        }

    def as_json(self) -> dict[str, Any]:
        figures = {
            name: {
                quantity: {**asdict(self.figures.spread(name, quantity)), "rounds": self.figures.values(name, quantity)}
                for quantity in self.figures.quantities(name)
            }
            for name in self.figures.rounds
        }
        targets = [{**asdict(target), "met": target.is_met} for target in self.targets]
        return {"bench": self.name, **self.header(), "figures": figures, "targets": targets, "facts": self.facts}

    def __str__(self) -> str:
        heading = ", ".join(f"{name} {value}" for name, value in self.header().items() if value != "")
        rows = [("", "", "median  [quartiles]")]
        for name in self.figures.rounds:
            rows += [
                (name, quantity, str(self.figures.spread(name, quantity))) for quantity in self.figures.quantities(name)
            ]
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        return "\n".join([f"== {self.name} ==  {heading}", *_columns(rows), *facts, *map(str, self.targets)])


def show(reports: Iterable[Report], *, as_json: bool) -> str:
    """The reports for a person, or for a machine (always a list)."""
    if as_json:
        return json.dumps([report.as_json() for report in reports], indent=2)
    return "\n\n".join(map(str, reports))


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [f"{name:<{widths[0]}}  {quantity:<{widths[1]}}  {value}".rstrip() for name, quantity, value in rows]


def _short(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
