"""Nothing changes: the last known value.

python scripts/train.py datamodule=energy module=baseline/persistence
"""

from __future__ import annotations

from lightning_modules.baselines.seasonal_naive import SeasonalNaive
from lightning_modules.tasks.forecasting.task import Forecasting


class Persistence(SeasonalNaive):
    """Forecasts the last known value for every row asked for: a season of one row."""

    def __init__(self, task: Forecasting) -> None:
        super().__init__(task, season=1)
