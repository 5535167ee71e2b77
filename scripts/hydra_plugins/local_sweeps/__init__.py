"""Hydra plugin: the sweeper of this project.  The work is in scripts/sweeps; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ResumableSweeper(Sweeper):
    """Every combination of the values given, or a search; a manifest says which jobs are done."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def __init__(self, params: Any = None) -> None:
        """`params` is read with the rest of the configuration."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        from hydra.core.plugins import Plugins

        from scripts.sweeps.start import sweep

        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=self.task_function, config=self.config
        )
        return sweep(
            self.hydra_context.config_loader,
            self.config,
            arguments,
            launcher=None if isinstance(launcher, LocalLauncher) else launcher,
        )


class LocalLauncher(Launcher):
    """The mark of sweeps that run on this machine; `ResumableSweeper` hands jobs to its pool one by one."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        pass

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from datamodules.errors import BadInput

        raise BadInput("hydra/launcher=local: it goes with hydra/sweeper=resumable; take another launcher")
