"""Layout of a table: which columns make the stamp, hours in columns, and ids of several series below one another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars

from datamodules.errors import BadInput, did_you_mean
from datamodules.series.stamps import Stamps, looks_like_stamps, read_stamps
from datamodules.series.tables import Table

TIME_NAMES = (
    "datetime", "date_time", "timestamp", "utc_timestamp", "time_stamp", "date", "time", "ds", "ts", "valid", "dt",
    "index", "period", "month", "day",
)  # fmt: skip
HOUR_NAMES = re.compile(
    r"(?:.*[\s_])?(hour|hr|he|time|hours|hourending|hour[\s_]?ending|(?:settlement[\s_]?)?period|heures?|stunde|uhrzeit"
    r"|zeit|horas?|ora|uur|tijd|godzina)(?:[\s_(].*)?"
)
CALENDAR_NAMES = ("year", "month", "day", "hour", "minute")
HOUR_COLUMN = re.compile(r"(?:he|h|hr|hour)?[\s_]*0?(\d{1,2})(?::00)?", re.IGNORECASE)
EXTRA_HOUR = re.compile(r"(?:he|h|hr|hour)?[\s_]*(?:0?\d{1,2}[\s_*]*[a-z*]|25)", re.IGNORECASE)
ID_NAMES = ("unique_id", "series_id", "item_id", "id", "series", "name")
SPARSEST = 5  # a number as id stands beside a fifth of the stamps at least; rarer numbers are values
MOST_REPEATED = 0.01  # of the rows may be repeated stamps (the hour that the clock shows twice)


def time_columns(table: Table, asked: str | Sequence[str] | None) -> list[str]:
    """The column of stamps, or the columns that make one together.

    Args:
        table: a file.
        asked: `datamodule.time_column`; None: a column that is called so (`Datetime`, `date` ...) and can be read,
            else the first that can be read, with the column of hours beside it where it holds dates alone.

    Raises:
        BadInput: there is none.
    """
    names = table.frame.columns
    if asked is not None:
        requested = [asked] if isinstance(asked, str) else list(asked)
        for name in requested:
            if name not in names:
                raise BadInput(
                    f"{table.path}: no column '{name}'{did_you_mean(name, names)} (datamodule.time_column);"
                    f" it has {', '.join(names)}"
                )
        return requested
    lowered = {name.strip().lower(): name for name in reversed(names)}
    if {"year", "month", "day"} <= set(lowered) and all(table.is_numeric(lowered[n]) for n in CALENDAR_NAMES[:3]):
        return [lowered[name] for name in CALENDAR_NAMES if name in lowered]
    named = [lowered[name] for name in TIME_NAMES if name in lowered]
    others = [n for i, n in enumerate(names) if n not in named and (i == 0 or not table.frame[n].dtype.is_numeric())]
    for name in [*named, *others]:
        if looks_like_stamps(table.frame[name]):
            return [name, *_hour_column(table, name)]
    if len(named) > 1:  # such as Date and Time that make no stamp alone
        return named[:2]
    shown = ", ".join(names[:12])
    example = f"; '{table.frame[named[0]][0]}' in '{named[0]}' is none" if named else ""
    raise BadInput(
        f"{table.path}: no column of time stamps{example}; it has {shown}: name one with datamodule.time_column,"
        " or two that make one with datamodule.time_column=[DATE,HOUR], and their form with datamodule.time_format"
    )


def _hour_column(table: Table, date: str) -> list[str]:
    """The column of the hour or time beside a column of dates, where each date stands in several rows."""
    column = table.frame[date]
    head = column.drop_nulls().head(1000)
    if head.n_unique() > len(head) * 0.9 or (column.dtype.is_temporal() and column.dtype != polars.Date):
        return []
    times = read_stamps([head], table.place, None, day_first=True).times
    if (times != times.astype("datetime64[D]")).any():
        return []
    for name in table.frame.columns:
        if name == date or not HOUR_NAMES.fullmatch(name.strip().lower()):
            continue  # under any other name, a number is as well a load
        dtype = table.frame[name].dtype
        cells = table.frame[name].cast(polars.String).str.strip_chars().drop_nulls().head(1000)
        if dtype == polars.Time or (
            len(cells) and cells.str.contains(r"^(?:HE|H)?\s*\d{1,2}(?:\.0)?$|^\d{1,2}[:.]\d{2}").all()
        ):
            return [name]
    clocks = [name for name in table.frame.columns if name != date and _is_clock(table.frame[name])]
    return clocks[:1]  # of two, such as from and to, the start


def _is_clock(column: polars.Series) -> bool:
    """Whether every cell is a time of day such as `07:30`, and there are several."""
    if column.dtype == polars.Time:
        return True
    if column.dtype != polars.String:
        return False
    cells = column.drop_nulls().head(1000).str.strip_chars()
    return bool(cells.n_unique() > 1 and cells.str.contains(r"^\d{1,2}:\d{2}(:\d{2})?$").all())


def hour_columns(table: Table, asked: Sequence[str] | None) -> list[str]:
    """The 24 columns of a table with a day a row, in order; none where it has another layout.

    Raises:
        BadInput: not 24 of those asked for are there.
    """
    names = table.frame.columns
    if asked is not None:
        requested = [str(name) for name in asked]
        for name in requested:
            if name not in names:
                raise BadInput(f"{table.path}: no column '{name}'{did_you_mean(name, names)} (datamodule.hour_columns)")
        if len(requested) != 24:
            raise BadInput(
                f"datamodule.hour_columns: {len(requested)} names; the 24 hours of a day are needed, in order"
            )
        return requested
    found: dict[int, str] = {}
    for name in names:
        match = HOUR_COLUMN.fullmatch(name.strip())
        if match and table.is_numeric(name):
            found.setdefault(int(match[1]), name)
    for hours in (range(1, 25), range(24)):
        if set(hours) <= set(found):
            return [found[hour] for hour in hours]
    return []


def unpivot_hours(
    table: Table, hours: list[str], date: list[str], time_format: str | None = None, identity: str | None = None
) -> tuple[Table, Stamps]:
    """A table with a row for each hour, from one with a day a row; the values are in column `value`.

    Hours 1 to 24 are hour-ending: 24 is the next day's 0:00.

    Args:
        table: with a day a row, or a day and series a row.
        hours: the 24 columns, in order.
        date: the columns that make the day.
        time_format: of the days; None: detected.
        identity: the column of ids, which is kept as others of text are; None: detected where days stand repeatedly.
    """
    days = read_stamps([table.frame[name] for name in date], table.place, time_format)
    others = [name for name in table.frame.columns if name not in hours and name not in date]
    if identity is None and all(table.is_numeric(name) for name in others):
        identity = find_id_column(table, days.times, others)
    first = 0 if HOUR_COLUMN.fullmatch(hours[0].strip()) is not None and _number(hours[0]) == 0 else 1
    offsets = (np.arange(24) + first) * np.timedelta64(3600, "s")
    times = (days.times[:, None] + offsets[None, :]).ravel()
    values = np.stack([table.numbers(name) for name in hours], axis=1).ravel()
    rows = np.repeat(np.arange(table.frame.height), 24)
    keep = [name for name in others if name == identity or not table.is_numeric(name)]
    extra = [name for name in table.frame.columns if EXTRA_HOUR.fullmatch(name.strip()) and name not in hours]
    value = polars.DataFrame({"value": values})
    frame = table.frame.select(keep)[rows].hstack(value) if keep else value
    lines = [
        f"a day a row: hours in columns {hours[0]} to {hours[-1]}" + (" (24 is the next day's 0:00)" if first else "")
    ]
    if extra:
        lines.append(f"column {', '.join(extra)} left out (the hour that the clock shows twice)")
    source = table.rows[rows] if table.rows is not None else rows
    return replace(
        table, frame=frame.drop([n for n in extra if n in frame.columns]), rows=source, lines=[*table.lines, *lines]
    ), replace(days, times=times, lines=days.lines)


def _number(name: str) -> int:
    match = HOUR_COLUMN.fullmatch(name.strip())
    return int(match[1]) if match else 1


def find_id_column(table: Table, times: np.ndarray, others: list[str]) -> str | None:
    """The column that says which series a row belongs to, where stamps are repeated; None where they are not, or where
    they are few and look like a clock that goes back.

    A column is one where every stamp stands once for each of its values, and its values stand in many rows; or, where
    there is none such, at most twice in the few stamps of a clock that goes back.

    Raises:
        BadInput: stamps are repeated, and no column or several could be it.
    """
    order, repeated = strange_repeats(times)
    if not len(repeated):
        return None
    seconds = times.astype(np.int64)
    stamps = len(order) - len(repeated)
    repeats: dict[str, int] = {}
    for name in others:
        column = table.frame[name]
        if column.dtype.is_float() and not _is_whole(column):
            continue
        codes = column.rank("dense").cast(polars.Int64).fill_null(0).to_numpy()
        count = int(codes.max(initial=0))
        is_value = column.dtype.is_numeric() and count * stamps > SPARSEST * len(codes)
        if 2 <= count <= len(codes) / 3 and not is_value:
            repeats[name] = _repeats(codes, seconds)
    least = min(repeats.values(), default=0)
    few = least <= MOST_REPEATED * len(times)
    found = [name for name, count in repeats.items() if count == least and few]
    for name in reversed(found[1:]):  # a code beside a name says the same
        if any(table.follows_from(name, other) and table.follows_from(other, name) for other in found if other != name):
            found.remove(name)
    text = [name for name in found if not table.frame[name].dtype.is_numeric()]
    named = [name for name in found if name.strip().lower() in ID_NAMES or name.strip().lower().endswith("id")]
    chosen = named if len(named) == 1 else text if len(text) == 1 else found
    if len(chosen) == 1:
        return chosen[0]
    row = int(np.flatnonzero(times == order[repeated[0]])[1])
    question = f"is this a long table? datamodule.id_column={(chosen or others or ['NAME'])[0]}"
    if chosen:
        question = f"each of {', '.join(chosen)} could say which series a row is of: datamodule.id_column={chosen[0]}"
    raise BadInput(
        f"{table.place(row)}: {order[repeated[0]]} is there again, and so are {len(repeated):,} stamps of"
        f" {len(order):,} rows; {question}"
    )


def check_repeats(table: Table, times: np.ndarray, rows: np.ndarray, name: str) -> None:
    """Raises BadInput where one series of a long table has a stamp more often than a clock that goes back explains."""
    order, repeated = strange_repeats(times)
    if len(repeated):
        row = int(np.flatnonzero(times == order[repeated[0]])[1])
        raise BadInput(
            f"{table.place(int(rows[row]))}: {order[repeated[0]]} is there again in series '{name}', and so are"
            f" {len(repeated):,} stamps of {len(order):,} rows; does another column tell them apart"
            " (datamodule.id_column)?"
        )


def strange_repeats(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stamps (N,) in order, and (R,) those that equal the next one; none of them where they look like a clock that goes
    back: at most two rows a stamp, and at most `MOST_REPEATED` of the rows or an hour of a day."""
    steps = np.diff(times)
    order = times if (steps > np.timedelta64(0, "s")).all() else np.sort(times)
    repeated = np.flatnonzero(order[1:] == order[:-1])
    few = len(repeated) <= MOST_REPEATED * len(order)
    twice = not (np.diff(repeated) == 1).any()
    if len(repeated) and twice and (few or _in_one_hour(order[repeated])):
        return order, repeated[:0]
    return order, repeated


def _in_one_hour(stamps: np.ndarray) -> bool:
    """Whether repeated stamps lie in one hour of each of a few days, at most one a hundred days."""
    days = np.unique(stamps.astype("datetime64[D]"))
    hours = np.unique(stamps.astype("datetime64[h]"))
    return len(hours) == len(days) and (len(days) == 1 or bool((np.diff(days).astype(int) > 100).all()))


def _is_whole(column: polars.Series) -> bool:
    return bool((column.drop_nulls().floor() == column.drop_nulls()).all())


def _repeats(codes: np.ndarray, seconds: np.ndarray) -> int:
    """Rows whose code and stamp an earlier row has."""
    order = np.lexsort((seconds, codes))
    same = (codes[order][1:] == codes[order][:-1]) & (seconds[order][1:] == seconds[order][:-1])
    return int(np.count_nonzero(same))
