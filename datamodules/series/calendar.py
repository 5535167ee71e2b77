"""Features of the time itself: hour, weekday, month, day of the year, holidays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datamodules.errors import BadInput, did_you_mean

Calendar = Literal["none", "ordinal", "cyclic"]
#: `country` and `subdivision` of the package `holidays`, and `dates` (YYYY-MM-DD) of a file.
Holidays = dict[str, Any]


def calendar_features(times: np.ndarray, kind: Calendar, holidays: Holidays | None = None) -> np.ndarray:
    """Features of each time stamp, (N, F) float32.

    Args:
        times: (N,) datetime64[s], wall time.
        kind: `ordinal`: hour, weekday, month and day of the year, each from 0 to 1 (what a min-max scaler makes of
            them); `cyclic`: three harmonics of the day, a column for each weekday, two harmonics of the year; `none`.
        holidays: of `read_holidays`; they become a column.

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


def _is_holiday(days: np.ndarray, holidays: Holidays) -> np.ndarray:
    distinct, inverse = np.unique(days, return_inverse=True)
    those = set(holidays_of(holidays, sorted({int(str(day)[:4]) for day in distinct})))
    return np.array([str(day) in those for day in distinct], dtype=np.int16)[inverse]


def read_holidays(setting: str | dict[str, Any] | None) -> Holidays | None:
    """`datamodule.holidays`: a country, or `{country, subdivision, file}`; the dates of a file are read.

    Raises:
        BadInput: another key, no such country or file, or a line that is no date.
    """
    if setting is None:
        return None
    options: dict[str, Any] = {"country": setting} if isinstance(setting, str) else dict(setting)
    for key in options:
        if key not in ("country", "subdivision", "file", "dates"):
            raise BadInput(
                f"datamodule.holidays.{key}: country, subdivision and file are accepted"
                f"{did_you_mean(key, ['country', 'subdivision', 'file'])}"
            )
    if not options.get("country") and not options.get("file") and not options.get("dates"):
        raise BadInput("datamodule.holidays: a country (DE) or a file of dates is needed")
    file = options.pop("file", None)
    if file is not None:
        options["dates"] = _dates_of(Path(str(file)).expanduser())
    return {key: value for key, value in options.items() if value is not None}


def _dates_of(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise BadInput(f"datamodule.holidays.file={path}: cannot be read ({error})") from None
    dates = []
    for number, line in enumerate(lines, 1):
        cell = re.split(r"[,;\t]", line)[0].strip().strip('"')
        try:
            dates.append(date.fromisoformat(cell[:10]).isoformat())
        except ValueError:
            if cell and number > 1 and not cell.startswith("#"):
                raise BadInput(f"{path}:{number}: '{cell}' is no date like 2024-12-25") from None
    if not dates:
        raise BadInput(f"datamodule.holidays.file={path}: no date in it; one a line, like 2024-12-25, is needed")
    return dates


def holidays_of(setting: Holidays, years: Iterable[int]) -> list[str]:
    """The holidays of these years, such as 2024-12-25, in order.

    Raises:
        BadInput: no such country or subdivision, or the package is missing.
    """
    wanted_years = set(years)
    days = {day for day in setting.get("dates", ()) if int(day[:4]) in wanted_years}
    country, subdivision = setting.get("country"), setting.get("subdivision")
    if country is None:
        return sorted(days)
    try:
        import holidays
    except ImportError:
        raise BadInput(f"datamodule.holidays={country} needs the package holidays: pip install holidays") from None
    countries = holidays.list_supported_countries()
    if country not in countries:
        raise BadInput(f"datamodule.holidays={country}: no such country{did_you_mean(country, countries)}")
    if subdivision is not None and subdivision not in countries[country]:
        raise BadInput(
            f"datamodule.holidays.subdivision={subdivision}: none of {country}"
            f"{did_you_mean(subdivision, countries[country])};"
            f" it has {', '.join(countries[country]) or 'none'}"
        )
    subdivision_option = {} if subdivision is None else {"subdiv": subdivision}
    found = holidays.country_holidays(country, years=sorted(wanted_years), **subdivision_option)
    return sorted(days | {day.isoformat() for day in found})
