"""Pages with their lines, whatever file says them: texts, and outlines and baselines in pixels of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Number = TypeVar("Number", int, float)
Points = list[tuple[float, float]]
Box = tuple[float, float, float, float]  # left, top, and the first column and row outside

LEAST_SLOPE = math.radians(0.5)  # of a baseline that is turned level


@dataclass(frozen=True)
class PageWord:
    """A recognised word: its text, box on the page, and confidence."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True)
class PageLine:
    """A line of a page: its id there, text, outline and baseline, in pixels of the page.

    Where it was recognised, its words and confidence too, which are written and not read.
    """

    id: str
    text: str | None
    outline: Points
    baseline: Points
    words: tuple[PageWord, ...] | None = None
    confidence: float | None = None

    def box(self) -> Box:
        """What the outline goes round, its own pixels included."""
        return box_around(self.outline)


@dataclass(frozen=True)
class PageFile:
    """What a PAGE or ALTO file says of one page: its image, its size (0 where unknown), its lines in reading order."""

    image: str
    size: tuple[float, float]
    lines: list[PageLine]

    def is_one_line(self) -> bool:
        """Whether a level line fills the page: its image is that of the line, and nothing is to be cut out."""
        if len(self.lines) != 1 or not all(self.size):
            return False
        (line,), (width, height) = self.lines, self.size
        if abs(slope(line.baseline)) > LEAST_SLOPE:
            return False
        corners = {(_edge(x, width), _edge(y, height)) for x, y in line.outline}
        return corners == {("first", "first"), ("last", "first"), ("last", "last"), ("first", "last")}


def box_around(outline: Sequence[tuple[Number, Number]]) -> tuple[Number, Number, Number, Number]:
    """What an outline goes round, its own pixels included."""
    xs, ys = zip(*outline)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def slope(baseline: Points) -> float:
    """Radians by which a baseline falls to the right; 0 where there is none."""
    if len(baseline) < 2:
        return 0.0
    (x0, y0), (x1, y1) = baseline[0], baseline[-1]
    return math.atan2(y1 - y0, x1 - x0) if (x0, y0) != (x1, y1) else 0.0


def _edge(value: float, size: float) -> str:
    """Whether a coordinate is at the first or last pixel of so many, or beyond; else neither."""
    return "first" if value <= 0 else "last" if value >= size - 1 else "inside"
