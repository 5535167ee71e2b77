"""Forecasts as quantiles: which of them is the forecast, and how wrong they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def median_of(output: Tensor, quantiles: Sequence[float]) -> Tensor:
    """(...) the median of quantiles (..., Q); a plain forecast, where there are none, as it is."""
    return output[..., list(quantiles).index(0.5)] if quantiles else output


def pinball(output: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """max(q (y - f), (q - 1) (y - f)) of each quantile q, the shape of `output` (..., Q); target (...)."""
    error = target.unsqueeze(-1) - output
    return torch.maximum(levels * error, (levels - 1) * error)
