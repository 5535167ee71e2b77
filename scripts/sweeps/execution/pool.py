"""Jobs as processes of this machine, as many at a time as there are places."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, replace
from multiprocessing import connection, forkserver
from typing import Any

from scripts.sweeps.execution import job_entry
from scripts.sweeps.execution.failures import out_of_memory_kills, reason_of_exit
from scripts.sweeps.execution.job_spec import Facts, JobSpec
from scripts.sweeps.execution.resources import Place, Resources
from scripts.sweeps.manifest import Job, State


@dataclass
class Report:
    """A job's metric after a validation; it waits to hear whether it is pruned."""

    job: Job
    validation: int
    value: float


@dataclass
class JobFinished:
    """A job's process is over."""

    job: Job
    state: State
    reason: str
    metrics: dict[str, float] | None
    seconds: float
    was_killed: bool = False  # from outside: nothing says that it would fail again


@dataclass
class Running:
    """A job in its process."""

    job: Job
    process: Any
    pipe: connection.Connection
    place: Place
    started: float
    result: tuple[State, str, dict[str, float] | None] | None = None  # that the job sent
    progress: dict[str, Any] | None = None
    stopped_because: str = ""  # a reason of the pool
    signalled_at: float | None = None


class Pool:
    """Start jobs, forward their reports, and stop those that take too long.

    The server of processes begins to load at once; `close` ends it.

    Args:
        resources: the places.
        preload: modules that the server of processes loads once.
        timeout: seconds that a job may take.
        grace: seconds between asking a job to stop and ending it.
    """

    def __init__(self, resources: Resources, preload: list[str], timeout: float | None, grace: float) -> None:
        self.resources = resources
        self.timeout = timeout
        self.grace = grace
        self.running: list[Running] = []
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["__main__", "scripts.sweeps.execution.gc_disabled", "scripts.sweeps.execution.job_process", *preload]
        )
        forkserver.ensure_running()
        self._kills = out_of_memory_kills()

    def examine(self, settings: list[dict[str, Any]]) -> Facts:
        """Have settings checked by a process of the server's, so that this one need not load torch.

        Raises:
            BadInput: some cannot be a run.
        """
        connection_here, connection_there = self._context.Pipe()
        process = self._context.Process(target=job_entry.examine, args=(settings, connection_there))
        try:
            process.start()
            connection_there.close()
            reply = connection_here.recv()
        except (EOFError, OSError):  # the server could not load some module; here it is seen why
            return job_entry.facts_of(settings)
        process.join()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        """End the server of processes, which may still be loading."""
        if not self.running:
            stop_fork_server()

    def start(self, job: Job, spec: JobSpec) -> bool:
        """Start a job if there is a place for it; whether there was."""
        place = self.resources.take()
        if place is None:
            return False
        spec = replace(spec, environment={**spec.environment, **place.environment()}, threads=place.threads)
        connection_here, connection_there = self._context.Pipe()
        process = self._context.Process(target=job_entry.run, args=(spec, connection_there), name=job.folder)
        process.start()
        connection_there.close()
        self.running.append(Running(job, process, connection_here, place, time.monotonic()))
        return True

    def wait(self, seconds: float) -> list[Report | JobFinished]:
        """Wait for the next events, for some seconds at most."""
        self._end_overdue()
        sources: list[Any] = [r.pipe for r in self.running if not r.pipe.closed]
        ready = connection.wait([*sources, *(r.process.sentinel for r in self.running)], timeout=seconds)
        events: list[Report | JobFinished] = []
        for running in list(self.running):
            if running.pipe in ready:
                events += self._receive(running)
            if running.process.sentinel in ready and not running.process.is_alive():
                events += self._receive(running)
                events.append(self._collect(running))
        return events

    def reply(self, job: Job, pruned: bool) -> None:
        """Reply to a job that reported: whether it is pruned."""
        for running in self.running:
            if running.job is job:
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    running.pipe.send(pruned)

    def stop(self) -> None:
        """Ask every job to save and stop."""
        for running in self.running:
            self._signal(running, signal.SIGTERM)

    def kill(self) -> None:
        """End every job at once."""
        for running in self.running:
            self._signal(running, signal.SIGKILL)
        for running in self.running:
            running.process.join(5)
            running.process.close()
        self.running = []

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for running in self.running:
            if running.signalled_at is not None:
                if running.stopped_because and now - running.signalled_at > self.grace:
                    self._signal(running, signal.SIGKILL)
            elif self.timeout is not None and now - running.started > self.timeout:
                running.stopped_because = f"took longer than job_timeout={self.timeout:g} seconds"
                self._signal(running, signal.SIGTERM)

    def _signal(self, running: Running, number: signal.Signals) -> None:
        if running.signalled_at is None:
            running.signalled_at = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL and os.getpgid(running.process.pid) == running.process.pid:
                os.killpg(running.process.pid, number)  # with what it started
            else:
                os.kill(running.process.pid, number)

    def _receive(self, running: Running) -> list[Report | JobFinished]:
        events: list[Report | JobFinished] = []
        try:
            while running.pipe.poll():
                kind, *content = running.pipe.recv()
                if kind == "progress":
                    running.progress = content[0]
                elif kind == "report":
                    events.append(Report(running.job, *content))
                else:
                    running.result = tuple(content)  # type: ignore[assignment]
        except (EOFError, OSError):
            running.pipe.close()
        return events

    def _collect(self, running: Running) -> JobFinished:
        running.process.join()
        exit_code = running.process.exitcode
        running.process.close()
        running.pipe.close()
        self.running.remove(running)
        self.resources.give_back(running.place)
        state, reason, metrics = running.result or ("failed", reason_of_exit(exit_code, self._kills), None)
        self._kills = out_of_memory_kills()
        if state in ("failed", "interrupted") and running.signalled_at is not None:
            state, reason = ("failed", running.stopped_because) if running.stopped_because else ("interrupted", "")
        killed = running.result is None and exit_code < 0 and state == "failed" and not running.stopped_because
        return JobFinished(running.job, state, reason, metrics, time.monotonic() - running.started, killed)


def stop_fork_server() -> None:
    """End the server that jobs are forked from, without waiting until it has loaded; a later sweep starts another."""
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]  # the library has no public way to end it
    if server._forkserver_pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(server._forkserver_pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError, FileNotFoundError):  # it was waited for already
        server._stop()
