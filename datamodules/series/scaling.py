"""Scalers: an offset and a scale for each series and column."""

from __future__ import annotations

from typing import Literal

import numpy as np

Scaler = Literal["minmax", "standard", "robust", "none"]
SMALLEST = 1e-9  # of the values' size: a smaller scale is rounding, the column is constant


def fit_scaler(values: np.ndarray, scaler: Scaler) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale (K,), such that scaled = (value - offset) / scale; the scale of a constant column is 1.

    Args:
        values: (N, K) those to fit on.
        scaler: `minmax` (0 to 1), `standard` (mean 0, standard deviation 1), `robust` (median 0, quartiles 1 apart)
            or `none`.
    """
    if scaler == "minmax":
        offset, scale = values.min(axis=0), values.max(axis=0) - values.min(axis=0)
    elif scaler == "standard":
        offset, scale = values.mean(axis=0), values.std(axis=0)
    elif scaler == "robust":
        low, offset, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        scale = high - low
        scale = np.where(scale > SMALLEST * np.abs(offset), scale, values.std(axis=0))  # mostly one value
    else:
        offset, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    return offset, np.where(scale > SMALLEST * np.abs(values).max(axis=0, initial=0.0), scale, 1.0)
