"""Time stamps: text, numbers or table types -> instants, and how a forecast is stamped.

Stamps without a zone are kept as they are written.  Stamps with a zone or an offset become UTC; the calendar is read
in their wall time, and forecasts are written in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars

from datamodules.errors import BadInput

ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIRST_YEAR, LAST_YEAR = 1678, 2261
JITTER = 2  # seconds that a stamp may be beside its step
TIME = r"(?:[T ,_]+(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2}))?(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
ZONE = r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
DAYNAME = r"^(?:[A-Za-z]{3,9}\.?,?\s+)?"
PATTERNS = {
    "year first": rf"{DAYNAME}(?P<a>\d{{4}})[-/.](?P<b>\d{{1,2}})(?:[-/.](?P<c>\d{{1,2}}))?\.?{TIME}{ZONE}",
    "year last": rf"{DAYNAME}(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<c>\d{{4}}|\d{{2}})\.?{TIME}{ZONE}",
    "day, month name": rf"{DAYNAME}(?P<a>\d{{1,2}})[-/. ]*(?P<name>[A-Za-z]{{3,9}})\.?[-/., ]*(?P<c>\d{{4}}|\d{{2}}){TIME}{ZONE}",
    "month name, day": rf"^(?:[A-Za-z]{{3,9}}, )?(?P<name>[A-Za-z]{{3,9}})\.? (?P<a>\d{{1,2}}),? (?P<c>\d{{4}}){TIME}{ZONE}",
    "month name, year": rf"^(?P<name>[A-Za-z]{{3,9}})[-/. ](?P<c>\d{{4}})(?P<zone>Z)?$",
    "compact": r"^(?P<a>\d{4})(?P<b>\d{2})(?P<c>\d{2})[T _-]?(?P<hour>\d{2})?:?(?P<minute>\d{2})?:?(?P<second>\d{2})?(?:[.,]\d+)?"
    + ZONE,
}
RANGE = re.compile(r"^(.{6,}?[\dZ])(?:\s+(?:-|–|to|/)\s+\d.{3,}|/\d{4}-\d.+)$")
DAY_FIRST = '"%d/%m/%Y %H:%M"'


@dataclass(frozen=True)
class Style:
    """How stamps are written.

    Args:
        zone: in which a stamp is written: an IANA name, `+01:00`, `UTC`; None where the file says none.
        separator: between date and time.
        suffix: after a stamp with a zone: `offset` or `Z`.
        local: zone of the wall time in which stamps without a zone are written, where rows are kept in UTC.
        is_wall: rows are kept in the zone's wall time, not in UTC (steps of a day or more).
    """

    zone: str | None = None
    separator: str = " "
    suffix: str = "offset"
    local: str | None = None
    is_wall: bool = False

    def write(self, times: np.ndarray) -> list[str]:
        """(N,) datetime64[s] instants as the file writes them."""
        times = times.astype("datetime64[s]")
        if self.zone is None:
            shown = to_wall_time(times, self.local) if self.local and not self.is_wall else times
            return [text.replace("T", self.separator) for text in np.datetime_as_string(shown, unit="s").tolist()]
        zone = zone_of(self.zone)
        written = []
        for seconds in times.astype(np.int64).tolist():
            moment = datetime.fromtimestamp(seconds, UTC)
            moment = moment.replace(tzinfo=zone) if self.is_wall else moment.astimezone(zone)
            text = moment.isoformat(sep=self.separator)
            written.append(text.removesuffix("+00:00") + "Z" if self.suffix == "Z" else text)
        return written


@dataclass(frozen=True)
class Stamps:
    """Stamps of N rows."""

    times: np.ndarray  # (N,) datetime64[s]: UTC where `style.zone` is given, else as written; NaT where there is none
    style: Style
    day_first: bool | None = None  # what was decided, where it had to be
    lines: list[str] = field(default_factory=list)  # for the data line
    instants: bool = False  # whether stamps without a zone are UTC by nature (epochs)


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


def zone_of(name: str) -> Any:
    """A tzinfo of an IANA name, `UTC` or an offset `+01:00`.

    Raises:
        BadInput: no such zone.
    """
    if name in ("UTC", "Z"):
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        from datetime import timezone

        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"datamodule.timezone={name}: no such zone; an IANA name such as Europe/Madrid is accepted") from None


def to_wall_time(times: np.ndarray, zone: str) -> np.ndarray:
    """(N,) UTC instants -> wall time of a zone, both datetime64[s]."""
    if zone in ("UTC", "Z") or re.fullmatch(r"[+-]\d{2}:?\d{2}", zone):
        offset = zone_of(zone).utcoffset(None) or timedelta(0)
        return times + np.timedelta64(int(offset.total_seconds()), "s")
    zone_of(zone)
    return _to_numpy(_utc(times).dt.convert_time_zone(zone).dt.replace_time_zone(None))


def to_utc(times: np.ndarray, zone: str, place: Callable[[int], str]) -> np.ndarray:
    """(N,) wall times of a zone -> UTC.  Of the hour that the clock shows twice, the earlier rows are summer time.

    Raises:
        BadInput: a time that the clock of that zone never showed.
    """
    zone_of(zone)
    local = polars.Series(times.astype("datetime64[us]"))
    early = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if early.null_count() > int(np.isnat(times).sum()):
        row = int((early.is_null() & local.is_not_null()).arg_true()[0])
        raise BadInput(
            f"{place(row)}: {local[row]} does not exist in datamodule.timezone={zone} (the clock was put forward);"
            " without the key, stamps are taken as they are"
        )
    late = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    first, second = _to_numpy(early.dt.convert_time_zone("UTC")), _to_numpy(late.dt.convert_time_zone("UTC"))
    if (first == second).all():
        return first
    _, inverse, counts = np.unique(times, return_inverse=True, return_counts=True)
    order = np.argsort(inverse, kind="stable")
    rank = np.arange(len(times)) - np.repeat(np.cumsum(counts) - counts, counts)
    again = np.zeros(len(times), bool)
    again[order] = rank > 0
    return np.where(again, second, first)


# ---------------------------------------------------------------------- one column


def _single(column: polars.Series, place: Callable[[int], str], time_format: str | None, day_first: bool | None) -> Stamps:
    if column.dtype.is_temporal():
        return _temporal(column)
    if time_format is not None:
        if column.dtype.is_numeric():
            column = _as_integers(column)
        return _formatted(column, place, time_format)
    if column.dtype.is_numeric():
        return _numeric(column.cast(polars.Float64), place)
    text = column.cast(polars.String).str.strip_chars()
    text = text.set(text == "", None) if (text == "").any() else text
    for form in ISO_FORMATS:
        parsed = text.str.to_datetime(form, strict=False, time_unit="us")
        if parsed.null_count() == text.null_count():
            return Stamps(_to_numpy(parsed), Style(separator="T" if "T" in form else " "))
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
    return _parts(text, place, day_first)


def _temporal(column: polars.Series) -> Stamps:
    zone = getattr(column.dtype, "time_zone", None)
    if column.dtype == polars.Date:
        column = column.cast(polars.Datetime("us"))
    if column.dtype == polars.Time:
        raise BadInput(f"column '{column.name}' holds times without a date; datamodule.time_column=[DATE, TIME] joins two")
    if zone is None:
        return Stamps(_to_numpy(column), Style())
    return Stamps(_to_numpy(column.dt.convert_time_zone("UTC")), Style(zone), lines=[f"stamps in {zone}"])


def _numeric(values: polars.Series, place: Callable[[int], str]) -> Stamps:
    """Epoch seconds, milli-, micro- or nanoseconds, compact dates, days of Excel."""
    numbers = values.to_numpy().astype(np.float64)
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return Stamps(np.full(len(numbers), np.datetime64("NaT"), "datetime64[s]"), Style())
    low, high = present.min(), present.max()
    whole = bool((present == np.floor(present)).all())
    if whole and 16_780_101 <= low and high <= 22_611_231 and _digits_are_dates(present):
        return _compact(numbers, place, 8)
    if whole and 167_801 <= low and high <= 226_112 and _digits_are_dates(present * 100 + 1):
        return _compact(numbers * 100 + 1, place, 8)
    for digits in (10, 12, 14):
        scale = 10 ** (digits - 8)
        if whole and low >= 16_780_101 * scale and high <= 22_611_231.999999 * scale and _digits_are_dates(present // scale):
            return _compact(numbers, place, digits)
    if 20_000 <= low and high <= 80_000:  # days since 1899-12-30
        seconds = np.round((numbers - 25_569) * 86_400)
        return Stamps(_from_epoch(seconds), Style(), lines=["stamps are Excel's days"])
    for unit, name in ((1, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        if 10**8 * unit <= low and high < 10**10 * unit:
            return Stamps(_from_epoch(np.round(numbers / unit)), Style(), lines=[f"stamps are {name} since 1970, UTC"], instants=True)
    row = int(np.flatnonzero(~np.isnan(numbers))[0])
    raise BadInput(f"{place(row)}: '{numbers[row]:g}' is no time stamp; datamodule.time_column names the column of stamps")


def _digits_are_dates(days: np.ndarray) -> bool:
    month, day = days // 100 % 100, days % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _compact(numbers: np.ndarray, place: Callable[[int], str], digits: int) -> Stamps:
    text = polars.Series([None if np.isnan(n) else f"{int(n):0{digits}d}" for n in numbers.tolist()], dtype=polars.String)
    return _parts(text, place, None)


def _as_integers(column: polars.Series) -> polars.Series:
    """Numbers as they were written: `2021010100`, not `2021010100.0`."""
    whole = column.cast(polars.Int64, strict=False)
    return whole.cast(polars.String) if (whole.cast(polars.Float64) == column).all() else column.cast(polars.String)


def _from_epoch(seconds: np.ndarray) -> np.ndarray:
    times = np.full(len(seconds), np.datetime64("NaT"), "datetime64[s]")
    known = ~np.isnan(seconds)
    times[known] = seconds[known].astype(np.int64).astype("datetime64[s]")
    return times


# ---------------------------------------------------------------------- text of known parts


def _parts(text: polars.Series, place: Callable[[int], str], day_first: bool | None) -> Stamps:
    """Stamps from the numbers in them: day, month and year in any order, 24:00, AM/PM, offsets."""
    missing = text.is_null()
    best: tuple[int, str, polars.DataFrame] | None = None
    for kind, pattern in PATTERNS.items():
        head = text.drop_nulls().head(1)
        if len(head) and not head.str.contains(pattern.replace("(?P<", "(?P<"))[0]:
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
    elif kind == "year last":
        decided = _day_first(text, a[~missing], b[~missing], place, day_first)
        day, month, year = (a, b, c) if decided else (b, a, c)
        lines.append("stamps day first" if decided else "stamps month first")
    else:
        names = groups["name"].str.to_lowercase().str.slice(0, 3)
        month = names.replace_strict(dict(zip(MONTH_NAMES, range(1, 13))), default=0, return_dtype=polars.Int64).fill_null(1).to_numpy()
        day, year = a, c
    year = np.where(year < 70, year + 2000, np.where(year < 100, year + 1900, year))
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    if "half" in groups.columns and groups["half"].null_count() < len(text):
        half = groups["half"].str.to_lowercase().str.slice(0, 1)
        hour = np.where((half == "p").fill_null(False).to_numpy(), hour % 12 + 12, np.where((half == "a").fill_null(False).to_numpy(), hour % 12, hour))
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


def _day_first(text: polars.Series, a: np.ndarray, b: np.ndarray, place: Callable[[int], str], hint: bool | None) -> bool:
    """Whether `a/b/year` is day first, from the whole column."""
    if (a > 12).any() and (b > 12).any():
        row = int(np.flatnonzero(text.is_not_null().to_numpy())[np.flatnonzero((b if (a > 12).argmax() < (b > 12).argmax() else a) > 12)[0]])
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


def _formatted(column: polars.Series, place: Callable[[int], str], time_format: str) -> Stamps:
    """Stamps of a strptime format: by polars where it reads them all, else by Python."""
    text = column.cast(polars.String).str.strip_chars()
    if "%f" not in time_format and "%z" not in time_format and "%Z" not in time_format:
        try:
            parsed = text.str.to_datetime(time_format, strict=False, time_unit="us")
            if parsed.null_count() == text.null_count():
                return Stamps(_to_numpy(parsed), Style())
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
        zone = "UTC" if known == [0] else f"{'-' if known[-1] < 0 else '+'}{abs(known[-1]) // 3600:02d}:{abs(known[-1]) // 60 % 60:02d}"
    return Stamps(_from_epoch(np.floor(seconds)), Style(zone))


def _no_stamp(cell: str, where: str, time_format: str | None = None) -> BadInput:
    accepted = f"datamodule.time_format={time_format}" if time_format else "2004-12-31 01:00:00 (datamodule.time_format names another form)"
    return BadInput(f"{where}: '{cell}' is no time stamp like {accepted}")


# ---------------------------------------------------------------------- several columns


def _joined(columns: list[polars.Series], place: Callable[[int], str], time_format: str | None, day_first: bool | None) -> Stamps:
    names = " and ".join(f"'{column.name}'" for column in columns)
    if time_format is not None:
        texts = [(_as_integers(c) if c.dtype.is_numeric() else c.cast(polars.String)).str.strip_chars() for c in columns]
        text = polars.select(polars.concat_str(texts, separator=" ")).to_series()
        stamps = _formatted(text, place, time_format)
        return replace(stamps, lines=[f"stamps from {names}", *stamps.lines])
    numbers = [_whole_numbers(column) for column in columns]
    if len(columns) >= 3 and all(n is not None for n in numbers[:3]):  # year, month, day and perhaps hour, minute
        filled = [*numbers, *[np.zeros(len(columns[0]))] * (5 - len(numbers))]
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
        return replace(date, times=times, lines=[f"stamps from {names}, periods of {seconds // 60} minutes from 1", *date.lines])
    if len(columns) == 2 and hours is not None and hours.min() >= 0 and hours.max() <= 24:
        date = _single(columns[0], place, None, day_first)
        if hours.max() == 24 and hours.min() == 0:
            raise BadInput(f"column '{columns[1].name}' holds hours from 0 to 24; 0 to 23 or 1 to 24 are accepted")
        ending = ["hour 24 is the next day's 0:00"] if hours.max() == 24 else []
        times = date.times + (hours * 3600).astype("timedelta64[s]")
        return replace(date, times=times, lines=[f"stamps from {names}", *date.lines, *ending])
    texts = [c.dt.to_string("%Y-%m-%d" if c.dtype == polars.Date else "%H:%M:%S") if c.dtype in (polars.Date, polars.Time) else (_as_integers(c) if c.dtype.is_numeric() else c.cast(polars.String)).str.strip_chars() for c in columns]
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
    wrong = known & ((times < np.datetime64(f"{FIRST_YEAR}-01-01")) | (times >= np.datetime64(f"{LAST_YEAR + 1}-01-01")))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadInput(f"{place(row)}: '{column[row]}': years from {FIRST_YEAR} to {LAST_YEAR} are accepted")


def _utc(times: np.ndarray) -> polars.Series:
    return polars.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")


def _to_numpy(column: polars.Series) -> np.ndarray:
    return column.dt.replace_time_zone(None).cast(polars.Datetime("us")).to_numpy().astype("datetime64[s]")
