"""Draws how figures went from run to run: lines as an SVG's points, and the same numbers as rows of a table.

Runs stand at equal distances, oldest first: by the clock, those of one afternoon would lie on each other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from chatbot.models import EvaluationRun

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 14, 28
_MARK = 4


@dataclass(frozen=True)
class Line:
    """One figure over the runs. `paths` are its unbroken stretches, `marks` one shape a run; `values` go in a table."""

    label: str
    look: int
    sample: str
    paths: Sequence[str]
    marks: Sequence[str]
    values: Sequence[str]


@dataclass(frozen=True)
class Tick:
    """A level of the chart: where its hairline lies, and its word."""

    y: str
    label: str


@dataclass(frozen=True)
class Chart:
    """A figure of several methods, or several figures of the answers, over the same runs."""

    title: str
    runs: Sequence[EvaluationRun]
    lines: Sequence[Line]
    ticks: Sequence[Tick]

    @property
    def rows(self) -> list[tuple[EvaluationRun, list[str]]]:
        """The chart as a table: for each run, newest first, the value of every line."""
        values = [[line.values[at] for line in self.lines] for at in range(len(self.runs))]
        return list(zip(self.runs, values, strict=True))[::-1]

    @property
    def bottom(self) -> str:
        """Where the dates stand, as the lowest of the ticks does."""
        return _number(HEIGHT - 8)


def chart(
    title: str,
    runs: Sequence[EvaluationRun],
    labels: Mapping[str, str],
    format_value: Callable[[float | None, int], str],
) -> Chart | None:
    """The figures at the paths that `labels` names, over those of the `runs` that have any; None where none has.

    `format_value` writes a figure for the reader, to so many places.
    """
    runs = [run for run in runs if any(run.figure(path) is not None for path in labels)]
    series = {path: [run.figure(path) for run in runs] for path in labels}
    figures = [value for values in series.values() for value in values if value is not None]
    if not figures:
        return None
    floor = min(math.floor(min(figures) * 10) / 10, 0.9)
    lines = []
    for look, (path, values) in enumerate(series.items(), start=1):
        if any(value is not None for value in values):
            paths, marks = _draw_line(look, values, floor)
            value_labels = [format_value(value, 3) for value in values]
            lines.append(Line(labels[path], look, _mark(look, 16, 8), paths, marks, value_labels))
    steps = round((1 - floor) * 10)
    levels = [round(floor + step / 10, 1) for step in range(0, steps + 1, 1 if steps <= 5 else 2)]
    return Chart(title, runs, lines, [Tick(_number(_y(level, floor)), format_value(level, 1)) for level in levels])


def _draw_line(look: int, values: Sequence[float | None], floor: float) -> tuple[list[str], list[str]]:
    """The unbroken stretches of a line, and its marks."""
    points = [None if value is None else (_x(at, len(values)), _y(value, floor)) for at, value in enumerate(values)]
    paths = [
        "M" + "L".join(f"{_number(point[0])} {_number(point[1])}" for point in stretch if point)
        for is_measured, stretch in groupby(points, key=lambda point: point is not None)
        if is_measured
    ]
    return paths, [_mark(look, *point) for point in points if point]


def _mark(look: int, x: float, y: float) -> str:
    """A shape of its own for each line, so that none is told by colour alone: disc, square, triangle, diamond."""
    size = _MARK
    if look == 1:
        radius = _number(size)
        half = f"a{radius} {radius} 0 1 0 "
        return f"M{_number(x - size)} {_number(y)}{half}{2 * size} 0{half}{-2 * size} 0Z"
    corners = {
        2: [(-size, -size), (size, -size), (size, size), (-size, size)],
        3: [(0, -size - 1), (size + 1, size), (-size - 1, size)],
    }.get(look, [(0, -size - 1), (size + 1, 0), (0, size + 1), (-size - 1, 0)])
    return "M" + "L".join(f"{_number(x + across)} {_number(y + down)}" for across, down in corners) + "Z"


def _x(at: int, count: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (at / (count - 1) if count > 1 else 0.5)


def _y(value: float, floor: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - floor) / (1 - floor))


def _number(value: float) -> str:
    """With a point, whatever the reader's language: it is read by a browser."""
    return f"{value:.1f}".removesuffix(".0")
