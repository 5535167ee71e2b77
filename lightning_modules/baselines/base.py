"""The base class of baselines: fitted on the training split in closed form or by another library."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

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


def spread(indices: Tensor, most: int) -> Tensor:
    """At most `most` of some indices, drawn evenly; all where `most` is 0."""
    return indices[torch.linspace(0, len(indices) - 1, most).long()] if most and len(indices) > most else indices
