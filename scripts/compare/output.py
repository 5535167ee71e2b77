"""Leaderboards as tables for people, and as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from scripts.compare.leaderboard import Comparison, Leaderboard, Row
from scripts.compare.verdict import LIKE_BEST, notes, reported
from scripts.console.quantities import amount, signed, with_interval
from scripts.runs.costs import COSTS

if TYPE_CHECKING:
    from rich.console import Console


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
        if board.reported != board.metric:
            cells[board.reported] = reported(board, row)
        cells["n"] = str(row.num_runs) + (f" of {row.num_runs + missing}" if (missing := _missing(row)) else "")
        cells["vs. best"] = versus_best(row)
        for key, cost in COSTS.items():
            if cost.heading is not None:
                value = row.average(key)
                cells[cost.heading] = "" if not value else cost.shown(value)
        rows.append(cells)
    return rows


def _missing(row: Row) -> int:
    return len(row.configuration.unfinished)


def versus_best(row: Row) -> str:
    """`best`, or the difference with its interval; marked where it may be nothing."""
    difference = row.versus_best
    if difference is None:
        return "best"
    if difference.value is None:
        return ""
    if difference.half_interval is None:
        return f"{signed(difference.value)} ?"
    mark = f"{LIKE_BEST} " if row.is_like_best else ""
    return f"{mark}{signed(difference.value)} ± {amount(difference.half_interval)}"


def endings(comparison: Comparison) -> str:
    """`17 runs: 15 finished, 1 failed, 1 unfinished`."""
    counts = comparison.counts
    total = sum(counts.values())
    unranked = f"; {comparison.num_unranked} on other data, without the metric" if comparison.num_unranked else ""
    counts_by_status = ", ".join(
        f"{number} {status}" for status, number in counts.items() if number or status == "finished"
    )
    return f"{total} {'run' if total == 1 else 'runs'}: {counts_by_status}{unranked}"


def reasons(comparison: Comparison) -> list[str]:
    """Why runs did not finish, each with its folder; the first ten."""
    unfinished = [run for run in comparison.runs if run.metrics is None and run.reason]
    lines = [f"{run.status}: {run.folder.path}: {run.reason}" for run in unfinished[:10]]
    return lines + ([f"... and {len(unfinished) - 10} more"] if len(unfinished) > 10 else [])


def data_difference(comparison: Comparison, board: Leaderboard) -> str:
    """Why a leaderboard stands alone, where there are several."""
    if len(comparison.leaderboards) < 2:
        return ""
    return "on other data: " + ", ".join(f"{key}={value}" for key, value in board.data.differs.items())


def show(comparison: Comparison, console: Console) -> None:
    """Print leaderboards, verdict and notes to the terminal."""
    from rich import box
    from rich.table import Table

    for board in comparison.leaderboards:
        rows = rows_for_people(board)
        title = " ".join(filter(None, [board.data.title, data_difference(comparison, board)]))
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
        difference = data_difference(comparison, board)
        lines += [f"**{board.data.title}**" + (f" {difference}" if difference else ""), ""]
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
                "reported": board.reported,
                "direction": board.direction,
                "chosen_on_test": board.chosen_on_test,
                "runs_without_value": board.without_value,
                "repeats": [str(run.folder.path) for run in board.repeats],
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
            on_test = record.pop("reported")
            low_reported, high_reported = on_test["interval"] or (None, None)
            record["runs"] = " ".join(record["runs"])
            record["seeds"] = " ".join(map(str, record["seeds"]))
            records.append(
                {"data": board.data.title, **record.pop("settings"), **record, "low": low, "high": high}
                | {"reported": on_test["metric"], "reported_mean": on_test["mean"]}
                | {"reported_low": low_reported, "reported_high": high_reported}
                | {f"versus_best_{key}": versus.get(key) for key in ("difference", "half_interval", "is_real")}
            )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for record in records for key in record)))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _record(board: Leaderboard, row: Row) -> dict[str, Any]:
    versus = row.versus_best
    half, half_reported = row.half_interval, row.configuration.half_interval(board.reported)
    on_reported = row.average(board.reported)
    return {
        "name": row.configuration.name,
        "settings": row.configuration.settings,
        "is_baseline": row.configuration.is_baseline,
        "metric": board.metric,
        "mean": row.mean,
        "interval": None if half is None else [row.mean - half, row.mean + half],
        "reported": {
            "metric": board.reported,
            "mean": on_reported,
            "interval": None
            if half_reported is None or on_reported is None
            else [on_reported - half_reported, on_reported + half_reported],
        },
        "n": row.num_runs,
        "unfinished": len(row.configuration.unfinished),
        "seeds": [run.seed for run in row.configuration.runs],
        "versus_best": None
        if versus is None
        else {
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
