"""As it was a day, or a week, before.

python scripts/train.py datamodule=energy module=baseline/seasonal_naive module.season=168
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.forecasting.task import Forecasting


class SeasonalNaive(Baseline):
    """Forecasts the latest known value of the same row of the season.

    Args:
        task: forecasting.
        season: rows: 24 is a day of hours, 168 a week.
    """

    input_kind = "batch"
    task_class = Forecasting
    task: Forecasting

    def __init__(self, task: Forecasting, season: Annotated[int, Gt(0)] = 24) -> None:
        super().__init__(task)
        self.season = season
        if season > task.lookback:
            raise BadInput(
                f"module.season={season}: the network knows {task.lookback} rows only (datamodule.lookback={season} or"
                " more is accepted)"
            )

    def fit(self, datamodule: SequenceDataModule) -> None:
        pass

    def forward(self, batch: WindowBatch) -> Tensor:
        steps = torch.arange(batch.horizon, device=batch.past.device) % self.season
        return self.task.as_output(batch.past[:, -self.season :][:, steps])  # (B, H, K)
