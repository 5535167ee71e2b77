"""Learning curves of the best configurations."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from html import escape

from scripts.compare.leaderboard import Leaderboard
from scripts.compare.report.charts import NUM_COLOURS, Axis, Chart
from scripts.compare.runs import Run
from scripts.runs.events import Curve, read_events

RUNS_EACH = 5  # seeds drawn of a configuration
POINTS = 300  # drawn of a curve


def learning_curves(board: Leaderboard, colours: dict[int, str]) -> Iterator[tuple[str, str]]:
    """(caption, content): the metric that ranks on the validation split, and the losses of training and validation."""
    rows = [(i, row) for i, row in enumerate(board.rows) if not row.configuration.is_baseline][:NUM_COLOURS]
    read = [(i, row, [_curves(run) for run in row.configuration.runs[:RUNS_EACH]]) for i, row in rows]
    metric = f"val/{board.metric.partition('/')[2]}"
    curves_to_draw = [({metric: "line"}, metric)]
    if metric != "val/loss":
        curves_to_draw.append(({"train/loss": "line", "val/loss": "line dashed"}, "loss: training —, validation - -"))
    for tags, caption in curves_to_draw:
        lines = [
            (points, colours[i], row.configuration.name, style)
            for i, row, runs in read
            for curves in runs
            for tag, style in tags.items()
            if len(points := curves.get(tag, [])) > 1
        ]
        if not lines:
            continue
        drawn = [point for points, *_ in lines for point in points]
        chart = Chart(
            caption, Axis(0, max(x for x, _ in drawn), label="epoch"), Axis.around(_usual([y for _, y in drawn]), "")
        )
        for points, colour, name, style in lines:
            inside = [(x, min(max(y, chart.y.low), chart.y.high)) for x, y in points]
            chart.line(inside, colour, name, style)
        yield caption, chart.svg() + _legend({name: colour for _, colour, name, _ in lines})


def _legend(colours: dict[str, str]) -> str:
    names = (f'<span><i class="swatch {colour}"></i>{escape(name)}</span>' for name, colour in colours.items())
    return f'<div class="legend">{"".join(names)}</div>'


def _usual(values: list[float]) -> list[float]:
    """Without the highest twentieth where that is far off: a first loss must not flatten the rest."""
    ordered = sorted(values)
    kept = ordered[: max(2, int(0.97 * len(ordered)))]
    return kept if ordered[-1] - kept[-1] > kept[-1] - kept[0] else ordered


def _curves(run: Run) -> dict[str, list[tuple[float, float]]]:
    """Tag -> (epoch, value): steps are given in epochs, as batch sizes differ."""
    curves, _ = read_events(run.folder.path)
    ends = [(0, 0.0), *((step, epoch + 1) for step, epoch in curves.get("epoch", []))]
    return {tag: _thinned([(_epoch(step, ends), y) for step, y in points]) for tag, points in _finite(curves).items()}


def _finite(curves: dict[str, Curve]) -> dict[str, Curve]:
    return {tag: [(step, y) for step, y in points if abs(y) < float("inf")] for tag, points in curves.items()}


def _epoch(step: int, ends: list[tuple[int, float]]) -> float:
    at = bisect_left(ends, (step, 0.0))
    if len(ends) < 2:
        return float(step)
    (s0, e0), (s1, e1) = ends[max(at - 1, 0)] if at < len(ends) else ends[-2], ends[min(max(at, 1), len(ends) - 1)]
    return e0 + (e1 - e0) * (step - s0) / max(s1 - s0, 1)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return points[:: max(1, len(points) // POINTS)]
