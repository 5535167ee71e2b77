"""Charts as SVG text; colours are classes, so that the page's style decides them for light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from scripts.console.quantities import amount, count

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 40
NUM_COLOURS = 8  # s0 ... s7 in style.css; `base` is everything else


@dataclass
class Axis:
    """A range of numbers along one side of a chart."""

    low: float
    high: float
    log: bool = False
    label: str = ""

    @classmethod
    def around(cls, values: Sequence[float], label: str, log: bool = False) -> Axis:
        """A range with some room at both ends."""
        low, high = min(values), max(values)
        if log:
            room = max(high / low, 1.3) ** 0.08
            return cls(low / room, high * room, True, label)
        room = 0.07 * (high - low) or 0.1 * abs(high) or 1.0
        return cls(low - room, high + room, False, label)

    def share(self, value: float) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Three to seven round numbers."""
        if self.log:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
                found = [s * 10.0**e for e in exponents for s in steps if self.low <= s * 10.0**e <= self.high]
                if len(found) >= 3:
                    return found[:: -(-len(found) // 7)]
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / 3))
        step = next((step * s for s in (1, 2, 5, 10) if span / (step * s) <= 7.5), step * 10)
        first = math.ceil(self.low / step)
        return [round(i * step, 12) for i in range(first, math.floor(self.high / step) + 1)]


@dataclass
class Chart:
    """Marks over two axes; `svg()` draws it."""

    title: str
    x: Axis
    y: Axis
    x_names: dict[float, str] | None = None  # where x stands for words
    marks: list[str] = field(default_factory=list)
    labels: list[tuple[float, float, float, float]] = field(default_factory=list)  # boxes of the names so far

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT)
        return across, TOP + (1 - self.y.share(y)) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], colour: str, title: str = "", style: str = "line") -> None:
        places = " ".join("{:.1f},{:.1f}".format(*self.at(x, y)) for x, y in points)
        self.marks.append(f'<polyline class="{style} {colour}" points="{places}">{_title(title)}</polyline>')

    def dot(self, x: float, y: float, colour: str, title: str, half: float | None = None, hollow: bool = False) -> None:
        across, up = self.at(x, y)
        if half:
            ends = [max(min(self.at(x, y + sign * half)[1], HEIGHT - BOTTOM), TOP) for sign in (1, -1)]
            place = f'x1="{across:.1f}" x2="{across:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"'
            self.marks.append(f'<line class="whisker {colour}" {place}/>')
        kind = "hollow" if hollow else "dot"
        self.marks.append(
            f'<circle class="{kind} {colour}" cx="{across:.1f}" cy="{up:.1f}" r="4.5">{_title(title)}</circle>'
        )

    def level(self, y: float, name: str) -> None:
        """A line across for something without a place on the x-axis, such as a baseline; left out if out of range."""
        if self.y.low <= y <= self.y.high:
            up = self.at(self.x.low, y)[1]
            self.marks.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}"/>')
            self.name(self.x.low, y, name, dx=4)

    def name(self, x: float, y: float, text: str, dx: float = 8) -> None:
        """A name beside a mark, where there is room for it."""
        shown = text if len(text) <= 26 else text[:25] + "…"
        across, up = self.at(x, y)
        wide = 6.1 * len(shown)
        if across + dx + wide > WIDTH - 2:
            across, dx = across - wide, -dx
        for shift in (-5, 13):
            box = (across + dx, up + shift - 10, across + dx + wide, up + shift + 2)
            if all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in self.labels):
                self.labels.append(box)
                self.marks.append(
                    f'<text class="name" x="{across + dx:.1f}" y="{up + shift:.1f}">{escape(shown)}</text>'
                )
                return

    def svg(self) -> str:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title, quote=True)}">']
        for tick in self.y.ticks():
            up = self.at(self.x.low, tick)[1]
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{up:.1f}" y2="{up:.1f}"/>')
            parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{up + 4:.1f}">{_tick(tick)}</text>')
        names = self.x_names or {tick: _tick(tick) for tick in self.x.ticks()}
        for tick, name in names.items():
            across = self.at(tick, self.y.low)[0]
            parts.append(f'<line class="grid" x1="{across:.1f}" x2="{across:.1f}" y1="{TOP}" y2="{bottom}"/>')
            parts.append(
                f'<text class="tick mid" x="{across:.1f}" y="{bottom + 15}">{escape(_shortened(name, names))}</text>'
            )
        middle = (LEFT + right) / 2
        parts.append(f'<text class="label mid" x="{middle}" y="{HEIGHT - 6}">{escape(self.x.label)}</text>')
        return "".join([*parts, *self.marks, "</svg>"])


def _tick(value: float) -> str:
    if abs(value) >= 10000:
        return count(value)
    return amount(value).rstrip("0").rstrip(".") if "." in amount(value) and "e" not in amount(value) else amount(value)


def _shortened(name: str, names: dict[float, str]) -> str:
    room = int((WIDTH - LEFT - RIGHT) / max(len(names), 1) / 6.2)
    return name if len(name) <= room else name[: max(room - 1, 1)] + "…"


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def pareto_front(points: Sequence[tuple[float, float]], less_is_better: bool) -> list[int]:
    """Positions of the points (cost, value) that no cheaper or equally cheap point beats, in order of cost."""
    sign = 1 if less_is_better else -1
    front: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1])):
        if not front or sign * points[i][1] < sign * points[front[-1]][1]:
            front.append(i)
    return front
