"""What is asked of a process that is forked from the server; what answers loads torch, and is named only there."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from scripts.sweeps.objectives import Objective, own_objective
from scripts.sweeps.resources import visible_gpus


@dataclass
class Order:
    """What a job is."""

    settings: dict[str, Any]
    folder: Path
    words: list[str]  # what a person set, for the table of hyperparameters
    environment: dict[str, str]
    threads: int
    metric: str | None = None  # to report; the task's own when None
    asks: bool = False  # whether somebody may prune it
    patience: float = 30.0  # seconds for whoever is still writing into the folder


def run(order: Order, pipe: connection.Connection) -> None:
    """Train; say on the pipe how it goes and how it ended."""
    from scripts.sweeps import job_process

    job_process.run(order, pipe)


@dataclass
class Facts:
    """What can be said about settings only where torch is loaded."""

    own: Objective  # of the task
    gpus: list[str]  # that jobs may be given


def facts_of(settings: list[dict[str, Any]]) -> Facts:
    """Check settings of jobs.

    Raises:
        BadInput: some cannot be a run.
    """
    from scripts.configuration.check import check

    for one in settings:
        check(one)
    on_gpu = any(one["trainer"].get("accelerator", "auto") in ("auto", "gpu", "cuda") for one in settings)
    return Facts(own_objective(settings[0]), visible_gpus() if on_gpu else [])


def examine(settings: list[dict[str, Any]], pipe: connection.Connection) -> None:
    """Say the facts on the pipe, or the error."""
    os.setsid()  # a Ctrl-C is for the sweep's own process
    answer: Facts | Exception
    try:
        answer = facts_of(settings)
    except Exception as error:
        answer = error
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(answer)
