"""Always the most frequent class.

python scripts/train.py datamodule=names module=baseline/majority
"""

from __future__ import annotations

import torch
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.classification.task import Classification


class Majority(Baseline):
    """Scores every text with the log of each class's share of the training split."""

    input_kind = "tokens"
    task_class = Classification
    log_share: Tensor

    def __init__(self, task: Classification) -> None:
        super().__init__(task)
        self.register_buffer("log_share", torch.zeros(len(task.classes)))

    def fit(self, datamodule: SequenceDataModule) -> None:
        counts = torch.tensor(datamodule.spec.class_counts, dtype=torch.float32)
        self.log_share.copy_((counts / counts.sum()).log())

    def forward(self, batch: TokenBatch) -> Tensor:
        return self.log_share.expand(batch.tokens.shape[0], -1)  # (B, C)
