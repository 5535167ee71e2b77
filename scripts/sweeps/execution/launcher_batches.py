"""A sweep through another of Hydra's launchers (submitit, Ray, joblib), which returns when a batch of jobs is over."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Sequence

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from scripts.config.override import Override
from scripts.config.private_names import returned_error
from scripts.sweeps.execution.failures import reason_of
from scripts.sweeps.manifest import Job
from scripts.sweeps.sweep import Plan, Sweep

log = logging.getLogger(__name__)


def run(launcher: Launcher, sweep: Sweep, name: str) -> None:
    """Batch after batch, until no job is left."""
    number = 0
    sweep.manifest.write()
    while True:
        limit = sweep.settings.workers if sweep.settings.trials is not None else None
        batch = _batch(sweep.plan, limit or (1 if sweep.settings.trials is not None else sys.maxsize))
        if not batch:
            return
        for job in batch:
            job.state, job.attempts = "running", job.attempts + 1
        sweep.manifest.write()
        place = [str(Override.of("name", name)), str(Override.of("hydra.sweep.dir", str(sweep.folder)))]
        overrides = [
            [*sweep.space.fixed, *job.overrides, *place, str(Override.of("hydra.sweep.subdir", job.folder))]
            for job in batch
        ]
        started = time.monotonic()
        try:
            with contextlib.redirect_stdout(sys.stderr):  # whatever a launcher has to say
                returned: Sequence[JobReturn | None] = launcher.launch(overrides, initial_job_idx=number)
        except Exception as error:  # one that was lost takes the whole batch's results with it
            log.error("the launcher lost a job: %s", error)
            returned = [None] * len(batch)
        number += len(batch)
        for job, returned_job in zip(batch, returned):
            _note(sweep, job, returned_job, time.monotonic() - started)
        sweep.manifest.write()


def _batch(plan: Plan, limit: int) -> list[Job]:
    batch: list[Job] = []
    while len(batch) < limit and (job := plan.next()) is not None:
        batch.append(job)
    return batch


def _note(sweep: Sweep, job: Job, returned_job: JobReturn | None, seconds: float) -> None:
    metrics = sweep.manifest.run_folder(job).metrics()
    job.seconds = round(seconds, 3)
    if metrics is not None:
        job.state = "finished"
    elif returned_job is not None and returned_job.status is JobStatus.FAILED:
        job.state, job.reason = "failed", reason_of(returned_error(returned_job))
    else:  # the same command tries it again
        job.state, job.reason = "interrupted", "lost by the launcher"
    sweep.plan.job_finished(job, metrics)
    log.info("%-9s %s  %s", job.state, job.folder, job.reason or sweep.shown(metrics))
