"""How a sweep stands: a live table on a terminal, a line for each change elsewhere; both on standard error."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from scripts.sweeps.execution.pool import Running
from scripts.sweeps.manifest import Job


class Display:
    """Running jobs with their metric and time left; how many have ended, and how.

    Args:
        total: jobs of the sweep, as far as known.
        before: that were over before this call.
    """

    def __init__(self, total: int, before: Sequence[Job]) -> None:
        self.total = total
        self.counts = Counter(job.state for job in before)
        self.before = len(before)
        self.seconds: list[float] = []
        self.started = time.monotonic()
        self.console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        if sys.stderr.isatty():
            self._live = Live(console=self.console, refresh_per_second=4, transient=True)
            self._live.start()

    def print_line(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, markup=False)

    def job_started(self, job: Job) -> None:
        if self._live is None:
            again = f" (attempt {job.attempts})" if job.attempts > 1 else ""
            self.print_line(f"started   {job.folder}{again}")

    def job_finished(self, job: Job, value: str) -> None:
        self.counts[job.state] += 1
        self.seconds.append(job.seconds)
        detail = "  ".join(text for text in (value, job.reason) if text)
        num_done = sum(self.counts.values())
        self.print_line(f"{job.state:<9} {job.folder}  {_clock(job.seconds)}  {detail}  [{num_done}/{self.total}]")

    def show(self, running: Sequence[Running]) -> None:
        """The table as of now."""
        if self._live is None:
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("job", "epoch", "step", "metric", "running", "left"):
            table.add_column(name, justify="left" if name == "job" else "right")
        for job_running in running:
            table.add_row(job_running.job.folder, *_standing(job_running))
        self._live.update(Group(table, Text(self._summary(len(running)))))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _summary(self, num_running: int) -> str:
        num_done = sum(self.counts.values())
        parts = [f"{num_running} running", *(f"{count} {state}" for state, count in sorted(self.counts.items()))]
        parts.append(f"{max(0, self.total - num_done - num_running)} waiting")
        if len(self.seconds) and self.total > num_done:
            pace = (time.monotonic() - self.started) / (num_done - self.before)
            parts.append(f"about {_clock(pace * (self.total - num_done))} left")
        return "  ".join([f"{num_done}/{self.total} jobs", *parts])


def _standing(running: Running) -> tuple[str, str, str, str, str]:
    seconds = time.monotonic() - running.started
    if running.signalled_at is not None:
        return "", "", "stopping", _clock(seconds), ""
    progress: dict[str, Any] = running.progress or {}
    step, steps = progress.get("step"), progress.get("steps")
    epoch = f"{progress['epoch']}/{progress['epochs'] or '?'}" if progress else ""
    metric = f"{progress['metric']} {progress['value']:.4f}" if progress.get("value") is not None else ""
    left = _clock(seconds / step * (steps - step)) if step and steps else ""
    return epoch, f"{step:,}" if step is not None else "", metric, _clock(seconds), left


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
