"""What a job is, and what is known of a sweep's jobs before the first one starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.runs.metric_facts import MetricFacts


@dataclass
class JobSpec:
    """What a job is."""

    settings: dict[str, Any]
    folder: Path
    overrides: list[str]  # what a person set, for the table of hyperparameters
    environment: dict[str, str]
    threads: int
    metric: str | None = None  # to report; the task's own when None
    can_be_pruned: bool = False  # whether somebody may prune it
    lock_timeout: float = 30.0  # seconds for whoever is still writing into the folder


@dataclass
class Facts:
    """What can be said about settings only where torch is loaded."""

    metrics: MetricFacts  # of the task
    gpus: list[str]  # that jobs may be given
