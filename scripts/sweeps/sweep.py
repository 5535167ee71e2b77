"""A sweep from its command to its end: which jobs there are, starting them, keeping book, telling the results."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from datamodules.errors import BadInput
from scripts.runs.lock import only_writer
from scripts.sweeps.composition import Composer
from scripts.sweeps.grid import Grid
from scripts.sweeps.manifest import Job, Manifest
from scripts.sweeps.objectives import Objective
from scripts.sweeps.settings import SweepSettings, sweep_settings
from scripts.sweeps.space import Space, space_of

#: What the sweeps of this process came to, for `scripts/train.py`.
ended_sweeps: list[Sweep] = []


class Plan(Protocol):
    """Which jobs a sweep has."""

    @property
    def total(self) -> int:
        """Jobs in the end, as far as known."""

    def examples(self) -> list[list[str]]:
        """Words of jobs that show every mistake that the jobs left to do can have; none where none is left."""

    def next(self) -> Job | None:
        """A job to start; None while there is none."""

    def report(self, job: Job, validation: int, value: float) -> bool:
        """Whether a running job is to be pruned."""

    def ended(self, job: Job, metrics: dict[str, float] | None) -> None:
        """A job is over, or was interrupted; its `state` says which."""


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
    own: Objective | None = None  # of the task, once a job's settings were looked at
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


def sweep(config_loader: Any, config: DictConfig, arguments: list[str], launcher: Launcher | None = None) -> None:
    """Run what a multirun command asks for.

    Args:
        config_loader: Hydra's.
        config: of the sweep, with every word that is the same for all jobs.
        arguments: the words of the command.
        launcher: one that runs batches of jobs; None for this machine's own processes.

    Raises:
        BadInput: something in the settings cannot be; nothing was started then.
    """
    asked: Any = OmegaConf.to_container(config.sweep, resolve=True)
    settings = sweep_settings(asked)
    folder = Path(config.hydra.sweep.dir).resolve()
    if str(config.resume or ""):
        raise BadInput(f"resume={config.resume}: a sweep goes on by itself, under the same sweep.name")
    from scripts.sweeps import batches, local

    with only_writer(folder, f"sweep.name={settings.name}"):
        made = _made(config_loader, config, arguments, settings, folder)
        ended_sweeps.append(made)
        if launcher is None:
            local.run(made)
        else:
            batches.run(launcher, made, str(config.name))


def _made(config_loader: Any, config: DictConfig, arguments: list[str], settings: SweepSettings, folder: Path) -> Sweep:
    """The sweep with its plan, every setting checked that can be."""
    space = space_of(arguments, settings.space, config_loader)
    if settings.seeds is not None:
        space = _with_seeds(space, settings, config.seed, config_loader)
    fixed = [*space.fixed, f"name={config.name}"]
    composer = Composer(config_loader, config, fixed)
    manifest = Manifest(folder, _identity(space, settings), sys.argv[1:])
    manifest.read(settings.name)
    retry = settings.on_error == "retry"
    if settings.trials is None:
        return Sweep(settings, space, composer, manifest, Grid(space, manifest, retry), None)
    from scripts.sweeps.search import Search

    first = composer.settings([])
    search = Search(space, settings, manifest, first, retry)
    return Sweep(settings, space, composer, manifest, search, search.objectives[0].metric, search.prunes_validations)


def _with_seeds(space: Space, settings: SweepSettings, first: int, config_loader: Any) -> Space:
    if any(axis.key == "seed" for axis in space.axes):
        raise BadInput(f"sweep.seeds={settings.seeds}: `seed` has values of its own; give one of the two")
    if settings.trials is not None:
        return space
    fixed = [word for word in space.fixed if not word.startswith("seed=")]
    word = f"seed={','.join(str(first + i) for i in range(settings.seeds or 1))}"
    words = [*(axis.override.input_line or "" for axis in space.axes), word] if settings.seeds != 1 else []
    return space_of([*fixed, *words], {}, config_loader) if words else space


def _identity(space: Space, settings: SweepSettings) -> dict[str, str]:
    if settings.trials is None:
        return space.described()
    search = {"sweep.objective": str(settings.objective), "sweep.seeds": str(settings.seeds or 1)}
    return {**space.described(), "sweep.trials": "a search", **search}
