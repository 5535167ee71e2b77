"""Tables of load by the hour: files -> series, as they stand in the file."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.tables import reading

FORMATS = (".csv", ".tsv", ".parquet")
TIME_NAMES = ("datetime", "date", "timestamp", "time", "ds")
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d")

SeriesOf = Literal["files", "columns"]


@dataclass
class RawSeries:
    """One series as its file has it: N rows in the file's order, K columns."""

    name: str
    columns: tuple[str, ...]
    path: Path | None  # None where it was made up
    times: np.ndarray  # (N,) datetime64[s], local as written
    values: np.ndarray  # (N, K) float64

    def place(self, row: int) -> str:
        """`file:line` of a row, for sentences."""
        return f"{self.path}:{row + 2}" if self.path else f"{self.name}, row {row + 1}"


def find_files(data_dir: str) -> list[Path]:
    """The tables of a folder (`*_hourly.*` where there are such, else all), a glob or one file, in order of name.

    Raises:
        BadInput: there are none.
    """
    path = Path(data_dir).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        tables = sorted(p for p in path.iterdir() if p.suffix.lower() in FORMATS)
        hourly = [p for p in tables if p.stem.endswith("_hourly")]
        if not tables:
            raise BadInput(f"datamodule.data_dir={data_dir}: no {', '.join(FORMATS)} file in that folder")
        return hourly or tables
    matched = sorted(Path(p) for p in glob.glob(str(path)))
    if not matched:
        raise BadInput(f"datamodule.data_dir={data_dir}: no such file, folder or pattern")
    return matched


def read_series(
    paths: list[Path],
    time_column: str | None = None,
    value_columns: list[str] | None = None,
    time_format: str | None = None,
    series: SeriesOf = "files",
) -> list[RawSeries]:
    """Every series of the files.

    Args:
        paths: CSV, TSV or Parquet files with a header.
        time_column: of time stamps; where absent, one that is called so (`Datetime`, `date`, ...), else the first.
        value_columns: to read; where absent, all others.
        time_format: of the stamps, as `strptime` has it; where absent, ISO 8601 without a zone.
        series: `files` (a file is a series of all its columns) or `columns` (each column is a series of its own).

    Raises:
        BadInput: naming file and line of what cannot be read.
    """
    found = [read for path in paths for read in _read_file(path, time_column, value_columns, time_format, series)]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            places = " and ".join(str(one.path) for one in found if one.name == name)
            raise BadInput(f"two series are called '{name}': {places}")
    if len({len(one.columns) for one in found}) > 1:
        odd = next(one for one in found if len(one.columns) != len(found[0].columns))
        raise BadInput(
            f"{odd.path}: {len(odd.columns)} value columns, {found[0].path} has {len(found[0].columns)};"
            " name them with datamodule.value_columns, or take datamodule.series=columns"
        )
    return found


def _read_file(
    path: Path, time_column: str | None, value_columns: list[str] | None, time_format: str | None, series: SeriesOf
) -> Iterator[RawSeries]:
    table = _table(path)
    if not table.width or not table.height:
        raise BadInput(f"{path}: no rows; a header and a row for each hour are needed")
    time = _time_column(path, table, time_column)
    columns = value_columns or [name for name in table.columns if name != time]
    if not columns:
        raise BadInput(f"{path}: no column besides '{time}'; one or more of numbers are needed")
    for name in columns:
        if name not in table.columns:
            raise BadInput(
                f"{path}: no column '{name}'{did_you_mean(name, table.columns)}; it has {', '.join(table.columns)}"
            )
    times = _times(path, table[time], time_format)
    values = np.stack([_numbers(path, table[name]) for name in columns], axis=1)
    stem = path.stem.removesuffix("_hourly")
    if series == "files":
        yield RawSeries(stem, tuple(columns), path, times, values)
        return
    for position, name in enumerate(columns):
        yield RawSeries(f"{stem} {name}", (name,), path, times, values[:, position : position + 1])


def _table(path: Path) -> polars.DataFrame:
    with reading(path, "a table"):
        if path.suffix.lower() == ".parquet":
            return polars.read_parquet(path)
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        try:
            return polars.read_csv(path, separator=separator, infer_schema=False, encoding="utf8")
        except polars.exceptions.NoDataError:
            raise BadInput(f"{path}: empty; a header and a row for each hour are needed") from None


def _time_column(path: Path, table: polars.DataFrame, asked: str | None) -> str:
    if asked is not None:
        if asked not in table.columns:
            raise BadInput(
                f"{path}: no column '{asked}'{did_you_mean(asked, table.columns)} (datamodule.time_column);"
                f" it has {', '.join(table.columns)}"
            )
        return asked
    known = {name.strip().lower(): name for name in reversed(table.columns)}
    for name in TIME_NAMES:
        if name in known:
            return known[name]
    first = table.columns[0]
    if table[first].dtype.is_temporal() or _parsed(table[first].head(1), None).null_count() == 0:
        return first
    raise BadInput(
        f"{path}: no column of time stamps; it has {', '.join(table.columns)}: name one with datamodule.time_column"
    )


def _times(path: Path, column: polars.Series, time_format: str | None) -> np.ndarray:
    parsed = _parsed(column, time_format)
    if parsed.null_count():
        row = int(parsed.is_null().arg_true()[0])
        accepted = time_format or "2004-12-31 01:00:00 (or datamodule.time_format)"
        raise BadInput(f"{path}:{row + 2}: '{column[row]}' is no time stamp like {accepted}")
    return parsed.to_numpy().astype("datetime64[s]")


def _parsed(column: polars.Series, time_format: str | None) -> polars.Series:
    """Time stamps without a zone; null where a text is none."""
    if column.dtype.is_temporal():
        return column.cast(polars.Datetime("us"), strict=False)
    text = column.cast(polars.String).str.strip_chars()
    best = None
    for form in [time_format] if time_format else TIME_FORMATS:
        parsed = text.str.to_datetime(form, strict=False, time_unit="us").dt.replace_time_zone(None)
        if best is None or parsed.null_count() < best.null_count():
            best = parsed
        if not parsed.null_count():
            break
    assert best is not None
    return best


def _numbers(path: Path, column: polars.Series) -> np.ndarray:
    """float64; an empty cell is not a number yet: a missing hour."""
    if column.dtype == polars.String:
        text = column.str.strip_chars()
        numbers = text.cast(polars.Float64, strict=False)
        wrong = (numbers.is_null() & text.is_not_null() & (text != "")) | (numbers.is_not_null() & ~numbers.is_finite())
    elif column.dtype.is_numeric():
        numbers = column.cast(polars.Float64)
        wrong = numbers.is_not_null() & ~numbers.is_finite() & ~numbers.is_nan()
    else:
        raise BadInput(f"{path}: column '{column.name}' holds {column.dtype}, not numbers")
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise BadInput(f"{path}:{row + 2}: '{column[row]}' in column '{column.name}' is no number")
    return numbers.fill_null(np.nan).to_numpy().astype(np.float64)
