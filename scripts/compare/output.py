"""Leaderboards as tables for people, and as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scripts.compare.leaderboard import Comparison, Leaderboard, Row
from scripts.console.quantities import amount, count, duration, memory, signed

if TYPE_CHECKING:
    from rich.console import Console

#: metrics.json key -> heading, and how a person reads it
COSTS: dict[str, tuple[str, Any]] = {
    "params": ("params", count),
    "fit_seconds": ("training", duration),
    "samples_per_second": ("samples/s", count),
    "peak_memory_mb": ("memory", memory),
}
LIKE_BEST = "≈"  # stands before what is not distinguishable from the best


def rows_for_people(board: Leaderboard) -> list[dict[str, str]]:
    """A row a configuration, every cell as it is to be read."""
    rows = []
    for row in board.rows:
        cells = {key: _cell(row.configuration.settings.get(key, "")) for key in board.setting_keys}
        if not cells:
            cells = {"module": row.configuration.name}
        if row.configuration.is_baseline:
            first = next(iter(cells))
            cells[first] += " (baseline)"
        cells[board.metric] = with_interval(row.mean, row.half_interval)
        cells["n"] = str(row.num_runs)
        cells["vs. best"] = versus_best(row)
        for key, (heading, shown) in COSTS.items():
            value = row.average(key)
            cells[heading] = "" if not value else shown(value)
        rows.append(cells)
    return rows


def with_interval(value: float, half_interval: float | None) -> str:
    """The interval is left out where every run gave the same, as a baseline without chance does."""
    return f"{amount(value)} ± {amount(half_interval)}" if half_interval else amount(value)


def versus_best(row: Row) -> str:
    """`best`, or the difference with its interval; marked where it may be nothing."""
    difference = row.versus_best
    if difference is None:
        return "best"
    if difference.half_interval is None:
        return f"{signed(difference.value)} ?"
    mark = f"{LIKE_BEST} " if row.is_like_best else ""
    return f"{mark}{signed(difference.value)} ± {amount(difference.half_interval)}"


def notes(board: Leaderboard) -> list[str]:
    """What has to be known to read a leaderboard."""
    covered = [row.versus_best.covers for row in board.rows if row.versus_best]
    like_best = sum(row.is_like_best for row in board.rows)
    lines = []
    if any(row.half_interval is not None for row in board.rows):
        lines.append("±: 95 % interval of the mean over n runs (Student's t)")
    if covered:
        lines.append(f"vs. best: difference with its 95 % interval, {_uncertainty(covered)}")
    if like_best:
        lines.append(f"{LIKE_BEST}: not distinguishable from the best ({like_best} of {len(covered)})")
    if any(not covers for covers in covered):
        lines.append("?: one run and no predictions that the metric can be had from: nothing says whether it is real")
    if board.without_value:
        lines.append(f"{board.without_value} runs finished without a finite {board.metric}")
    return lines


def _uncertainty(covered: Sequence[tuple[str, ...]]) -> str:
    kinds = {covers for covers in covered if covers}
    words = {
        ("examples", "seeds"): "over test examples (paired bootstrap) and seeds, their squared errors added",
        ("examples",): "over test examples (paired bootstrap); seeds not counted where a side has one",
        ("seeds",): "over seeds",
    }
    return "; ".join(text for kind, text in words.items() if kind in kinds) or "unknown"


def endings(comparison: Comparison) -> str:
    """`17 runs: 15 finished, 1 failed, 1 unfinished`."""
    counts = comparison.counts
    total = sum(counts.values())
    unranked = f"; {comparison.num_unranked} on other data, without the metric" if comparison.num_unranked else ""
    ways = ", ".join(f"{number} {status}" for status, number in counts.items() if number or status == "finished")
    return f"{total} {'run' if total == 1 else 'runs'}: {ways}{unranked}"


def reasons(comparison: Comparison) -> list[str]:
    """Why runs did not finish, each with its folder; the first ten."""
    ended = [run for run in comparison.runs if run.metrics is None and run.reason]
    lines = [f"{run.status}: {run.folder.path}: {run.reason}" for run in ended[:10]]
    return lines + ([f"... and {len(ended) - 10} more"] if len(ended) > 10 else [])


def why_apart(comparison: Comparison, board: Leaderboard) -> str:
    """Why a leaderboard stands alone, where there are several."""
    if len(comparison.leaderboards) < 2:
        return ""
    return "on other data: " + ", ".join(f"{key}={value}" for key, value in board.data.differs.items())


def show(comparison: Comparison, console: Console) -> None:
    """Everything for a person at a terminal."""
    from rich import box
    from rich.table import Table

    for board in comparison.leaderboards:
        rows = rows_for_people(board)
        title = " ".join(filter(None, [board.data.title, why_apart(comparison, board)]))
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
        for key in rows[0]:
            is_setting = key in board.setting_keys or key == "module"
            table.add_column(key, justify="left" if is_setting else "right", overflow="fold")
        for row, cells in zip(board.rows, rows):
            style = "bold" if row.is_best else "dim" if row.configuration.is_baseline else None
            table.add_row(*cells.values(), style=style)
        console.print(table)
        for line in notes(board):
            console.print(f"  {line}", highlight=False)
    for line in [endings(comparison), *reasons(comparison)]:
        console.print(line, highlight=False, soft_wrap=True)


def as_markdown(comparison: Comparison) -> str:
    lines: list[str] = []
    for board in comparison.leaderboards:
        rows = rows_for_people(board)
        apart = why_apart(comparison, board)
        lines += [f"**{board.data.title}**" + (f" {apart}" if apart else ""), ""]
        lines.append("| " + " | ".join(_escaped(key) for key in rows[0]) + " |")
        lines.append("|" + "|".join("---" if key in board.setting_keys else "---:" for key in rows[0]) + "|")
        lines += ["| " + " | ".join(_escaped(cell) for cell in row.values()) + " |" for row in rows]
        lines += ["", *(f"- {line}" for line in notes(board)), ""]
    return "\n".join([*lines, endings(comparison)]) + "\n"


def as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "tables": [
            {
                "data": board.data.title,
                "differs": board.data.differs,
                "metric": board.metric,
                "runs_without_value": board.without_value,
                "rows": [_record(board, row) for row in board.rows],
            }
            for board in comparison.leaderboards
        ],
        "runs": comparison.counts,
        "not_finished": [
            {"run": str(run.folder.path), "status": run.status, "reason": run.reason}
            for run in comparison.runs
            if run.metrics is None
        ],
    }


def as_csv(comparison: Comparison) -> str:
    """One table for all: a column `data` tells sets of data apart."""
    records = []
    for board in comparison.leaderboards:
        for row in board.rows:
            record = _record(board, row)
            versus = record.pop("versus_best") or {}
            low, high = record.pop("interval") or (None, None)
            record["runs"] = " ".join(record["runs"])
            record["seeds"] = " ".join(map(str, record["seeds"]))
            records.append(
                {"data": board.data.title, **record.pop("settings"), **record, "low": low, "high": high}
                | {f"versus_best_{key}": versus.get(key) for key in ("difference", "half_interval", "is_real")}
            )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for record in records for key in record)))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _record(board: Leaderboard, row: Row) -> dict[str, Any]:
    versus = row.versus_best
    half = row.half_interval
    return {
        "name": row.configuration.name,
        "settings": row.configuration.settings,
        "is_baseline": row.configuration.is_baseline,
        "metric": board.metric,
        "mean": row.mean,
        "interval": None if half is None else [row.mean - half, row.mean + half],
        "n": row.num_runs,
        "seeds": [run.seed for run in row.configuration.runs],
        "versus_best": versus
        and {
            "difference": versus.value,
            "half_interval": versus.half_interval,
            "covers": list(versus.covers),
            "is_real": versus.is_real,
        },
        **{key: row.average(key) for key in COSTS},
        "runs": [str(run.folder.path) for run in row.configuration.runs],
    }


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
