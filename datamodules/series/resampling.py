"""Rows of a finer or uneven step -> one step, by mean or sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from datamodules.errors import BadInput
from datamodules.series.frequency import Frequency, detect_frequency
from datamodules.series.reading import RawSeries

LEAST_SHARE = 0.5  # of a step's rows that a mean needs


@dataclass(frozen=True)
class Resampling:
    """A step such as `1h`, and how the rows within it become one."""

    step: str
    how: Literal["mean", "sum"]

    @classmethod
    def parse(cls, value: Any) -> Resampling | None:
        """`{1h: mean}`, or None.

        Raises:
            BadInput: anything else.
        """
        if value is None or isinstance(value, Resampling):
            return value
        if isinstance(value, dict) and "step" in value:
            value = {value["step"]: value["how"]}
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value.values())) not in ("mean", "sum"):
            raise BadInput(
                f"datamodule.resample={value}: a step and how, such as {{1h: mean}} or {{1d: sum}}, are accepted"
            )
        step, how = next(iter(value.items()))
        if Frequency.parse(str(step)).unit == "business_day":
            raise BadInput(f"datamodule.resample={value}: steps of time or months, such as 1h, 1d, 1mo, are accepted")
        return cls(str(step), how)


def resampled(raw: RawSeries, values: np.ndarray, how: Resampling) -> tuple[RawSeries, np.ndarray, int]:
    """Rows at the beginnings of the new steps, their values, and how many steps were incomplete.

    A mean needs half of its step's rows, a sum all of them; a step with fewer is missing.
    """
    frequency = Frequency.parse(how.step)
    if frequency.unit == "month":
        start = raw.times.astype("datetime64[M]").astype(np.int64) // frequency.count * frequency.count
        bins = start.astype("datetime64[M]").astype("datetime64[s]")
    else:
        seconds = raw.times.astype(np.int64)
        bins = (seconds - seconds % frequency.count).astype("datetime64[s]")
    finer = detect_frequency(np.sort(raw.times))
    distinct, inverse = np.unique(bins, return_inverse=True)
    present = ~np.isnan(values)
    counts = np.stack([np.bincount(inverse, present[:, k], len(distinct)) for k in range(values.shape[1])], axis=1)
    sums = np.stack(
        [
            np.bincount(inverse, np.where(present[:, k], values[:, k], 0.0), len(distinct))
            for k in range(values.shape[1])
        ],
        axis=1,
    )
    full = max(1.0, frequency.seconds / finer.seconds) if finer is not None else 1.0
    least = (
        np.ceil(LEAST_SHARE * full)
        if how.how == "mean"
        else np.floor(full * (0.9 if frequency.unit == "month" else 1.0))
    )
    short = counts < max(1.0, least)
    result = np.where(short, np.nan, sums / np.maximum(counts, 1) if how.how == "mean" else sums)
    place = raw.place
    first = np.full(len(distinct), len(inverse))
    np.minimum.at(first, inverse, np.arange(len(inverse)))
    new = replace(raw, times=distinct, values=lambda: result, place=lambda row: place(int(first[row])))
    return new, result, int(short.any(axis=1).sum())
