"""Features of the time itself: hour, weekday, month, day of the year, holidays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from datamodules.errors import BadInput, did_you_mean

Calendar = Literal["none", "ordinal", "cyclic"]


def calendar_features(times: np.ndarray, kind: Calendar, holidays: str | None = None) -> np.ndarray:
    """Features of each time stamp, (N, F) float32.

    Args:
        times: (N,) datetime64[s].
        kind: `ordinal`: hour, weekday, month and day of the year, each from 0 to 1 (what the source article's min-max
            scaler makes of them); `cyclic`: three harmonics of the day, a column for each weekday, two harmonics of
            the year; `none`.
        holidays: a country of the package `holidays` (`US`, `DE` ...), whose holidays become a column.

    Raises:
        BadInput: no such country, or the package is missing.
    """
    days = times.astype("datetime64[D]")
    minute = ((times - days).astype(np.int64) // 60).astype(np.int16)
    weekday = ((days.astype(np.int64) + 3) % 7).astype(np.int16)  # 0: Monday
    day_of_year = (days - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int16)
    looked_up: list[tuple[np.ndarray, np.ndarray]] = []  # a row of features for each value, and the values
    if kind == "ordinal":
        month = (times.astype("datetime64[M]").astype(np.int64) % 12).astype(np.int16)
        hours = np.arange(24 * 60) // 60
        sizes_and_values = (hours / 23, minute), (np.arange(7) / 6, weekday), (np.arange(12) / 11, month)
        looked_up = [(table[:, None], values) for table, values in sizes_and_values]
        looked_up.append((np.arange(366)[:, None] / 365, day_of_year))
    elif kind == "cyclic":
        looked_up = [
            (_waves(np.arange(24 * 60) / (24 * 60), harmonics=3), minute),
            (np.eye(7), weekday),
            (_waves(np.arange(366) / 365.25, harmonics=2), day_of_year),
        ]
    if holidays:
        looked_up.append((np.array([[0.0], [1.0]]), _is_holiday(days, holidays)))
    features = np.empty((len(times), sum(table.shape[1] for table, _ in looked_up)), np.float32)
    start = 0
    for table, values in looked_up:  # no column is ever held twice: there may be millions of rows
        stop = start + table.shape[1]
        features[:, start:stop] = table.astype(np.float32)[values]
        start = stop
    return features


def hour_of_day(times: np.ndarray) -> np.ndarray:
    """(N,) 0 to 23."""
    return (times - times.astype("datetime64[D]")).astype(np.int64) // 3600


def _waves(turns: np.ndarray, harmonics: int) -> np.ndarray:
    """(N, 2 harmonics) sines and cosines."""
    angles = 2 * np.pi * turns[:, None] * np.arange(1, harmonics + 1)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(turns), -1)


def _is_holiday(days: np.ndarray, country: str) -> np.ndarray:
    distinct, inverse = np.unique(days, return_inverse=True)
    those = set(holidays_of(country, sorted({int(str(day)[:4]) for day in distinct})))
    return np.array([str(day) in those for day in distinct], dtype=np.int16)[inverse]


def holidays_of(country: str, years: Iterable[int]) -> list[str]:
    """The days of a country's holidays in these years, such as 2024-12-25, in order.

    Raises:
        BadInput: no such country, or the package is missing.
    """
    try:
        import holidays
    except ImportError:
        raise BadInput(f"datamodule.holidays={country} needs the package holidays: pip install holidays") from None
    known = holidays.list_supported_countries()
    if country not in known:
        raise BadInput(f"datamodule.holidays={country}: no such country{did_you_mean(country, known)}")
    return sorted(day.isoformat() for day in holidays.country_holidays(country, years=list(years)))
