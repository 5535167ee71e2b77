"""A sweep on this machine: jobs in a pool of processes, Ctrl-C, and what becomes of failures."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

from scripts.console.loading import loading
from scripts.sweeps.execution.display import Display
from scripts.sweeps.execution.job_spec import JobSpec
from scripts.sweeps.execution.pool import JobFinished, Pool
from scripts.sweeps.execution.resources import Resources
from scripts.sweeps.manifest import Job
from scripts.sweeps.settings import SweepSettings
from scripts.sweeps.sweep import Sweep

log = logging.getLogger(__name__)


def run(sweep: Sweep) -> None:
    """Run the jobs that are left, and keep the manifest.

    Raises:
        BadInput: some job's settings cannot be; no job was started then.
    """
    settings = sweep.settings
    examples = [sweep.composer.settings(overrides) for overrides in sweep.plan.examples()]
    if not examples:
        return
    modules = set().union(*map(_modules, examples))
    pool = Pool(_resources(settings, []), sorted(modules), settings.job_timeout, settings.grace)
    try:
        _load_for_the_end()
        facts = pool.examine(examples)
    except BaseException:
        pool.close()
        raise
    pool.resources, sweep.metric_facts = _resources(settings, facts.gpus), facts.metrics
    done = [job for job in sweep.manifest.jobs if job.done]
    if done:
        log.info("goes on with %s: %d of %d jobs are over", sweep.settings.name, len(done), sweep.plan.total)
    sweep.manifest.write()
    display = Display(sweep.plan.total, done)
    stopping = _Stopping(pool)
    try:
        _Loop(sweep, pool, display, stopping).run()
    finally:
        stopping.restore()
        pool.kill()
        pool.close()
        display.close()
        sweep.stopped_by = stopping.received
        for job in sweep.manifest.jobs:
            if job.state == "running":
                job.state = "interrupted"
        sweep.manifest.write()


def _load_for_the_end() -> None:
    """Import what tells the results, while the server of jobs loads: the end of the sweep does not wait for it."""
    with loading():
        import scripts.compare.report.page
        import scripts.sweeps.summary

    assert scripts.compare.report.page and scripts.sweeps.summary


def _resources(settings: SweepSettings, gpus: list[str]) -> Resources:
    return Resources(gpus, settings.gpus_per_job, settings.workers, settings.threads)


def _modules(settings: Any) -> set[str]:
    """Python modules that settings name."""
    if isinstance(settings, list):
        return set().union(*map(_modules, settings)) if settings else set()
    if not isinstance(settings, dict):
        return set()
    modules = {str(settings["_target_"]).rpartition(".")[0]} if "_target_" in settings else set()
    return modules.union(*map(_modules, settings.values()))


class _Stopping:
    """Ctrl-C: once, jobs save and stop; twice, they end at once."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.received: signal.Signals | None = None
        self._before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}

    def _receive(self, number: int, frame: Any) -> None:
        if self.received is not None:
            self.pool.kill()
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        print("stopping: jobs save their state; once more ends them at once", file=sys.stderr, flush=True)
        self.pool.stop()

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class _Loop:
    """Start jobs while there are places, receive their reports, and write the manifest."""

    def __init__(self, sweep: Sweep, pool: Pool, display: Display, stopping: _Stopping) -> None:
        self.sweep = sweep
        self.pool = pool
        self.display = display
        self.stopping = stopping
        self.again: list[Job] = []  # failed, to be tried once more
        self.halted = False  # by on_error=stop

    def run(self) -> None:
        while True:
            self._start()
            if not self.pool.running:
                return
            for event in self.pool.wait(0.25):
                if isinstance(event, JobFinished):
                    self._job_finished(event)
                else:
                    pruned = self.sweep.plan.report(event.job, event.validation, event.value)
                    self.pool.reply(event.job, pruned)
            self.display.show(self.pool.running)

    def _start(self) -> None:
        while len(self.pool.running) < self.pool.resources.workers:
            if self.stopping.received or self.halted:
                return
            job = self.again.pop(0) if self.again else self.sweep.plan.next()
            if job is None:
                return
            job.state, job.attempts = "running", job.attempts + 1
            self.sweep.manifest.write()
            self.pool.start(job, self._spec(job))
            self.display.job_started(job)

    def _job_finished(self, event: JobFinished) -> None:
        job = event.job
        job.state, job.reason = event.state, event.reason
        job.seconds = round(event.seconds, 3)
        settings = self.sweep.settings
        if job.state == "failed":
            if settings.on_error == "retry" and job.attempts <= settings.retries:
                job.state = "waiting"
                self.again.append(job)
                self.display.print_line(f"again     {job.folder}  {job.reason}")
                self.sweep.manifest.write()
                return
            self.halted = self.halted or settings.on_error == "stop"
            if event.was_killed:  # the same command tries it again
                job.state = "interrupted"
        self.sweep.plan.job_finished(job, event.metrics)
        self.sweep.manifest.write()
        self.display.total = self.sweep.plan.total
        self.display.job_finished(job, self.sweep.shown(event.metrics))
        if self.halted and self.pool.running:
            self.pool.stop()

    def _spec(self, job: Job) -> JobSpec:
        sweep = self.sweep
        return JobSpec(
            sweep.composer.settings(job.overrides),
            sweep.manifest.run_folder(job).path,
            [*sweep.space.fixed, *job.overrides],
            environment={},
            threads=1,
            metric=sweep.metric,
            can_be_pruned=sweep.prunes,
            lock_timeout=sweep.settings.grace,
        )
