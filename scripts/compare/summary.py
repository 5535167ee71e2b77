"""Summary of a sweep: the leaderboard, the report, and the next commands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.compare import output
from scripts.compare.leaderboard import Comparison, compare
from scripts.compare.runs import Run, read_runs
from scripts.compare.verdict import verdict
from scripts.console.program_path import program

if TYPE_CHECKING:
    from rich.console import Console


def print_results(sweep: Path) -> None:
    """Print the results of a sweep on standard error and write `report.html` into its folder."""
    from scripts.console.wide import wide_console

    console = wide_console(stderr=True)
    comparison = compare(read_runs([str(sweep)]))
    output.show(comparison, console)
    print_where(sweep, comparison, console)


def print_where(sweep: Path, comparison: Comparison, console: Console) -> None:
    """Write the report of a sweep, and print its path and the next commands."""
    lines = [f"winner:      {verdict(board)}" for board in comparison.leaderboards]
    lines.append(f"runs:        {sweep}")
    if comparison.leaderboards:
        from scripts.compare.report.page import write_report

        lines.append(f"report:      {write_report(comparison, sweep / 'report.html')}   (open it in a browser)")
    lines.append(f"TensorBoard: {program('tensorboard')} --logdir {shlex.quote(str(sweep))}")
    lines.append("             curves at http://localhost:6006, settings and results at http://localhost:6006/#hparams")
    best = best_run(comparison)
    if best:
        lines.append(
            f"predict:     {program('python')} scripts/predict.py {shlex.quote(str(best.folder.path))} {_example(best)}"
        )
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def best_run(comparison: Comparison) -> Run | None:
    """A run of the best configuration, the first of its seeds; None where nothing has finished."""
    if not comparison.leaderboards:
        return None
    return comparison.leaderboards[0].rows[0].configuration.runs[0]


def _example(run: Run) -> str:
    """Something to ask the run: a test example's text where it has one."""
    table = run.predictions()
    if table is None or "text" not in table.columns:
        return "INPUT"
    texts = table["text"].to_list()
    likely = (text for text in texts if len(text) > 4 and text.isalpha() and text.istitle())
    return shlex.quote(next(likely, texts[0]))
