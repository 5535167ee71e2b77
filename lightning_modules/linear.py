"""A linear map of the look-back for each series (NLinear; Zeng et al. 2023): the forecaster to beat.

python scripts/train.py datamodule=energy module=linear
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datamodules.batching.batches import WindowBatch
from lightning_modules.base import SequenceModule
from lightning_modules.layers.linear_skip import CovariateSkip
from lightning_modules.tasks.forecasting.task import Forecasting


class Linear(SequenceModule):
    """y = last + W_s (x - last) + b_s, with separate weights for each series s and column.

    With task.relative_to=last it is NLinear; `window` and `none` are understood too.  A series that the run never saw
    gets the mean of the weights.  Covariates have one map for all series.

    Args:
        task: forecasting, direct or recursive.
        per_series: weights for each series; one set for all where false.
    """

    input_kind = "batch"
    task_class = Forecasting
    task: Forecasting

    def __init__(self, task: Forecasting, per_series: bool = True) -> None:
        super().__init__(task, encoding_size=1)
        task.remove_head()
        outputs = task.output_steps * task.num_quantiles
        sets = len(task.spec.names) if per_series else 1
        self.weight = nn.Parameter(torch.zeros(sets, task.num_columns, outputs, task.lookback))
        self.bias = nn.Parameter(torch.zeros(sets, task.num_columns, outputs))
        sizes = task.covariate_values, task.output_steps, task.num_columns, task.num_quantiles
        self.covariate_map = CovariateSkip(*sizes) if task.num_covariates else None

    def forward_once(self, batch: WindowBatch) -> Tensor:
        x = self.task.normalize(batch.past, batch)  # (B, L, K)
        weight = torch.cat([self.weight, self.weight.mean(dim=0, keepdim=True)])
        bias = torch.cat([self.bias, self.bias.mean(dim=0, keepdim=True)])
        every = torch.einsum("blk,skol->bsko", x, weight) + bias  # by the weights of every series: a single product
        chosen = torch.where(batch.series < 0, len(weight) - 1, batch.series.clamp(max=len(self.weight) - 1))
        output = every[torch.arange(x.shape[0], device=x.device), chosen]  # (B, K, H Q)
        output = output.view(x.shape[0], self.task.num_columns, self.task.output_steps, -1).transpose(1, 2)
        if self.covariate_map is not None:
            output = output + self.covariate_map(self.task.covariates_of(batch))
        return self.task.finish(output, batch)
