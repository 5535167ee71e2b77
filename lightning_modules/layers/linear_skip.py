"""A linear map of the look-back beside a network (NLinear: Zeng et al. 2023, "Are Transformers Effective ...")."""

from __future__ import annotations

from torch import Tensor, nn


class LinearSkip(nn.Linear):
    """(B, L, K) -> (B, H, K, Q) float32, the same map for each column; zero at first.

    Args:
        lookback: L.
        horizon: H.
        numbers: Q, of each value.
    """

    def __init__(self, lookback: int, horizon: int, numbers: int) -> None:
        super().__init__(lookback, horizon * numbers)
        self.shape = horizon, numbers
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, values: Tensor) -> Tensor:
        added = super().forward(values.transpose(1, 2)).float()  # (B, K, H Q)
        # not unflatten, which makes the batch size a constant of an exported network
        return added.view(added.shape[0], -1, *self.shape).transpose(1, 2)
