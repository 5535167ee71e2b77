"""Values that can hardly be meant: a meter that fails, not weather, nights or prices."""

from __future__ import annotations

import numpy as np

OUTLIER_DEVIATIONS = 10.0
OUTLIER_SHARE = 0.2  # of the level, of series that are always positive
OUTLIER_SPREAD = 1.0  # of the range that holds all but a hundredth of the values, of other series
OUTLIER_DAYS = 2
POSITIVE_SHARE = 0.99  # of the values of a series whose level counts
ZERO_SHARE = 0.001  # of the values, below which a zero is suspected


def suspected_outliers(values: np.ndarray, rows_a_day: int) -> np.ndarray:
    """(N,) True for rows between a jump and the jump back, and for zeros and less in a series that has hardly any.

    A jump is a change from one row to the next that is `OUTLIER_DEVIATIONS` robust standard deviations away from the
    change at the same hour of other days (deviations of zero do not count: a series may be zero or constant most of the
    time), and besides `OUTLIER_SHARE` of the level of a series that is hardly ever zero or negative, or
    `OUTLIER_SPREAD` of the range of another.  A heat wave comes and goes hour by hour and is none; a meter that fails
    does not.  The jump back comes within `OUTLIER_DAYS`, and ends the failure: what follows it is no outlier.
    """
    flagged = np.zeros(len(values), dtype=bool)
    if len(values) <= 4 * rows_a_day:
        return flagged
    for column in values.T:
        flagged |= _suspected(np.ascontiguousarray(column), rows_a_day)
    return flagged


def _suspected(column: np.ndarray, rows_a_day: int) -> np.ndarray:
    flagged = np.zeros(len(column), dtype=bool)
    size = np.empty(len(column))
    size[0], size[1:] = 0.0, np.abs(column[1:] - column[:-1])
    positive = float((column > 0).mean())
    if positive > 1 - ZERO_SHARE:
        flagged |= column <= 0
    if positive > POSITIVE_SHARE:
        level = np.abs(column)
        least = OUTLIER_SHARE * level
        np.maximum(least[1:], least[:-1], out=least[1:])
        candidates = size > least
    else:
        low, high = np.partition(column, [int(0.005 * len(column)), int(0.995 * (len(column) - 1))])[
            [int(0.005 * len(column)), int(0.995 * (len(column) - 1))]
        ]
        candidates = size > OUTLIER_SPREAD * (high - low) if high > low else np.zeros(len(column), bool)
    rows = np.flatnonzero(candidates)
    if not len(rows):
        return flagged
    threshold = OUTLIER_DEVIATIONS * 1.4826 * _usual_deviation(column, rows_a_day)
    change = np.diff(column, prepend=column[0])
    unusual = change[rows] - _of_other_days(change, rows, rows_a_day)
    jumps = rows[(np.abs(unusual) > threshold) & (size[rows] > threshold)]
    start = -1
    for jump in jumps.tolist():
        back = start >= 0 and np.sign(change[start]) != np.sign(change[jump])
        if back and jump - start <= OUTLIER_DAYS * rows_a_day:
            flagged[start:jump] = True
            start = -1  # the recovery: what follows is no outlier
        else:
            start = jump
    return flagged


def _of_other_days(change: np.ndarray, rows: np.ndarray, rows_a_day: int) -> np.ndarray:
    """The median change at the same hour of the two days before and after, at the ends of those at the other end."""
    shifts = np.array([-2, -1, 1, 2]) * rows_a_day
    return np.median(change[(rows[:, None] + shifts) % len(change)], axis=1)


def _usual_deviation(column: np.ndarray, rows_a_day: int) -> float:
    """Median absolute deviation of a change from that of other days, zeros left out; of a long series, of a sample."""
    change = np.diff(column, prepend=column[0])
    rows = np.arange(0, len(change), max(1, len(change) // 20_000))
    deviation = np.abs(change[rows] - _of_other_days(change, rows, rows_a_day))
    deviation = deviation[deviation > 0]
    return float(np.median(deviation)) if len(deviation) else 0.0
