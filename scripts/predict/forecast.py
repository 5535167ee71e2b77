"""The forecast of one series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datamodules.series.cleaning import CleanSeries


@dataclass
class Forecast:
    """Rows of one series: known ones that were forecast again, and those after its end."""

    series: CleanSeries
    times: np.ndarray  # (N,) datetime64[s]
    values: np.ndarray  # (N, K, Q) original units; Q is 1 where there are no quantiles
    known: int  # of the rows, how many the file has
