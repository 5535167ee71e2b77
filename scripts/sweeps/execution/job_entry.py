"""Entry points of processes that are forked from the server; torch is loaded only there."""

from __future__ import annotations

import contextlib
import os
from multiprocessing import connection
from typing import Any

from datamodules.errors import BadInput
from scripts.sweeps.execution.job_spec import Facts, JobSpec
from scripts.sweeps.execution.resources import visible_gpus
from scripts.sweeps.search.objectives import task_facts


def run(spec: JobSpec, pipe: connection.Connection) -> None:
    """Train; send progress and the result through the pipe."""
    from scripts.sweeps.execution import job_process

    job_process.run(spec, pipe)


def facts_of(settings: list[dict[str, Any]]) -> Facts:
    """Check settings of jobs.

    Raises:
        BadInput: some cannot be a run.
    """
    from scripts.config.check import check

    failures: dict[str, list[str]] = {}  # message -> architectures that it is about
    passed = []
    for job in settings:
        try:
            check(job)
            passed.append(_architecture(job))
        except BadInput as error:
            for line in str(error).splitlines():
                failures.setdefault(line, []).append(_architecture(job))
    if failures:
        raise BadInput("\n".join(_about(line, failed, passed) for line, failed in failures.items()))
    on_gpu = any(config["trainer"].get("accelerator", "auto") in ("auto", "gpu", "cuda") for config in settings)
    return Facts(task_facts(settings[0]), visible_gpus() if on_gpu else [])


def _architecture(settings: dict[str, Any]) -> str:
    """The option name of the module: the file of its class."""
    return str(settings["module"].get("_target_", "")).rpartition(".")[0].rpartition(".")[2]


def _about(line: str, failed: list[str], passed: list[str]) -> str:
    """A message of a job, with the architectures that it is about where others of the sweep know the setting."""
    key = line.partition(":")[0]
    passed_ = [name for name in dict.fromkeys(passed) if name not in failed]
    if not passed_ or not key.startswith("module.") or "no such setting" not in line:
        return line
    names = ", ".join(dict.fromkeys(failed))
    condition = passed_[0] if len(passed_) == 1 else f"[{','.join(passed_)}]"
    return (
        f"{key}: no such setting of {names}; {', '.join(passed_)} {'has' if len(passed_) == 1 else 'have'} it:"
        f" 'sweep.when={{{key}:{{module:{condition}}}}}' sets it there alone"
    )


def examine(settings: list[dict[str, Any]], pipe: connection.Connection) -> None:
    """Say the facts on the pipe, or the error."""
    os.setsid()  # a Ctrl-C is for the sweep's own process
    reply: Facts | Exception
    try:
        reply = facts_of(settings)
    except Exception as error:
        reply = error
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(reply)
