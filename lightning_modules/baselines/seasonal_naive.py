"""The seasonal naive forecast: the value a day, or a week, before.

python scripts/train.py datamodule=energy module=baseline/seasonal_naive module.season=7d
"""

from __future__ import annotations

import torch
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.frequency import duration_rows
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.forecasting.task import Forecasting


class SeasonalNaive(Baseline):
    """Forecasts the latest known value of the same row of the season.

    Args:
        task: forecasting.
        season: rows or a duration (`7d`); None: that of the data (`datamodule.season`), a day of steps below a day.
    """

    input_kind = "batch"
    task_class = Forecasting
    task: Forecasting

    def __init__(self, task: Forecasting, season: int | str | None = None) -> None:
        super().__init__(task)
        frequency = task.spec.frequency
        season = task.spec.season if season is None else duration_rows(season, frequency, "module.season")
        self.season = season
        if season < 1:
            raise BadInput(f"module.season={season}: one or more rows, or a duration such as 7d, are accepted")
        if season > task.lookback:
            raise BadInput(
                f"module.season={season}: a window knows {task.lookback} rows only (datamodule.lookback={season} or"
                " more is accepted)"
            )

    def fit(self, datamodule: SequenceDataModule) -> None:
        pass

    def forward(self, batch: WindowBatch) -> Tensor:
        steps = torch.arange(batch.horizon, device=batch.past.device) % self.season
        return self.task.as_output(batch.past[:, -self.season :][:, steps])  # (B, H, K)
