"""The base class of baselines: fitted on the training split in closed form or by another library."""

from __future__ import annotations

from typing import Any

from datamodules.base import SequenceDataModule
from lightning_modules.base import SequenceModule
from lightning_modules.tasks.base import Task


class Baseline(SequenceModule):
    """A module that is fitted once (`fit`) instead of trained by steps."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, encoding_size=1)
        task.remove_head()

    def fit(self, datamodule: SequenceDataModule) -> None:
        """Fit to the training split, and to nothing else."""
        raise NotImplementedError

    def forward(self, batch: Any) -> Any:
        """The task's output for a batch."""
        raise NotImplementedError
