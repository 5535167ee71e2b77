"""What a process that is forked from the server is asked to do; torch is loaded only there."""

from __future__ import annotations

import contextlib
import os
from multiprocessing import connection
from typing import Any

from scripts.sweeps.execution.job_spec import Facts, JobSpec
from scripts.sweeps.execution.resources import visible_gpus
from scripts.sweeps.search.objectives import task_facts


def run(spec: JobSpec, pipe: connection.Connection) -> None:
    """Train; say on the pipe how it goes and how it ended."""
    from scripts.sweeps.execution import job_process

    job_process.run(spec, pipe)


def facts_of(settings: list[dict[str, Any]]) -> Facts:
    """Check settings of jobs.

    Raises:
        BadInput: some cannot be a run.
    """
    from scripts.config.check import check

    for one in settings:
        check(one)
    on_gpu = any(one["trainer"].get("accelerator", "auto") in ("auto", "gpu", "cuda") for one in settings)
    return Facts(task_facts(settings[0]), visible_gpus() if on_gpu else [])


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
