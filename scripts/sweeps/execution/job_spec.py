"""JobSpec: the settings of a job; and facts about a sweep's jobs before the first one starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.runs.metric_facts import MetricFacts


@dataclass
class JobSpec:
    """Settings and environment of a job."""

    settings: dict[str, Any]
    folder: Path
    overrides: list[str]  # for the table of hyperparameters
    environment: dict[str, str]
    threads: int
    metric: str | None = None  # to report; the task's own when None
    can_be_pruned: bool = False  # whether the sweep has a pruner
    lock_timeout: float = 30.0  # seconds for whoever is still writing into the folder


@dataclass
class Facts:
    """Facts about settings that need torch to be computed."""

    metrics: MetricFacts  # of the task
    gpus: list[str]  # that jobs may be given
