"""Ridge regression on lags, the calendar and covariates, solved in closed form.

python scripts/train.py datamodule=energy module=baseline/ridge
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from lightning_modules.baselines.base import Baseline, spread
from lightning_modules.tasks.forecasting.task import Forecasting

BATCH = 8192  # windows


class Ridge(Baseline):
    """The change from the last value, linear in the look-back's differences to it, the last value, the calendar of the
    first and last row asked for, the covariates of the window and those known ahead.  One model of all series.

    Args:
        task: forecasting.
        alpha: penalty, of standardised features.
        max_windows: drawn from the training split, evenly; 0 for all.
    """

    input_kind = "batch"
    task_class = Forecasting
    task: Forecasting
    weight: Tensor
    bias: Tensor

    def __init__(
        self, task: Forecasting, alpha: Annotated[float, Gt(0)] = 1.0, max_windows: Annotated[int, Ge(0)] = 200_000
    ) -> None:
        super().__init__(task)
        self.alpha, self.max_windows = alpha, max_windows
        features = task.lookback * task.num_columns + 2 * task.spec.calendar_size
        features += task.lookback * task.num_covariates + task.horizon * task.num_future_covariates
        self.register_buffer("weight", torch.zeros(features, task.horizon * task.num_columns))
        self.register_buffer("bias", torch.zeros(task.horizon * task.num_columns))

    def fit(self, datamodule: SequenceDataModule) -> None:
        rows = spread(datamodule.indices["train"], self.max_windows)
        size, outputs = self.weight.shape
        gram = torch.zeros(size + 1, size + 1, dtype=torch.float64)
        product = torch.zeros(size + 1, outputs, dtype=torch.float64)
        for some in rows.split(BATCH):
            batch: Any = datamodule.source.collate(some, 0)
            x = self._features(batch).double()
            x = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
            y = (batch.future - batch.past[:, -1:]).flatten(1).double()
            gram += x.T @ x
            product += x.T @ y
        mean = gram[-1, :-1] / len(rows)
        centred = gram[:-1, :-1] - len(rows) * torch.outer(mean, mean)
        scale = centred.diagonal().clamp(min=0).div(len(rows)).sqrt()
        scale = torch.where(scale > 1e-9, scale, 1.0)
        target_mean = product[-1] / len(rows)
        cross = (product[:-1] - len(rows) * torch.outer(mean, target_mean)) / scale.unsqueeze(1)
        penalised = centred / torch.outer(scale, scale) + self.alpha * torch.eye(size, dtype=torch.float64)
        weight = torch.linalg.solve(penalised, cross) / scale.unsqueeze(1)
        self.weight.copy_(weight)
        self.bias.copy_(target_mean - mean @ weight)

    def forward(self, batch: WindowBatch) -> Tensor:
        change = self._features(batch) @ self.weight + self.bias
        return self.task.as_output(batch.past[:, -1:] + change.unflatten(1, (self.task.horizon, -1)))

    def _features(self, batch: WindowBatch) -> Tensor:
        last = batch.past[:, -1:]
        parts = [(batch.past[:, :-1] - last).flatten(1), last.flatten(1)]
        parts += [batch.calendar[batch.first], batch.calendar[batch.first + self.task.horizon - 1]]
        if self.task.num_covariates:
            parts.append(batch.past_covariates(self.task.lookback).flatten(1))
            parts.append(batch.future_covariates(self.task.num_future_covariates).flatten(1))
        return torch.cat(parts, dim=1)
