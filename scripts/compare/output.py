"""Leaderboards as tables for people, and as JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scripts.compare.leaderboard import Comparison, Leaderboard, Row
from scripts.console.quantities import amount, signed
from scripts.runs.costs import COSTS

if TYPE_CHECKING:
    from rich.console import Console

LIKE_BEST = "≈"  # stands before what is not distinguishable from the best
NAMED = 3  # configurations or folders in a sentence


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


def reported(board: Leaderboard, row: Row) -> str:
    """The metric that reports, with its interval."""
    mean = row.average(board.reported)
    return "" if mean is None else with_interval(mean, row.configuration.half_interval(board.reported))


def with_interval(value: float, half_interval: float | None) -> str:
    """The interval is left out where every run gave the same, as a baseline without chance does."""
    return f"{amount(value)} ± {amount(half_interval)}" if half_interval else amount(value)


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


def is_better(board: Leaderboard, row: Row) -> bool:
    """Whether a configuration that was not chosen is really better on the split that reports."""
    difference = row.versus_best
    if difference is None or not difference.is_real or difference.value is None:
        return False
    return difference.value < 0 if board.direction == "minimize" else difference.value > 0


def verdict(board: Leaderboard) -> str:
    """Which configuration is chosen, what it reaches, and whether it is really better than the others."""
    best, *others = board.rows
    name = f"{best.configuration.name} (baseline)" if best.configuration.is_baseline else best.configuration.name
    said = f"{name}, {board.metric} {with_interval(best.mean, best.half_interval)}"
    if board.reported != board.metric and best.average(board.reported) is not None:
        said += f", {board.reported} {reported(board, best)}"
    parts = [said + (" (chosen on the test split)" if board.chosen_on_test else "")]
    alike = [row.configuration.name for row in others if row.is_like_best]
    above = [row.configuration.name for row in others if is_better(board, row)]
    unknown = [row for row in others if row.versus_best and row.versus_best.is_real is None]
    behind = len(others) - len(alike) - len(unknown) - len(above)
    where = "" if board.reported == board.metric else f" by {board.reported}"
    if alike:
        parts.append(f"cannot be told from {_some(alike)}{where}")
    if above:
        parts.append(f"{_some(above)} {'is' if len(above) == 1 else 'are'} really better{where}, but not chosen by it")
    if behind:
        parts.append(f"better than {'the other' if behind == 1 else f'the other {behind}'}{where}")
    if unknown:
        parts.append(f"nothing says whether it is better than {len(unknown)} of them{where}")
    if others and best.num_runs == 1:
        parts.append("a run each: seed=1,2,3 would also tell chance in training")
    return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def notes(board: Leaderboard) -> list[str]:
    """What has to be known to read a leaderboard."""
    covered = [row.versus_best.covers for row in board.rows if row.versus_best and row.versus_best.value is not None]
    like_best = sum(row.is_like_best for row in board.rows)
    lines = []
    if board.reported != board.metric:
        lines.append(f"chosen by {board.metric}; {board.reported} reports")
    elif board.chosen_on_test:
        lines.append(f"chosen by {board.metric}: a choice made on the test split makes the figure of the best too good")
    if not board.is_declared:
        lines.append(f"{board.metric}: its class declares no direction; higher is taken for better")
    if any(row.half_interval is not None for row in board.rows):
        lines.append("±: 95 % interval of the mean over n runs (Student's t)")
    if covered:
        of = f" of {board.reported}" if board.reported != board.metric else ""
        lines.append(f"vs. best: difference{of} with its 95 % interval, {_uncertainty(covered)}")
    if like_best:
        lines.append(f"{LIKE_BEST}: not distinguishable from the best ({like_best} of {len(covered)})")
    if any(not covers for covers in covered):
        lines.append("?: one run and no predictions that the metric can be had from: nothing says whether it is real")
    if board.without_value:
        lines.append(f"{board.without_value} runs finished without a finite {board.metric}")
    if board.repeats:
        total = len(board.repeats) + sum(row.num_runs for row in board.rows) + board.without_value
        named = _some([str(run.folder.path) for run in board.repeats])
        are = "is a repeat" if len(board.repeats) == 1 else "are repeats"
        lines.append(
            f"{len(board.repeats)} of {total} runs {are} (same settings, data and seed) and count once: {named}"
        )
    lacking = [row.configuration.name for row in board.rows if row.configuration.unfinished]
    if lacking:
        lines.append(f"not all seeds have finished: {_some(lacking)}; ranked behind the complete configurations")
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
