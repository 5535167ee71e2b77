"""Linear maps beside a network (NLinear: Zeng et al. 2023, "Are Transformers Effective for Time Series ...")."""

from __future__ import annotations

from torch import Tensor, nn


class LinearSkip(nn.Linear):
    """A linear map of the look-back: (B, L, K) -> (B, H, K, Q) float32, shared by all columns; zero at first.

    Args:
        lookback: L.
        horizon: H.
        num_quantiles: Q, of each value.
    """

    def __init__(self, lookback: int, horizon: int, num_quantiles: int) -> None:
        super().__init__(lookback, horizon * num_quantiles)
        self.shape = horizon, num_quantiles
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, values: Tensor) -> Tensor:
        added = super().forward(values.transpose(1, 2)).float()  # (B, K, H Q)
        # not unflatten, which makes the batch size a constant of an exported network
        return added.view(added.shape[0], -1, *self.shape).transpose(1, 2)


class CovariateSkip(nn.Linear):
    """A linear map of the covariates of a window: (B, V) -> (B, H, K, Q) float32; zero at first.

    Args:
        num_values: V = L C + H F, covariates of the look-back and those known ahead.
        horizon: H.
        num_columns: K.
        num_quantiles: Q, of each value.
    """

    def __init__(self, num_values: int, horizon: int, num_columns: int, num_quantiles: int) -> None:
        super().__init__(num_values, horizon * num_columns * num_quantiles)
        self.shape = horizon, num_columns, num_quantiles
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, covariates: Tensor) -> Tensor:
        return super().forward(covariates).float().view(covariates.shape[0], *self.shape)
