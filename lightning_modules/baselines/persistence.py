"""Nothing changes: the last known value.

python scripts/train.py datamodule=energy module=baseline/persistence
"""

from __future__ import annotations

from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batches import WindowBatch
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.forecasting import Forecasting


class Persistence(Baseline):
    """Forecasts the last known value for every row asked for."""

    reads = "batch"
    asks = Forecasting
    task: Forecasting

    def fit_to(self, datamodule: SequenceDataModule) -> None:
        pass

    def forward(self, batch: WindowBatch) -> Tensor:
        forecast = batch.past[:, -1:].expand(-1, batch.horizon, -1)  # (B, H, K)
        return self.task.as_output(forecast)
