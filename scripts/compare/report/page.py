"""The report: one HTML file with its style and figures in it, made from `page.html.jinja`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.compare import output
from scripts.compare.leaderboard import Comparison, Leaderboard
from scripts.compare.report.charts import NUM_COLOURS
from scripts.compare.report.curves import learning_curves
from scripts.compare.report.relations import cost_charts, name_of, setting_charts
from scripts.compare.runs import Run
from scripts.compare.verdict import notes, verdict
from scripts.runs.events import read_events
from scripts.runs.folder import write_whole

MOST_ROWS = 100
LEADERS = 3  # configurations whose pictures are shown
MOST_FIGURES = 4  # of each
FACTS = ("cpu", "cpus", "threads", "gpus", "platform", "python", "packages", "git_commit", "git_dirty")


def write_report(comparison: Comparison, path: str | Path) -> Path:
    """Write the page and return its path."""
    here = Path(__file__).parent
    templates = Environment(loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined)
    page = templates.get_template("page.html.jinja").render(
        title=", ".join(dict.fromkeys(board.data.title.partition(" (")[0] for board in comparison.leaderboards)),
        style=(here / "style.css").read_text(encoding="utf-8"),
        endings=output.endings(comparison),
        written=f"{datetime.now():%Y-%m-%d %H:%M}",
        boards=[_board(comparison, board) for board in comparison.leaderboards],
        unfinished=[run for run in comparison.runs if run.metrics is None][:MOST_ROWS],
        environment=list(_environment(comparison)),
        folders=[str(run.folder.path) for run in comparison.runs],
    )
    write_whole(Path(path), page)
    return Path(path)


def _board(comparison: Comparison, board: Leaderboard) -> dict[str, Any]:
    """What the template shows of a leaderboard."""
    colours = _colours(board)
    rows = output.rows_for_people(board)
    text = {key for key in rows[0] if key in board.setting_keys or key == "module"}
    return {
        "title": board.data.title,
        "apart": output.data_difference(comparison, board),
        "verdict": verdict(board),
        "columns": [{"name": key, "kind": "text" if key in text else "number"} for key in rows[0]],
        "rows": [
            {"marks": _marks(board, i), "colour": colours[i], "cells": list(shown.values())}
            for i, shown in enumerate(rows[:MOST_ROWS])
        ],
        "more": len(rows) - MOST_ROWS,
        "notes": notes(board),
        "sections": [
            ("Learning curves", _drawn(learning_curves(board, colours))),
            ("What it costs", _drawn(cost_charts(board, colours))),
            ("What it depends on", _drawn(setting_charts(board, colours))),
            ("Figures", list(_figures(board))),
        ],
    }


def _marks(board: Leaderboard, i: int) -> str:
    """Style classes of a row."""
    row = board.rows[i]
    marks = {"best": row.is_best, "like": row.is_like_best, "baseline": row.configuration.is_baseline}
    return " ".join(name for name, holds in marks.items() if holds)


def _colours(board: Leaderboard) -> dict[int, str]:
    """Row -> class: the best few have a colour each, baselines and the rest are grey."""
    trained = [i for i, row in enumerate(board.rows) if not row.configuration.is_baseline]
    classes = {i: f"s{place}" for place, i in enumerate(trained[:NUM_COLOURS])}
    return {i: classes.get(i, "base") for i in range(len(board.rows))}


def _drawn(charts: Iterable[tuple[str, str]]) -> list[tuple[str, Markup]]:
    """Charts, whose SVG is markup of this project's own, escaped where it holds names."""
    return [(caption, Markup(svg)) for caption, svg in charts]


def _figures(board: Leaderboard) -> Iterator[tuple[str, Markup]]:
    """The test figures of the leaders' first runs, or their validation figures."""
    for row in board.rows[:LEADERS]:
        folder = row.configuration.runs[0].folder
        figures = {path.stem: path.read_bytes() for path in sorted(folder.figures.glob("*.png"))}
        if not figures:
            figures = {tag.replace("/", "_"): png for tag, png in read_events(folder.path)[1].items()}
        shown = {name: png for name, png in figures.items() if name.startswith("test_")} or figures
        for name, png in list(shown.items())[:MOST_FIGURES]:
            caption = f"{name_of(row.configuration)}: {name.replace('_', ' ')}"
            data = base64.b64encode(png).decode("ascii")
            yield caption, Markup('<img alt="{}" src="data:image/png;base64,{}">').format(caption, data)


def _environment(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Versions and hardware of the runs; several values where they differ."""
    finished = [run for run in comparison.runs if run.metrics]
    for name in FACTS:
        value = ", ".join(dict.fromkeys(_fact(run, name) for run in finished))
        if value:
            yield name.replace("_", " "), value


def _fact(run: Run, name: str) -> str:
    value: Any = run.environment.get(name)
    if isinstance(value, dict):
        return ", ".join(f"{key} {version}" for key, version in value.items() if version)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
