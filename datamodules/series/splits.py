"""Splits of a series by time: no window reaches into a later split's targets.

A window is named by the row p of its first target: it knows the `lookback` rows before p, and is asked for the
`horizon` rows from p on.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from datamodules.series.cleaning import CleanSeries

SplitBy = Literal["rows", "windows"]


def boundaries(
    num_rows: int,
    lookback: int,
    horizon: int,
    split_by: SplitBy,
    val_fraction: float,
    test_fraction: float,
    split_rows: tuple[int, int, int] | None = None,
) -> tuple[int, int, int]:
    """The first row of the validation split and of the test split, and the row after the last.

    `rows` takes the fractions of the rows; `windows` of the windows, from the end, rounded down each.
    `split_rows` gives the rows of each split from the first on, whatever else is asked for.
    """
    if split_rows is not None:
        train, val, test = split_rows
        return train, train + val, min(num_rows, train + val + test)
    if split_by == "rows":
        num_test, num_val = int(test_fraction * num_rows), int(val_fraction * num_rows)
        return num_rows - num_test - num_val, num_rows - num_test, num_rows
    windows = max(0, num_rows - lookback - horizon + 1)
    num_test, num_val = int(test_fraction * windows), int(val_fraction * windows)
    last = num_rows - horizon + 1  # after the last window's first target
    return last - num_test - num_val, last - num_test, num_rows


def window_splits(
    series: CleanSeries, lookback: int, horizon: int, bounds: tuple[int, int, int], stride: int = 1
) -> dict[str, np.ndarray]:
    """Split -> first target rows of its windows, int64 in order of time.

    A window lies within one segment.  It is not asked for a filled row, and the last row that it knows is none: a
    filled row between two others comes from both, so a window that ends on it would know its own target.

    Args:
        series: rows without gaps.
        lookback, horizon: rows known and asked for.
        bounds: see `boundaries`.
        stride: every so many windows of the training split are taken.
    """
    val, test, end = bounds
    rows = len(series)
    first = np.arange(lookback, rows - horizon + 1, dtype=np.int64)
    whole = series.segment[first - lookback] == series.segment[first + horizon - 1]
    filled = np.append(0, np.cumsum(series.filled))
    known = filled[first + horizon] - filled[first - 1] == 0  # rows p-1 to p+horizon-1
    first = first[whole & known]
    last = first + horizon - 1
    return {
        "train": first[last < val][::stride],
        "val": first[(first >= val) & (last < test)],
        "test": first[(first >= test) & (last < end)],
    }
