"""Verdict of a leaderboard in sentences: the chosen configuration, whether it is significantly better, caveats."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.compare.leaderboard import Leaderboard, Row
from scripts.console.quantities import with_interval

LIKE_BEST = "≈"  # stands before what is not distinguishable from the best
NAMED = 3  # configurations or folders in a sentence


def reported(board: Leaderboard, row: Row) -> str:
    """The metric that reports, with its interval."""
    mean = row.average(board.reported)
    return "" if mean is None else with_interval(mean, row.configuration.half_interval(board.reported))


def is_better(board: Leaderboard, row: Row) -> bool:
    """Whether a configuration that was not chosen is really better on the split that reports."""
    difference = row.versus_best
    if difference is None or not difference.is_real or difference.value is None:
        return False
    return difference.value < 0 if board.direction == "minimize" else difference.value > 0


def verdict(board: Leaderboard) -> str:
    """Which configuration is chosen, what it reaches, and whether it is really better than the others."""
    best, *rest = board.rows
    name = f"{best.configuration.name} (baseline)" if best.configuration.is_baseline else best.configuration.name
    leader = f"{name}, {board.metric} {with_interval(best.mean, best.half_interval)}"
    if board.reported != board.metric and best.average(board.reported) is not None:
        leader += f", {board.reported} {reported(board, best)}"
    parts = [leader + (" (chosen on the test split)" if board.chosen_on_test else "")]
    alike = [row.configuration.name for row in rest if row.is_like_best]
    above = [row.configuration.name for row in rest if is_better(board, row)]
    unknown = [row for row in rest if row.versus_best and row.versus_best.is_real is None]
    behind = len(rest) - len(alike) - len(unknown) - len(above)
    where = "" if board.reported == board.metric else f" by {board.reported}"
    if alike:
        parts.append(f"cannot be told from {_some(alike)}{where}")
    if above:
        parts.append(f"{_some(above)} {'is' if len(above) == 1 else 'are'} really better{where}, but not chosen by it")
    if behind:
        parts.append(f"better than {'the other' if behind == 1 else f'the other {behind}'}{where}")
    if unknown:
        parts.append(f"nothing says whether it is better than {len(unknown)} of them{where}")
    if rest and best.num_runs == 1:
        parts.append("a run each: seed=1,2,3 would also tell chance in training")
    return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def notes(board: Leaderboard) -> list[str]:
    """Caveats of a leaderboard."""
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
        repeats = _some([str(run.folder.path) for run in board.repeats])
        are = "is a repeat" if len(board.repeats) == 1 else "are repeats"
        lines.append(
            f"{len(board.repeats)} of {total} runs {are} (same settings, data and seed) and count once: {repeats}"
        )
    lacking = [row.configuration.name for row in board.rows if row.configuration.unfinished]
    if lacking:
        lines.append(f"not all seeds have finished: {_some(lacking)}; ranked behind the complete configurations")
    return lines


def _uncertainty(covered: Sequence[tuple[str, ...]]) -> str:
    sources = {covers for covers in covered if covers}
    descriptions = {
        ("examples", "seeds"): "over test examples (paired bootstrap) and seeds, their squared errors added",
        ("examples",): "over test examples (paired bootstrap); seeds not counted where a side has one",
        ("seeds",): "over seeds",
    }
    return "; ".join(text for kind, text in descriptions.items() if kind in sources) or "unknown"
