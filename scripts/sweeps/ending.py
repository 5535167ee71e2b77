"""What a person learns when a sweep is over, on standard error."""

from __future__ import annotations

from rich.console import Console

from scripts.commands.tables import table
from scripts.comparison.leaderboard import headline_metric, leaderboard
from scripts.comparison.runs import read_runs
from scripts.sweeps.sweep import Sweep


def tell(sweep: Sweep) -> None:
    """The leaderboard, what failed and where its log is, and how to go on."""
    console = Console(stderr=True, highlight=False)
    finished = [str(sweep.folder / job.folder) for job in sweep.manifest.jobs if job.state == "finished"]
    if finished:
        runs = read_runs(finished)
        console.print(table(leaderboard(runs, headline_metric(runs))))
    failed = [job for job in sweep.manifest.jobs if job.state == "failed"]
    if failed:
        rows = [
            {"failed": job.folder, "why": job.reason, "log": str(sweep.folder / job.folder / "train.log")}
            for job in failed
        ]
        console.print(table(rows))
    left = [job for job in sweep.manifest.jobs if not job.over]
    if left:
        console.print(
            f"{len(left)} of {sweep.plan.total} jobs are not over;"
            f" the same command with sweep.name={sweep.settings.name} goes on",
            soft_wrap=True,
        )
    console.print(f"runs:        {sweep.folder}\nTensorBoard: tensorboard --logdir {sweep.folder}", soft_wrap=True)
