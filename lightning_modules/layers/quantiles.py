"""Quantile forecasts: the median, the pinball loss, and an order that never crosses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def median_of(output: Tensor, quantiles: Sequence[float]) -> Tensor:
    """(...) the median of quantiles (..., Q); a point forecast, where there are none, as it is."""
    return output[..., list(quantiles).index(0.5)] if quantiles else output


def monotone(output: Tensor) -> Tensor:
    """(..., Q) quantiles in rising order (rearrangement: Chernozhukov et al. 2010); never worse in pinball loss."""
    return output.sort(dim=-1).values


def pinball(output: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """max(q (y - f), (q - 1) (y - f)) of each quantile q, the shape of `output` (..., Q); target (...)."""
    error = target.unsqueeze(-1) - output
    return torch.maximum(levels * error, (levels - 1) * error)
