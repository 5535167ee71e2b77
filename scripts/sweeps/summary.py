"""Summary of a finished sweep, on standard error."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from scripts.compare import output
from scripts.compare.leaderboard import Comparison, compare
from scripts.compare.runs import read_runs
from scripts.compare.summary import print_where
from scripts.config.override import Override
from scripts.console.tables import table
from scripts.console.wide import wide_console
from scripts.sweeps.search.objectives import Objective
from scripts.sweeps.search.study import Search
from scripts.sweeps.search.winner import (
    Winner,
    at_boundaries,
    command,
    sweep_objectives,
    winners,
    without_seed,
    write_experiment,
)
from scripts.sweeps.sweep import Sweep


def report_results(sweep: Sweep) -> None:
    """Print the leaderboard, the winner, failures with their logs, and the next commands."""
    console = wide_console(stderr=True)
    comparison = None
    if any(job.state == "finished" for job in sweep.manifest.jobs):
        objectives = sweep_objectives(sweep)
        if sweep.settings.objective or sweep.settings.trials:
            sweep.manifest.objectives = [{"metric": o.metric, "direction": o.direction} for o in objectives]
            sweep.manifest.write()
        comparison = compare(read_runs([str(sweep.folder)]))
        output.show(comparison, console)
        if sweep.space.axes and objectives and comparison.leaderboards:
            _print_best(sweep, objectives, comparison, console)
    if isinstance(sweep.plan, Search):
        importance = sweep.plan.importance()
        if importance:
            console.print(table(importance, "share of the objective's variance"))
    _print_unfinished(sweep, console)
    if comparison is not None:
        print_where(sweep.folder, comparison, console)
    else:
        console.print(f"runs:        {sweep.folder}", soft_wrap=True)


def _print_best(sweep: Sweep, objectives: list[Objective], comparison: Comparison, console: Console) -> None:
    """Write an experiment of the best configuration and print the command that trains it.

    With one objective that is the first configuration of the leaderboard, with several the whole Pareto front.
    """
    best = winners(sweep, objectives) if len(objectives) > 1 else _first_of(sweep, comparison)
    if not best:
        return
    names = ["best"] if len(best) == 1 else [f"best_{number}" for number in range(1, len(best) + 1)]
    if len(objectives) > 1 and len(best) > 1:
        rows: list[dict[str, Any]] = []
        for name, winner in zip(names, best):
            values = {o.metric: value for o, value in zip(objectives, winner.values)}
            rows.append({"experiment": name, **values, "settings": " ".join(_shown(winner.overrides))})
        console.print(table(rows, "no other is better in everything"))
    for name, winner in zip(names, best):
        write_experiment(sweep, winner, objectives, name)
    if len(best) == 1 and best[0].overrides:
        metric = comparison.leaderboards[0].metric
        where = ", by which it was chosen" if metric.startswith("val/") else ""
        overrides = " ".join(_shown(best[0].overrides))
        console.print(
            f"best:        {overrides}  ({metric} {best[0].values[0]:.4f}{where})", soft_wrap=True, markup=False
        )
        for message in at_boundaries(sweep, best[0]):
            console.print(f"             {message}", soft_wrap=True, markup=False)
    for name, board in zip(names, comparison.leaderboards if len(objectives) == 1 else comparison.leaderboards[:1]):
        of = f"  ({board.data.title})" if len(best) > 1 and len(objectives) == 1 else ""
        console.print(f"train it:    {command(sweep, name)}{of}", soft_wrap=True, markup=False)


def _first_of(sweep: Sweep, comparison: Comparison) -> list[Winner]:
    """The first configuration of each leaderboard: one, unless the sweep goes over several data sets."""
    jobs = {job.folder: job for job in sweep.manifest.jobs}
    found = []
    for board in comparison.leaderboards:
        row = board.rows[0]
        job = jobs.get(row.configuration.runs[0].folder.path.name)
        if job is not None:
            found.append(Winner(without_seed(job.overrides), [row.mean], row.num_runs))
    return found


def _print_unfinished(sweep: Sweep, console: Console) -> None:
    for job in sweep.manifest.jobs:
        if job.state == "failed" or (job.state == "interrupted" and job.reason):
            log = sweep.folder / job.folder / "train.log"
            console.print(f"{job.state}: {job.folder}: {job.reason}\n        {log}", soft_wrap=True, markup=False)
    left = [job for job in sweep.manifest.jobs if not job.done]
    if left:
        console.print(
            f"{len(left)} of {sweep.plan.total} jobs are not over;"
            f" the same command with sweep.name={sweep.settings.name} goes on",
            soft_wrap=True,
        )


def _shown(overrides: list[str]) -> list[str]:
    return [Override.parse(override).plain for override in overrides if not override.startswith("~")]
