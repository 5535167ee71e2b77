"""What a person learns when a sweep is over, on standard error."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from scripts.compare import output
from scripts.compare.leaderboard import compare
from scripts.compare.runs import read_runs
from scripts.compare.summary import tell_where
from scripts.console.tables import table
from scripts.console.wide import wide_console
from scripts.sweeps.search.study import Search
from scripts.sweeps.search.winner import at_boundaries, command, sweep_objectives, winners, write_experiment
from scripts.sweeps.sweep import Sweep


def tell(sweep: Sweep) -> None:
    """The leaderboard, the winner, what failed and where its log is, and how to go on."""
    console = wide_console(stderr=True)
    comparison = None
    if any(job.state == "finished" for job in sweep.manifest.jobs):
        comparison = compare(read_runs([str(sweep.folder)]))
        output.show(comparison, console)
        _tell_winners(sweep, console)
    if isinstance(sweep.plan, Search):
        importance = sweep.plan.importance()
        if importance:
            console.print(table(importance, "share of the objective's variance"))
    failed = [job for job in sweep.manifest.jobs if job.state == "failed"]
    for job in failed:
        log = sweep.folder / job.folder / "train.log"
        console.print(f"failed: {job.folder}: {job.reason}\n        {log}", soft_wrap=True, markup=False)
    left = [job for job in sweep.manifest.jobs if not job.done]
    if left:
        console.print(
            f"{len(left)} of {sweep.plan.total} jobs are not over;"
            f" the same command with sweep.name={sweep.settings.name} goes on",
            soft_wrap=True,
        )
    if comparison is not None:
        tell_where(sweep.folder, comparison, console)
    else:
        console.print(f"runs:        {sweep.folder}", soft_wrap=True)


def _tell_winners(sweep: Sweep, console: Console) -> None:
    by = sweep_objectives(sweep)
    best = winners(sweep, by) if by else []
    if not best or not sweep.space.axes:
        return
    if len(best) > 1:
        rows: list[dict[str, Any]] = []
        for number, winner in enumerate(best, 1):
            values = {o.metric: value for o, value in zip(by, winner.values)}
            rows.append({"experiment": f"best_{number}", **values, "settings": " ".join(_shown(winner.words))})
        console.print(table(rows, "no other is better in everything"))
    for number, winner in enumerate(best, 1):
        name = "best" if len(best) == 1 else f"best_{number}"
        write_experiment(sweep, winner, by, name)
    winner = best[0]
    if len(best) == 1:
        reached = f"{by[0].metric} {winner.values[0]:.4f}"
        where = ", on the part that choices are made by" if reached.startswith("val/") else ""
        words = " ".join(_shown(winner.words))
        console.print(f"best:        {words}  ({reached}{where})", soft_wrap=True, markup=False)
        for sentence in at_boundaries(sweep, winner):
            console.print(f"             {sentence}", soft_wrap=True, markup=False)
    name = "best" if len(best) == 1 else "best_1"
    console.print(f"train it:    {command(sweep, name)}", soft_wrap=True, markup=False)


def _shown(words: list[str]) -> list[str]:
    return [word.lstrip("+") for word in words]
