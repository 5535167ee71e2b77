"""Stamps of text: dates and times in any order, offsets, formats of strptime."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import polars

from datamodules.errors import BadInput
from datamodules.series.zones import Style, to_numpy

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIRST_YEAR, LAST_YEAR = 1678, 2261
DAY_FIRST = '"%d/%m/%Y %H:%M"'
HOUR, MINUTE, SECOND = r"(?P<hour>\d{1,2})", r"(?:[:.h](?P<minute>\d{2}))?", r"(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
TIME = rf"(?:[T ,_]+{HOUR}{MINUTE}{SECOND}\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
ZONE = r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
DAY_NAME = r"^(?:[A-Za-z]{3,9}\.?,?\s+)?"
A, B, NAME, YEAR = r"(?P<a>\d{1,2})", r"(?P<b>\d{1,2})", r"(?P<name>[A-Za-z]{3,9})", r"(?P<c>\d{4}|\d{2})"
COMPACT_TIME = r"[T _-]?(?P<hour>\d{2})?:?(?P<minute>\d{2})?:?(?P<second>\d{2})?(?:[.,]\d+)?"
#: Order of the parts of a stamp -> a pattern of them: a, b and c are numbers of the date in the order they stand.
PATTERNS = {
    "year first": rf"{DAY_NAME}(?P<a>\d{{4}})[-/.]{B}(?:[-/.](?P<c>\d{{1,2}}))?\.?{TIME}{ZONE}",
    "year last": rf"{DAY_NAME}{A}[-/.]{B}[-/.]{YEAR}\.?{TIME}{ZONE}",
    "day, month name": rf"{DAY_NAME}{A}[-/. ]*{NAME}\.?[-/., ]*{YEAR}{TIME}{ZONE}",
    "month name, day": rf"^(?:[A-Za-z]{{3,9}}, )?{NAME}\.? {A},? (?P<c>\d{{4}}){TIME}{ZONE}",
    "quarter": r"^(?P<a>\d{4})[-/ ]?[Qq](?P<q>[1-4])(?P<zone>Z)?$",
    "month name, year": rf"^{NAME}[-/. ](?P<c>\d{{4}})(?P<zone>Z)?$",
    "compact": rf"^(?P<a>\d{{4}})(?P<b>\d{{2}})(?P<c>\d{{2}}){COMPACT_TIME}{ZONE}",
}


@dataclass(frozen=True)
class Stamps:
    """Stamps of N rows."""

    times: np.ndarray  # (N,) datetime64[s]: UTC where `style.zone` is given, else as written; NaT where there is none
    style: Style
    day_first: bool | None = None  # what was decided, where it had to be
    lines: list[str] = field(default_factory=list)  # for the data line
    instants: bool = False  # whether stamps without a zone are UTC by nature (epochs)


def from_epoch(seconds: np.ndarray) -> np.ndarray:
    """(N,) datetime64[s] of seconds since 1970, NaT where NaN."""
    times = np.full(len(seconds), np.datetime64("NaT"), "datetime64[s]")
    known = ~np.isnan(seconds)
    times[known] = seconds[known].astype(np.int64).astype("datetime64[s]")
    return times


def parse_parts(text: polars.Series, place: Callable[[int], str], day_first: bool | None) -> Stamps:
    """Stamps from the numbers in them: day, month and year in any order, 24:00, AM/PM, offsets."""
    missing = text.is_null()
    best: tuple[int, str, polars.DataFrame] | None = None
    for kind, pattern in PATTERNS.items():
        head = text.drop_nulls().head(1)
        if len(head) and not head.str.contains(pattern)[0]:
            continue
        groups = text.str.extract_groups(pattern).struct.unnest()
        anchor = "name" if "name" in groups.columns else "a"
        failed = int((groups[anchor].is_null() & ~missing).sum())
        if best is None or failed < best[0]:
            best = failed, kind, groups
        if failed == 0:
            break
    if best is None or best[0]:
        return _python_iso(text, place)
    _, kind, groups = best
    return _assembled(text, kind, groups, place, day_first)


def _assembled(
    text: polars.Series, kind: str, groups: polars.DataFrame, place: Callable[[int], str], day_first: bool | None
) -> Stamps:
    def number(name: str, default: int) -> np.ndarray:
        if name not in groups.columns:
            return np.full(len(text), default)
        return groups[name].cast(polars.Int64, strict=False).fill_null(default).to_numpy()

    lines: list[str] = []
    a, b, c = number("a", 1), number("b", 1), number("c", 1)
    missing = text.is_null().to_numpy()
    decided = None
    if kind in ("year first", "compact"):
        year, month, day = a, b, c
    elif kind == "quarter":
        year, month, day = a, 3 * number("q", 1) - 2, np.ones(len(text), dtype=np.int64)
    elif kind == "year last":
        decided = _day_first(text, a[~missing], b[~missing], place, day_first)
        day, month, year = (a, b, c) if decided else (b, a, c)
        lines.append("stamps day first" if decided else "stamps month first")
    else:
        names = groups["name"].str.to_lowercase().str.slice(0, 3)
        month = (
            names.replace_strict(dict(zip(MONTH_NAMES, range(1, 13))), default=0, return_dtype=polars.Int64)
            .fill_null(1)
            .to_numpy()
        )
        day, year = a, c
    year = np.where(year < 70, year + 2000, np.where(year < 100, year + 1900, year))
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    if "half" in groups.columns and groups["half"].null_count() < len(text):
        half = groups["half"].str.to_lowercase().str.slice(0, 1)
        hour = np.where(
            (half == "p").fill_null(False).to_numpy(),
            hour % 12 + 12,
            np.where((half == "a").fill_null(False).to_numpy(), hour % 12, hour),
        )
    if ((hour == 24) & ~missing).any():
        lines.append("24:00 is the next day's 0:00")
    _check_parts(text, place, missing, year, month, day, hour, minute, second)
    months = np.where(missing, 0, (year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(missing, 0, day - 1)
    wrong = (days.astype("datetime64[M]") != months) & ~missing
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadInput(f"{place(row)}: '{text[row]}' is a day that does not exist")
    times = days.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    times[missing] = np.datetime64("NaT")
    return _with_offsets(text, groups["zone"], times, decided, lines)


def _check_parts(text: polars.Series, place: Callable[[int], str], missing: np.ndarray, *parts: np.ndarray) -> None:
    year, month, day, hour, minute, second = parts
    wrong = (month < 1) | (month > 12) | (day < 1) | (day > 31) | (hour > 24) | (minute > 59) | (second > 60)
    wrong |= (hour == 24) & ((minute > 0) | (second > 0))
    wrong |= (year < FIRST_YEAR) | (year > LAST_YEAR)
    wrong &= ~missing
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        if not FIRST_YEAR <= year[row] <= LAST_YEAR:
            raise BadInput(f"{place(row)}: '{text[row]}': years from {FIRST_YEAR} to {LAST_YEAR} are accepted")
        raise _no_stamp(text[row], place(row))


def _day_first(
    text: polars.Series, a: np.ndarray, b: np.ndarray, place: Callable[[int], str], hint: bool | None
) -> bool:
    """Whether `a/b/year` is day first, from the whole column."""
    if (a > 12).any() and (b > 12).any():
        row = int(
            np.flatnonzero(text.is_not_null().to_numpy())[
                np.flatnonzero((b if (a > 12).argmax() < (b > 12).argmax() else a) > 12)[0]
            ]
        )
        raise BadInput(
            f"{place(row)}: '{text[row]}' is month first while others are day first (or the other way round);"
            " datamodule.time_format says how one is written"
        )
    if (a > 12).any():
        return True
    if (b > 12).any():
        return False
    if (a == b).all() or hint is not None:
        return True if hint is None else hint
    row = int((text.is_not_null()).arg_true()[0])
    raise BadInput(
        f"{place(row)}: '{text[row]}' and all other stamps can be read day first and month first;"
        f" datamodule.time_format={DAY_FIRST} or another says which"
    )


def _with_offsets(
    text: polars.Series, zones: polars.Series, times: np.ndarray, day_first: bool | None, lines: list[str]
) -> Stamps:
    """Stamps in UTC, where they carry an offset."""
    separator = "T" if "T" in (text.drop_nulls().head(1).to_list() or [""])[0] else " "
    given = zones.is_not_null().to_numpy() & ~np.isnat(times)
    if not given.any():
        return Stamps(times, Style(separator=separator), day_first, lines)
    if (given != ~np.isnat(times)).any():
        row = int(np.flatnonzero(~given & ~np.isnat(times))[0])
        raise BadInput(f"'{text[row]}' has no offset, other stamps have one")
    distinct = {name: _offset_seconds(name) for name in zones.drop_nulls().unique().sort().to_list()}
    offsets = zones.replace_strict(distinct, default=0, return_dtype=polars.Int64).fill_null(0).to_numpy()
    times = times - offsets.astype("timedelta64[s]")
    named_utc = all(name in ("Z", "z", "UTC", "GMT") for name in distinct)
    if named_utc:
        suffix = "Z" if any(name in "Zz" for name in distinct) else "offset"
        return Stamps(times, Style("UTC", separator, suffix), day_first, [*lines, "stamps in UTC"])
    last = offsets[np.flatnonzero(given)[np.argmax(times[given])]]
    zone = f"{'-' if last < 0 else '+'}{abs(last) // 3600:02d}:{abs(last) // 60 % 60:02d}"
    if len(set(distinct.values())) > 1:
        lines.append(
            f"stamps with several offsets ({', '.join(distinct)}): calendar and forecasts in {zone};"
            " datamodule.timezone=Europe/Paris or another gives local time"
        )
    else:
        lines.append(f"stamps in {zone}")
    return Stamps(times, Style(zone, separator), day_first, lines)


def _offset_seconds(name: str) -> int:
    if name in ("Z", "z", "UTC", "GMT"):
        return 0
    digits = name[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if name[0] == "-" else seconds


def _python_iso(text: polars.Series, place: Callable[[int], str]) -> Stamps:
    """Whatever else Python's `datetime.fromisoformat` reads (week dates, for one)."""

    def parse(cell: str) -> datetime:
        if cell[:1].isdigit():
            return datetime.fromisoformat(cell)
        raise ValueError

    return _by_python(text, place, parse, None)


# ---------------------------------------------------------------------- formats


def parse_format(column: polars.Series, place: Callable[[int], str], time_format: str) -> Stamps:
    """Stamps of a strptime format: by polars where it reads them all, else by Python."""
    text = column.cast(polars.String).str.strip_chars()
    if "%f" not in time_format and "%z" not in time_format and "%Z" not in time_format:
        try:
            parsed = text.str.to_datetime(time_format, strict=False, time_unit="us")
            if parsed.null_count() == text.null_count():
                return Stamps(to_numpy(parsed), Style())
        except polars.exceptions.PolarsError:
            pass

    def parse(cell: str) -> datetime:
        try:
            return datetime.strptime(cell, time_format)
        except ValueError:
            if "%H" not in time_format:
                raise
            earlier = re.sub(r"(?<!\d)24(?=:00|$)", "00", cell)  # 24:00
            if earlier == cell:
                raise
            return datetime.strptime(earlier, time_format) + timedelta(days=1)

    try:
        datetime.strptime("", time_format)
    except ValueError as error:
        if "bad directive" in str(error) or "stray" in str(error):
            raise BadInput(f"datamodule.time_format={time_format}: {error}") from None
    except re.error as error:
        raise BadInput(f"datamodule.time_format={time_format}: {error}") from None
    return _by_python(text, place, parse, time_format)


def _by_python(
    text: polars.Series, place: Callable[[int], str], parse: Callable[[str], datetime], time_format: str | None
) -> Stamps:
    seconds, offsets = np.full(len(text), np.nan), set()
    cache: dict[str, datetime] = {}
    for row, cell in enumerate(text.to_list()):
        if cell is None:
            continue
        if cell not in cache:
            try:
                cache[cell] = parse(cell)
            except (ValueError, OverflowError):
                raise _no_stamp(cell, place(row), time_format) from None
        moment = cache[cell]
        offset = moment.utcoffset()
        offsets.add(None if offset is None else int(offset.total_seconds()))
        seconds[row] = moment.replace(tzinfo=UTC).timestamp() - (offset.total_seconds() if offset else 0)
    if None in offsets and len(offsets) > 1:
        raise BadInput(f"{place(0)}: some stamps have an offset and some have none")
    known = sorted(o for o in offsets if o is not None)
    zone = None
    if known:
        zone = (
            "UTC"
            if known == [0]
            else f"{'-' if known[-1] < 0 else '+'}{abs(known[-1]) // 3600:02d}:{abs(known[-1]) // 60 % 60:02d}"
        )
    return Stamps(from_epoch(np.floor(seconds)), Style(zone))


def _no_stamp(cell: str, where: str, time_format: str | None = None) -> BadInput:
    accepted = (
        f"datamodule.time_format={time_format}"
        if time_format
        else "2004-12-31 01:00:00 (datamodule.time_format names another form)"
    )
    return BadInput(f"{where}: '{cell}' is no time stamp like {accepted}")
