"""The step of a series: seconds, months or business days; durations in rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datamodules.errors import BadInput

Unit = Literal["second", "month", "business_day"]
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
SPELLINGS = {
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "m": "min", "t": "min", "min": "min", "mins": "min", "minute": "min", "minutes": "min",
    "h": "h", "hour": "h", "hours": "h", "d": "d", "day": "d", "days": "d", "w": "w", "week": "w", "weeks": "w",
    "mo": "mo", "ms": "mo", "month": "mo", "months": "mo", "q": "q", "y": "y", "year": "y", "years": "y",
    "b": "b",
}  # fmt: skip
MONTHS = {"mo": 1, "q": 3, "y": 12}
MONTH_SECONDS = 365.2425 * 86_400 / 12


@dataclass(frozen=True)
class Frequency:
    """Step between two rows: `count` seconds or months, or a business day (Monday to Friday)."""

    unit: Unit
    count: int

    @classmethod
    def parse(cls, text: str | int) -> Frequency:
        """`1h`, `15min`, `1mo`, `B`; a number is seconds (descriptions of version 0.1.0).

        Raises:
            BadInput: no such step.
        """
        if isinstance(text, int):
            return cls("second", text)
        number, unit = _split(text, "a step")
        if unit == "b":
            return cls("business_day", 1)
        return (
            cls("month", int(number * MONTHS[unit])) if unit in MONTHS else cls("second", int(number * SECONDS[unit]))
        )

    def __str__(self) -> str:
        if self.unit == "business_day":
            return "B"
        if self.unit == "month":
            return f"{self.count}mo"
        unit = next(u for u in ("d", "h", "min", "s") if self.count % SECONDS[u] == 0)
        return f"{self.count // SECONDS[unit]}{unit}"

    @property
    def seconds(self) -> float:
        """Seconds of a step, of months and business days on average."""
        return {"second": 1.0, "month": MONTH_SECONDS, "business_day": 7 / 5 * 86_400}[self.unit] * self.count

    @property
    def rows_a_day(self) -> int:
        return max(1, int(86_400 // self.seconds))

    def positions(self, times: np.ndarray, origin: np.datetime64) -> np.ndarray:
        """(N,) int64 steps from `origin` to each stamp; -1 in `remainder` terms never: stamps off the step are refused
        by `off_step` before."""
        if self.unit == "second":
            return (times - origin).astype("timedelta64[s]").astype(np.int64) // self.count
        if self.unit == "month":
            return (_month(times) - _month(origin)) // self.count
        first = origin.astype("datetime64[D]")
        return np.asarray(np.busday_count(first, times.astype("datetime64[D]")), dtype=np.int64)

    def off_step(self, times: np.ndarray, origin: np.datetime64) -> np.ndarray:
        """(N,) True where a stamp is not a whole number of steps from `origin`."""
        return self.stamps(origin, self.positions(times, origin)) != times

    def stamps(self, origin: np.datetime64, positions: np.ndarray) -> np.ndarray:
        """(N,) datetime64[s] stamps so many steps after `origin`; the last day of a month stays the last."""
        positions = np.asarray(positions, dtype=np.int64)
        origin = origin.astype("datetime64[s]")
        if self.unit == "second":
            return origin + (positions * self.count).astype("timedelta64[s]")
        day = origin.astype("datetime64[D]")
        clock = origin - day.astype("datetime64[s]")
        if self.unit == "business_day":
            days = np.busday_offset(np.full(positions.shape, day), positions, roll="forward")
            return days.astype("datetime64[s]") + clock
        months = np.datetime64(int(_month(origin)), "M") + positions * self.count
        following = (months + 1).astype("datetime64[D]")
        if day + 1 == (day.astype("datetime64[M]") + 1).astype("datetime64[D]"):  # a month's last day
            days = following - 1
        else:
            within = day - day.astype("datetime64[M]").astype("datetime64[D]")
            days = np.minimum(months.astype("datetime64[D]") + within, following - 1)
        return days.astype("datetime64[s]") + clock


def detect_frequency(times: np.ndarray) -> Frequency | None:
    """The step of stamps (N,) in order of time: the most frequent difference; None where there are fewer than two.

    Months are found where every stamp has one day of the month (or is the last) and neighbours are months apart;
    business days where neighbours are a day apart and no Saturday or Sunday occurs in at least two weeks.
    """
    steps = np.diff(times).astype("timedelta64[s]").astype(np.int64)
    differences = steps[steps > 0]
    if not len(differences):
        return None
    step = _most_frequent(differences)
    if 0 < step < 86_400:  # months and business days are coarser
        return Frequency("second", step)
    distinct = np.append(times[:1], times[1:][steps > 0])
    if step >= 27 * 86_400 and len(distinct) >= 2:
        months = np.diff(_month(distinct))
        frequency = Frequency("month", int(np.bincount(months[months > 0]).argmax())) if (months > 0).all() else None
        if frequency is not None and not frequency.off_step(distinct, distinct[0]).any():
            return frequency
    days = distinct.astype("datetime64[D]")
    weekday = (days.astype(np.int64) + 3) % 7
    if step == 86_400 and len(distinct) >= 10 and weekday.max() < 5:
        return Frequency("business_day", 1)
    return Frequency("second", step)


def _most_frequent(values: np.ndarray) -> int:
    """The mode, found without a sort where most values are one number."""
    kinds, counts = np.unique(values[:10_000], return_counts=True)
    guess = int(kinds[counts.argmax()])
    if len(values) <= 10_000 or np.count_nonzero(values == guess) * 2 > len(values):
        return guess
    kinds, counts = np.unique(values, return_counts=True)
    return int(kinds[counts.argmax()])


def duration_rows(value: int | str, frequency: Frequency, key: str, least: int = 1) -> int:
    """Rows of a duration: a number of rows as it is, or `7d`, `24h`, `1mo` in steps of the series.

    Args:
        value: rows or a duration.
        frequency: the step.
        key: for sentences, such as `datamodule.lookback`.
        least: rows that a duration shorter than a step counts.

    Raises:
        BadInput: no such duration.
    """
    if isinstance(value, int):
        return value
    if value.strip().isdigit():
        return int(value)
    number, unit = _split(value, key)
    if unit == "b":
        raise BadInput(f"{key}={value}: rows (168) or a duration (7d, 24h, 30min, 1mo) are accepted")
    if unit in MONTHS and frequency.unit == "month":
        return max(least, int(number * MONTHS[unit]) // frequency.count)
    seconds = number * (MONTHS[unit] * MONTH_SECONDS if unit in MONTHS else SECONDS[unit])
    return max(least, round(seconds / frequency.seconds))


def check_duration(value: int | str | None, key: str, least: int) -> None:
    """Raises BadInput where a key holds neither rows nor a duration."""
    if value is None:
        return
    if isinstance(value, str) and not value.strip().isdigit():
        _split(value, key)
    elif int(value) < least:
        raise BadInput(f"{key}={value}: {least} or more rows, or a duration such as 7d, are accepted")


def _split(text: str, key: str) -> tuple[float, str]:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)?\s*([A-Za-z]+)\s*", text)
    unit = SPELLINGS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise BadInput(f"{key}={text}: rows (168) or a duration (7d, 24h, 30min, 1mo) are accepted")
    return float(match[1] or 1), unit


def _month(times: np.ndarray | np.datetime64) -> np.ndarray:
    return times.astype("datetime64[M]").astype(np.int64)
