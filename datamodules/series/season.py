"""Look-back and season where none is given, and the seasonal naive forecast that MASE compares with."""

from __future__ import annotations

import numpy as np

from datamodules.series.cleaning import CleanSeries
from datamodules.series.frequency import Frequency, duration_rows

LEAST_LOOKBACKS = 4  # that a series should be long


def default_lookback(frequency: Frequency) -> int | str:
    """7 days of steps below a day, 8 weeks of days, 24 of months; 52 of weeks."""
    if frequency.unit == "month":
        return max(2, 24 // frequency.count)
    if frequency.unit == "business_day":
        return 40
    return "7d" if frequency.seconds < 86_400 else 56 if frequency.seconds < 2 * 86_400 else 52


def fitting_lookback(frequency: Frequency, longest: int) -> int:
    """Rows of the default look-back; of series with fewer than four of them, a season or an eighth of the rows.

    Args:
        frequency: the step.
        longest: rows of the longest unbroken stretch.
    """
    rows = duration_rows(default_lookback(frequency), frequency, "datamodule.lookback")
    if longest >= LEAST_LOOKBACKS * rows:
        return rows
    season = duration_rows(default_season(frequency), frequency, "datamodule.season")
    return season if longest >= LEAST_LOOKBACKS * season else max(2, longest // 8)


def default_season(frequency: Frequency) -> int | str:
    """A day; of days a week, of months and weeks a year."""
    if frequency.unit == "month":
        return max(1, 12 // frequency.count)
    if frequency.unit == "business_day":
        return 5
    return "1d" if frequency.seconds < 86_400 else 7 if frequency.seconds < 2 * 86_400 else 52


def naive_error(series: CleanSeries, end: int, season: int, scale: np.ndarray) -> tuple[float, ...]:
    """(K,) mean |change over a season| in the training split, original units; of a column that never changes over one,
    the mean change from row to row, else its scale."""
    end = max(end, 2)
    values = series.values[:end]
    if series.filled[:end].any():
        values = np.where(series.filled[:end, None], np.nan, values)  # a filled row comes from a later one
    errors = np.full(values.shape[1], np.nan)
    for shift in (season, 1):
        if len(values) > shift:
            change = np.abs(values[shift:] - values[:-shift])
            complete = ~np.isnan(change).any(axis=1)
            mean = change[complete].mean(axis=0) if complete.any() else np.full(values.shape[1], np.nan)
            errors = np.where((errors > 0), errors, mean)
    return tuple(np.where(errors > 1e-12 * scale, errors, scale).tolist())
