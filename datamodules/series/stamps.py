"""Time stamps: text, numbers or table types -> instants, and how a forecast is stamped.

Stamps without a zone are kept as they are written.  Stamps with a zone or an offset become UTC; the calendar is read
in their wall time, and forecasts are written in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars

from datamodules.errors import BadInput
from datamodules.series.stamp_text import FIRST_YEAR, LAST_YEAR, Stamps, from_epoch, parse_format, parse_parts
from datamodules.series.zones import Style, to_numpy

ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
JITTER = 2  # seconds that a stamp may be beside its step
RANGE = re.compile(r"^(.{6,}?[\dZ])(?:\s+(?:-|–|to|/)\s+\d.{3,}|/\d{4}-\d.+)$")


def read_stamps(
    columns: list[polars.Series],
    place: Callable[[int], str],
    time_format: str | None = None,
    day_first: bool | None = None,
) -> Stamps:
    """The stamps of a column, or of several that make one stamp (date and time, date and hour, year month day hour).

    Args:
        columns: of a table.
        place: row -> `file:line`.
        time_format: as Python's strptime has it; None: detected.
        day_first: how `01/02/2024` is meant where the column itself does not say.

    Raises:
        BadInput: a stamp cannot be read, or could be read in two ways.
    """
    if len(columns) > 1:
        return _joined(columns, place, time_format, day_first)
    stamps = _single(columns[0], place, time_format, day_first)
    _check_years(stamps.times, columns[0], place)
    return stamps


def looks_like_stamps(column: polars.Series) -> bool:
    """Whether the first cells of a column can be read as stamps; numbers only where they look like a clock."""
    if column.dtype.is_temporal():
        return column.dtype != polars.Duration
    present = column.drop_nulls()
    heads = [present.head(50)] if column.dtype.is_numeric() else [present.head(50), present.head(1)]
    return any(_can_be_read(head) for head in heads if len(head))


def _can_be_read(cells: polars.Series) -> bool:
    try:
        return not np.isnat(read_stamps([cells], lambda row: "", None, day_first=True).times).any()
    except BadInput:
        return False


# ---------------------------------------------------------------------- one column


def _single(
    column: polars.Series, place: Callable[[int], str], time_format: str | None, day_first: bool | None
) -> Stamps:
    if column.dtype.is_temporal():
        return _temporal(column)
    if time_format is not None:
        if column.dtype.is_numeric():
            column = _as_integers(column)
        return parse_format(column, place, time_format)
    if column.dtype.is_numeric():
        return _numeric(column.cast(polars.Float64), place)
    text = column.cast(polars.String).str.strip_chars()
    text = text.set(text == "", None) if (text == "").any() else text
    for form in ISO_FORMATS:
        parsed = text.str.to_datetime(form, strict=False, time_unit="us")
        if parsed.null_count() == text.null_count():
            return Stamps(to_numpy(parsed), Style(separator="T" if "T" in form else " "))
    present = text.drop_nulls()
    if not len(present):
        return Stamps(np.full(len(text), np.datetime64("NaT"), "datetime64[s]"), Style())
    if present.str.contains(r"^\d{9,}$|^\d{5}(\.\d+)?$").all():
        return _numeric(text.cast(polars.Float64, strict=False), place)
    if RANGE.match(present[0]):
        starts = text.str.extract(RANGE.pattern, 1)
        if starts.null_count() == text.null_count():
            stamps = _single(starts, place, None, day_first)
            return replace(stamps, lines=["stamps are intervals: their start", *stamps.lines])
    return parse_parts(text, place, day_first)


def _temporal(column: polars.Series) -> Stamps:
    zone = getattr(column.dtype, "time_zone", None)
    if column.dtype == polars.Date:
        column = column.cast(polars.Datetime("us"))
    if column.dtype == polars.Time:
        raise BadInput(
            f"column '{column.name}' holds times without a date; datamodule.time_column=[DATE, TIME] joins two"
        )
    if zone is None:
        return Stamps(to_numpy(column), Style())
    return Stamps(to_numpy(column.dt.convert_time_zone("UTC")), Style(zone), lines=[f"stamps in {zone}"])


def _numeric(values: polars.Series, place: Callable[[int], str]) -> Stamps:
    """Epoch seconds, milli-, micro- or nanoseconds, compact dates, days of Excel."""
    numbers = values.to_numpy().astype(np.float64)
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return Stamps(np.full(len(numbers), np.datetime64("NaT"), "datetime64[s]"), Style())
    low, high = present.min(), present.max()
    whole = bool((present == np.floor(present)).all())
    if whole and low >= 16_780_101 and high <= 22_611_231 and _digits_are_dates(present):
        return _compact(numbers, place, 8)
    if whole and low >= 167_801 and high <= 226_112 and _digits_are_dates(present * 100 + 1):
        return _compact(numbers * 100 + 1, place, 8)
    for digits in (10, 12, 14):
        scale = 10 ** (digits - 8)
        if (
            whole
            and low >= 16_780_101 * scale
            and high <= 22_611_231.999999 * scale
            and _digits_are_dates(present // scale)
        ):
            return _compact(numbers, place, digits)
    if low >= 20_000 and high <= 80_000:  # days since 1899-12-30
        seconds = np.round((numbers - 25_569) * 86_400)
        return Stamps(from_epoch(seconds), Style(), lines=["stamps are Excel's days"])
    for unit, name in ((1, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        if 10**8 * unit <= low and high < 10**10 * unit:
            return Stamps(
                from_epoch(np.round(numbers / unit)),
                Style(),
                lines=[f"stamps are {name} since 1970, UTC"],
                instants=True,
            )
    row = int(np.flatnonzero(~np.isnan(numbers))[0])
    raise BadInput(
        f"{place(row)}: '{numbers[row]:g}' is no time stamp; datamodule.time_column names the column of stamps"
    )


def _digits_are_dates(days: np.ndarray) -> bool:
    month, day = days // 100 % 100, days % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _compact(numbers: np.ndarray, place: Callable[[int], str], digits: int) -> Stamps:
    text = polars.Series(
        [None if np.isnan(n) else f"{int(n):0{digits}d}" for n in numbers.tolist()], dtype=polars.String
    )
    return parse_parts(text, place, None)


def _as_integers(column: polars.Series) -> polars.Series:
    """Numbers as they were written: `2021010100`, not `2021010100.0`."""
    whole = column.cast(polars.Int64, strict=False)
    return whole.cast(polars.String) if (whole.cast(polars.Float64) == column).all() else column.cast(polars.String)


# ---------------------------------------------------------------------- several columns


def _joined(
    columns: list[polars.Series], place: Callable[[int], str], time_format: str | None, day_first: bool | None
) -> Stamps:
    names = " and ".join(f"'{column.name}'" for column in columns)
    if time_format is not None:
        texts = [
            (_as_integers(c) if c.dtype.is_numeric() else c.cast(polars.String)).str.strip_chars() for c in columns
        ]
        text = polars.select(polars.concat_str(texts, separator=" ")).to_series()
        stamps = parse_format(text, place, time_format)
        return replace(stamps, lines=[f"stamps from {names}", *stamps.lines])
    numbers = [_whole_numbers(column) for column in columns]
    if len(columns) >= 3 and all(n is not None for n in numbers[:3]):  # year, month, day and perhaps hour, minute
        filled: list[Any] = [*numbers, *[np.zeros(len(columns[0]))] * (5 - len(numbers))]
        written = [f"{int(y):04d}-{int(m):02d}-{int(d):02d}" for y, m, d in zip(*filled[:3])]
        date = _single(polars.Series(written), place, None, day_first)
        seconds = filled[3] * 3600 + filled[4] * 60
        return replace(date, times=date.times + seconds.astype("timedelta64[s]"), lines=[f"stamps from {names}"])
    hours = numbers[1]
    if len(columns) == 2 and hours is not None and "period" in columns[1].name.lower() and hours.min() >= 1:
        most = hours.max()
        seconds = 3600 if most <= 25 else 1800 if most <= 50 else 900
        date = _single(columns[0], place, None, day_first)
        times = date.times + ((hours - 1) * seconds).astype("timedelta64[s]")
        return replace(
            date, times=times, lines=[f"stamps from {names}, periods of {seconds // 60} minutes from 1", *date.lines]
        )
    if len(columns) == 2 and hours is not None and hours.min() >= 0 and hours.max() <= 24:
        date = _single(columns[0], place, None, day_first)
        if hours.max() == 24 and hours.min() == 0:
            raise BadInput(f"column '{columns[1].name}' holds hours from 0 to 24; 0 to 23 or 1 to 24 are accepted")
        ending = ["hour 24 is the next day's 0:00"] if hours.max() == 24 else []
        times = date.times + (hours * 3600).astype("timedelta64[s]")
        return replace(date, times=times, lines=[f"stamps from {names}", *date.lines, *ending])
    texts = [
        c.dt.to_string("%Y-%m-%d" if c.dtype == polars.Date else "%H:%M:%S")
        if c.dtype in (polars.Date, polars.Time)
        else (_as_integers(c) if c.dtype.is_numeric() else c.cast(polars.String)).str.strip_chars()
        for c in columns
    ]
    text = polars.select(polars.concat_str(texts, separator=" ")).to_series()
    stamps = _single(text, place, None, day_first)
    _check_years(stamps.times, text, place)
    return replace(stamps, lines=[f"stamps from {names}", *stamps.lines])


def _whole_numbers(column: polars.Series) -> np.ndarray | None:
    """(N,) the whole numbers of a column (`7`, `HE07`, `H7`), or None where a cell is none."""
    if column.dtype.is_numeric():
        values = column.cast(polars.Float64).to_numpy()
    elif column.dtype == polars.String:
        digits = column.str.strip_chars().str.extract(r"^(?:HE|H|Hour)?\s*(\d{1,4})$", 1)
        values = digits.cast(polars.Float64, strict=False).to_numpy()
    else:
        return None
    return values if len(values) and np.isfinite(values).all() and (values == np.floor(values)).all() else None


def _check_years(times: np.ndarray, column: polars.Series, place: Callable[[int], str]) -> None:
    known = ~np.isnat(times)
    wrong = known & (
        (times < np.datetime64(f"{FIRST_YEAR}-01-01")) | (times >= np.datetime64(f"{LAST_YEAR + 1}-01-01"))
    )
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadInput(f"{place(row)}: '{column[row]}': years from {FIRST_YEAR} to {LAST_YEAR} are accepted")
