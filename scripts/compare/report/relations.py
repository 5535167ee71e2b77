"""Charts of the metric against costs and against settings."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.compare.configurations import Configuration
from scripts.compare.leaderboard import Leaderboard, Row
from scripts.compare.report.charts import Axis, Chart, pareto_front
from scripts.console.quantities import amount, with_interval
from scripts.runs.costs import COSTS

MOST_VALUES = 12  # values of a setting that a chart has room for
MOST_CHARTS = 12


def cost_charts(board: Leaderboard, colours: dict[int, str]) -> Iterator[tuple[str, str]]:
    """(caption, SVG): the metric against parameters and training time, with the Pareto front."""
    for cost, x_label in ((name, cost.axis) for name, cost in COSTS.items() if cost.axis):
        found = [(i, row, row.average(cost) or 0.0) for i, row in enumerate(board.rows)]
        placed = [(i, row, value) for i, row, value in found if value > 0 and not row.configuration.is_baseline]
        levels = [row for _, row, value in found if row.configuration.is_baseline]
        if not placed:
            continue
        values = [row.mean for _, row, _ in placed]
        costs = [value for *_, value in placed]
        chart = Chart(
            f"{board.metric} against {x_label}",
            Axis.around(costs, x_label, log=True),
            Axis.around(values + _near(levels, values), ""),
        )
        _levels(chart, levels)
        front = pareto_front([(value, row.mean) for _, row, value in placed], board.direction == "minimize")
        chart.line([(costs[p], values[p]) for p in front], "front", "Pareto front", "line")
        for place in sorted(range(len(placed)), key=lambda p: p not in front):
            i, row, value = placed[place]
            shown = with_interval(row.mean, row.half_interval)
            title = f"{row.configuration.name}: {shown}, {COSTS[cost].shown(value)}"
            chart.dot(value, row.mean, colours[i], title, row.half_interval, hollow=place not in front)
            if place in front or len(placed) <= 12:
                chart.name(value, row.mean, row.configuration.name)
        yield f"{board.metric} against {x_label}; line and filled dots: the Pareto front", chart.svg()


def setting_charts(board: Leaderboard, colours: dict[int, str]) -> Iterator[tuple[str, str]]:
    """(caption, SVG) for each setting that differs: every run's metric over the setting's values."""
    rows = [(i, row) for i, row in enumerate(board.rows) if not row.configuration.is_baseline]
    drawn = 0
    for key in board.setting_keys:
        points = [
            (row.configuration.settings[key], value, colours[i], row.configuration.name)
            for i, row in rows
            for value in row.configuration.values(board.metric)
            if row.configuration.settings.get(key, "") != ""
        ]
        options = list(dict.fromkeys(value for value, *_ in points))
        if len(options) < 2 or drawn == MOST_CHARTS:
            continue
        chart = _against_setting(key, options, [y for _, y, *_ in points])
        if chart is None:
            continue
        for value, y, colour, name in points:
            x = value if chart.x_names is None else options.index(value)
            chart.dot(float(x), y, colour, f"{name}: {amount(y)}")
        drawn += 1
        yield f"{board.metric} over {key}, a dot a run", chart.svg()


def _against_setting(key: str, options: list, values: list[float]) -> Chart | None:
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in options)
    y = Axis.around(values, "")
    if numeric:
        log = min(options) > 0 and max(options) / min(options) >= 8
        return Chart(key, Axis.around(options, key, log=log), y)
    if len(options) > MOST_VALUES:
        return None
    names = {float(i): str(value) for i, value in enumerate(options)}
    return Chart(key, Axis(-0.5, len(options) - 0.5, label=key), y, x_names=names)


def _levels(chart: Chart, baselines: list[Row]) -> None:
    for row in baselines:
        chart.level(row.mean, name_of(row.configuration))


def _near(baselines: list[Row], values: list[float]) -> list[float]:
    """Baselines that are not so far off that they would flatten everything else."""
    span = max(max(values) - min(values), 0.05 * abs(max(values)))
    return [row.mean for row in baselines if min(values) - 2 * span <= row.mean <= max(values) + 2 * span]


def name_of(configuration: Configuration) -> str:
    return f"{configuration.name} (baseline)" if configuration.is_baseline else configuration.name
