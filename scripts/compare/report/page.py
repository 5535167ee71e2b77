"""The report: one HTML file with its style and pictures in it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from scripts.compare import output
from scripts.compare.leaderboard import Comparison, Leaderboard
from scripts.compare.report.charts import NUM_COLOURS
from scripts.compare.report.curves import learning_curves
from scripts.compare.report.relations import cost_charts, name_of, setting_charts
from scripts.compare.runs import Run
from scripts.runs.events import read_events
from scripts.runs.folder import write_whole

MOST_ROWS = 100
LEADERS = 3  # configurations whose pictures are shown
MOST_PICTURES = 4  # of each
FACTS = ("cpu", "cpus", "threads", "gpus", "platform", "python", "packages", "git_commit", "git_dirty")


def write_report(comparison: Comparison, path: str | Path) -> Path:
    """Write the page and return its path."""
    title = ", ".join(dict.fromkeys(board.data.title.partition(" (")[0] for board in comparison.leaderboards))
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{escape(output.endings(comparison))} · {datetime.now():%Y-%m-%d %H:%M}</p>',
        *(part for board in comparison.leaderboards for part in _board(comparison, board)),
        *_not_finished(comparison),
        *_environment(comparison),
    ]
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title><style>{style}</style></head>'
    )
    path = Path(path)
    write_whole(path, f"{head}<body><main>{''.join(body)}</main></body></html>\n")
    return path


def _board(comparison: Comparison, board: Leaderboard) -> Iterable[str]:
    colours = _colours(board)
    apart = output.why_apart(comparison, board)
    yield f"<h2>{escape(board.data.title)}</h2>"
    if apart:
        yield f'<p class="quiet">{escape(apart)}</p>'
    yield f'<p class="lead">{escape(output.verdict(board))}</p>'
    yield _table(board, colours)
    yield "".join(f'<p class="note">{escape(line)}</p>' for line in output.notes(board))
    yield from _section("Learning curves", learning_curves(board, colours))
    yield from _section("What it costs", cost_charts(board, colours))
    yield from _section("What it depends on", setting_charts(board, colours))
    yield from _section("Figures", _figures(board))


def _colours(board: Leaderboard) -> dict[int, str]:
    """Row -> class: the best few have a colour of their own, baselines and the rest are grey."""
    trained = [i for i, row in enumerate(board.rows) if not row.configuration.is_baseline]
    named = {i: f"s{place}" for place, i in enumerate(trained[:NUM_COLOURS])}
    return {i: named.get(i, "base") for i in range(len(board.rows))}


def _table(board: Leaderboard, colours: dict[int, str]) -> str:
    rows = output.rows_for_people(board)
    text = {key for key in rows[0] if key in board.setting_keys or key == "module"}
    cells = "".join(f'<th class="{"text" if key in text else "number"}">{escape(key)}</th>' for key in rows[0])
    lines = [f"<thead><tr>{cells}</tr></thead><tbody>"]
    for i, (row, shown) in enumerate(list(zip(board.rows, rows))[:MOST_ROWS]):
        marks = ["best" if row.is_best else "", "like" if row.is_like_best else ""]
        kind = " ".join(filter(None, [*marks, "baseline" if row.configuration.is_baseline else ""]))
        swatch = f'<i class="swatch {colours[i]}"></i>'
        cells = "".join(
            f'<td class="{"text" if key in text else "number"}">{swatch if place == 0 else ""}{escape(cell)}</td>'
            for place, (key, cell) in enumerate(shown.items())
        )
        lines.append(f'<tr class="{kind}">{cells}</tr>')
    more = len(rows) - MOST_ROWS
    rest = f'<p class="note">and {more} more: compare.py prints all</p>' if more > 0 else ""
    return f'<div class="wide"><table>{"".join(lines)}</tbody></table></div>{rest}'


def _section(heading: str, figures: Iterable[tuple[str, str]]) -> Iterable[str]:
    made = [f"<figure><figcaption>{escape(caption)}</figcaption>{content}</figure>" for caption, content in figures]
    if made:
        yield f'<h3>{escape(heading)}</h3><div class="figures">{"".join(made)}</div>'


def _figures(board: Leaderboard) -> Iterable[tuple[str, str]]:
    """The test pictures of the leaders' first runs, or their validation pictures."""
    for row in board.rows[:LEADERS]:
        folder = row.configuration.runs[0].folder
        figures = {path.stem: path.read_bytes() for path in sorted(folder.figures.glob("*.png"))}
        if not figures:
            figures = {tag.replace("/", "_"): png for tag, png in read_events(folder.path)[1].items()}
        shown = {name: png for name, png in figures.items() if name.startswith("test_")} or figures
        for name, png in list(shown.items())[:MOST_PICTURES]:
            caption = f"{name_of(row.configuration)}: {name.replace('_', ' ')}"
            data = base64.b64encode(png).decode("ascii")
            yield caption, f'<img alt="{escape(caption, quote=True)}" src="data:image/png;base64,{data}">'


def _not_finished(comparison: Comparison) -> Iterable[str]:
    runs = [run for run in comparison.runs if run.metrics is None]
    if runs:
        lines = "".join(
            f"<tr><td>{escape(run.status)}</td><td>{escape(run.folder.path.name)}</td><td>{escape(run.reason)}</td></tr>"
            for run in runs[:MOST_ROWS]
        )
        yield f'<h2>Without results</h2><div class="wide"><table>{lines}</table></div>'


def _environment(comparison: Comparison) -> Iterable[str]:
    """What the runs were made with; several values where they differ."""
    finished = [run for run in comparison.runs if run.metrics]
    rows = [(name, ", ".join(dict.fromkeys(_fact(run, name) for run in finished))) for name in FACTS]
    lines = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(value)}</td></tr>" for name, value in rows if value
    )
    yield f'<h2>Environment</h2><div class="wide"><table class="facts">{lines}</table></div>'
    folders = "".join(f"<li>{escape(str(run.folder.path))}</li>" for run in comparison.runs)
    yield f"<details><summary>{len(comparison.runs)} run folders</summary><ul>{folders}</ul></details>"


def _fact(run: Run, name: str) -> str:
    value: Any = run.environment.get(name)
    if isinstance(value, dict):
        return ", ".join(f"{key} {version}" for key, version in value.items() if version)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
