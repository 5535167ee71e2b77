"""Sweep: its plan (which jobs), manifest, execution and results."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.runs.metric_facts import MetricFacts
from scripts.sweeps.composition import Composer
from scripts.sweeps.manifest import Job, Manifest
from scripts.sweeps.search.space import Space
from scripts.sweeps.settings import SweepSettings

#: What the sweeps of this process came to, for `scripts/train.py`.
finished_sweeps: list[Sweep] = []


class Plan(Protocol):
    """Plan of a sweep: which jobs it has (grid or search)."""

    @property
    def total(self) -> int:
        """Jobs in the end, as far as known."""

    def examples(self) -> list[list[str]]:
        """Words of jobs that show every mistake that the jobs left to do can have; none where none is left."""

    def next(self) -> Job | None:
        """A job to start; None while there is none."""

    def report(self, job: Job, validation: int, value: float) -> bool:
        """Whether a running job is to be pruned."""

    def job_finished(self, job: Job, metrics: dict[str, float] | None) -> None:
        """Called when a job has finished or was interrupted; see its `state`."""


@dataclass
class Sweep:
    """One sweep, of one process."""

    settings: SweepSettings
    space: Space
    composer: Composer
    manifest: Manifest
    plan: Plan
    metric: str | None  # that jobs report
    prunes: bool = False
    metric_facts: MetricFacts | None = None  # of the task, once a job's settings were looked at
    stopped_by: signal.Signals | None = None

    @property
    def folder(self) -> Path:
        return self.manifest.folder

    @property
    def status(self) -> int:
        """The exit status: whether everything succeeded."""
        if self.stopped_by is not None:
            return 128 + self.stopped_by
        return 0 if all(job.state in ("finished", "pruned") for job in self.manifest.jobs) else 1

    def shown(self, metrics: dict[str, float] | None) -> str:
        """The metric of a job that is over, for people."""
        metric = self.metric or next((key for key in metrics or () if key.startswith("val/") and key != "val/loss"), "")
        return f"{metric} {metrics[metric]:.4f}" if metrics and metric in metrics else ""
