"""Windows of a series that a run is asked about, its end among them."""

from __future__ import annotations

import numpy as np
import torch

from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.calendar import calendar_features
from datamodules.series.cleaning import CleanSeries
from datamodules.series.scaling import fitted_scaler
from datamodules.series.spec import ForecastSeries


def times_ahead(series: CleanSeries, first: int, count: int) -> np.ndarray:
    """(count,) datetime64[s] stamps from row `first` on, also past the last row."""
    start = series.times[0] if first == 0 else series.times[first - 1] + np.timedelta64(series.step, "s")
    return start + np.arange(count) * np.timedelta64(series.step, "s")


def windows_at(series: CleanSeries, first: list[int], run: ForecastSeries) -> WindowBatch:
    """The windows whose first targets are these rows; `len(series)` asks for what comes after the last row.

    A series that the run was trained on is scaled as then, another by its own rows.

    Raises:
        BadInput: a window does not lie in one unbroken stretch of rows.
    """
    for row in first:
        if row < run.lookback:
            before = "" if row == len(series) else f", {row:,} of them before the first forecast"
            raise BadInput(f"{len(series):,} rows{before}; the run looks back {run.lookback:,}")
        if series.segment[row - 1] != series.segment[row - run.lookback]:
            gap = series.times[np.flatnonzero(series.segment == series.segment[row - 1])[0]]
            raise BadInput(
                f"a gap before {gap} lies within the {run.lookback:,} rows before {times_ahead(series, row, 1)[0]} that"
                " the run looks back"
            )
    offset, scale = run.scaling(series.name) or fitted_scaler(series.values[~series.filled], run.scaler)
    scaled = ((series.values - offset) / scale).astype(np.float32)
    past = torch.from_numpy(np.stack([scaled[row - run.lookback : row] for row in first]))
    window = run.lookback + run.horizon
    stamps = np.concatenate(
        [
            np.concatenate([series.times[row - run.lookback : row], times_ahead(series, row, run.horizon)])
            for row in first
        ]
    )
    return WindowBatch(
        past,
        torch.full((len(first),), run.row_of(series.name)),
        torch.arange(len(first)) * window + run.lookback,
        torch.from_numpy(calendar_features(stamps, run.calendar, run.holidays)),
        run.horizon,
        offset=torch.tensor(offset, dtype=torch.float32).expand(len(first), -1),
        scale=torch.tensor(scale, dtype=torch.float32).expand(len(first), -1),
    )
