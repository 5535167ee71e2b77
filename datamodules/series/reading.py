"""Files of series: tables of any dialect and layout -> series, as they stand in the file."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars

from datamodules.errors import BadInput, did_you_mean
from datamodules.files.listing import is_data
from datamodules.series.columns import choose_targets
from datamodules.series.config import ReadingConfig
from datamodules.series.layout import (
    check_repeats,
    find_id_column,
    hour_columns,
    strange_repeats,
    time_columns,
    unpivot_hours,
)
from datamodules.series.stamps import Stamps, read_stamps
from datamodules.series.tables import Table, read_table
from datamodules.series.zones import Style, to_utc, to_wall_time

FORMATS = (".csv", ".tsv", ".txt", ".parquet", ".tsf")
SHOWN = 8  # names in a line for people

SeriesOf = Literal["files", "columns"]


@dataclass
class RawSeries:
    """One series as its file has it: N rows in the file's order, K targets, then C covariates."""

    name: str
    columns: tuple[str, ...]  # K targets
    path: Path | None  # None where it was made up
    times: np.ndarray  # (N,) datetime64[s]: UTC where `zone` is given, else as written
    values: Callable[[], np.ndarray]  # -> (N, K + C) float64, NaN where missing
    covariates: tuple[str, ...] = ()  # C: past covariates, then future ones
    zone: str | None = None  # whose wall time the calendar is read in
    style: Style = field(default_factory=Style)
    place: Callable[[int], str] = lambda row: f"row {row + 1}"  # row -> `file:line`, for sentences


@dataclass
class FileReport:
    """What was detected in a file, for the data line, and what later files are read by."""

    path: Path
    lines: list[str]
    day_first: bool | None = None


def find_files(data_dir: str) -> list[Path]:
    """The tables of a folder (`*_hourly.*` where there are such, else all), a glob or one file, in order of name.

    Raises:
        BadInput: there are none.
    """
    path = Path(data_dir).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        tables = sorted(p for p in path.iterdir() if p.suffix.lower() in FORMATS and is_data(p.name))
        hourly = [p for p in tables if p.stem.endswith("_hourly")]
        if not tables:
            raise BadInput(f"datamodule.data_dir={data_dir}: no {', '.join(FORMATS)} file in that folder")
        return hourly or tables
    matched = sorted(Path(p) for p in glob.glob(str(path)))
    if not matched:
        raise BadInput(f"datamodule.data_dir={data_dir}: no such file, folder or pattern")
    return matched


def read_series(paths: list[Path], config: ReadingConfig) -> tuple[list[RawSeries], list[FileReport]]:
    """Every series of the files, and what was detected.

    Args:
        paths: CSV, TSV, Parquet or TSF files.
        config: how they are read.

    Raises:
        BadInput: naming file and line of what cannot be read.
    """
    all_series: list[RawSeries] = []
    reports: list[FileReport] = []
    for path in paths:
        series, report = _read_file(path, config)
        all_series += series
        reports.append(report)
    first_with: dict[str, RawSeries] = {}
    for ts in all_series:
        if ts.name in first_with:
            places = " and ".join(dict.fromkeys([str(first_with[ts.name].path), str(ts.path)]))
            raise BadInput(f"two series are called '{ts.name}': {places}")
        first_with[ts.name] = ts
    return [_in_order(ts, all_series[0]) for ts in all_series], reports


def _in_order(series: RawSeries, first: RawSeries) -> RawSeries:
    """A series with its columns in the order of the first one's, matched by name.

    Raises:
        BadInput: other columns, or another number of them.
    """
    if series.columns == first.columns or len(series.columns) == len(first.columns) == 1:
        return series
    if set(series.columns) != set(first.columns):
        raise BadInput(
            f"{series.path}: columns {', '.join(series.columns[:SHOWN])}; {first.path} has"
            f" {', '.join(first.columns[:SHOWN])}: name those of all files with datamodule.target_columns, or take"
            " datamodule.series=columns"
        )
    order = [series.columns.index(name) for name in first.columns]
    order += range(len(series.columns), len(series.columns) + len(series.covariates))
    values = series.values
    return replace(series, columns=first.columns, values=lambda: values()[:, order])


# ---------------------------------------------------------------------- one file


def _read_file(path: Path, config: ReadingConfig) -> tuple[list[RawSeries], FileReport]:
    settings = {
        key: getattr(config, key)
        for key in ("separator", "decimal", "thousands", "encoding", "skip_rows", "missing_values")
    }
    table = read_table(path, settings)
    time = time_columns(table, config.time_column)
    hours = hour_columns(table, config.hour_columns)
    if hours and not set(hours) & set(time):
        table, stamps = unpivot_hours(table, hours, time, config.time_format, config.id_column)
    else:
        stamps = read_stamps([table.frame[name] for name in time], table.place, config.time_format, config.day_first)
    table, stamps = _rows_with_stamps(table, stamps, time)
    columns = [name for name in table.frame.columns if name not in time]
    identity = config.id_column
    if identity is not None and identity not in table.frame.columns:
        raise BadInput(f"{path}: no column '{identity}'{did_you_mean(identity, columns)} (datamodule.id_column)")
    lines = [*table.lines, *stamps.lines]
    if identity is None:
        candidates = [c for c in columns if c not in config.covariates and c not in (config.target_columns or ())]
        again = _identical_rows(table, stamps.times)
        if again is not None:
            lines.append(f"{len(stamps.times) - len(again):,} rows stand twice, the same: kept once")
            table, stamps = _take(table, again), replace(stamps, times=stamps.times[again])
        identity = find_id_column(table, stamps.times, candidates)
    columns = [name for name in table.frame.columns if name not in time and name != identity]
    targets, left_out = choose_targets(table, columns, config, identity, stamps.times)
    if left_out:
        lines.append(f"columns left out: {', '.join(left_out[:SHOWN])}{' ...' if len(left_out) > SHOWN else ''}")
    times, zone, style = _clock(stamps, config.timezone, table.place)
    if identity is None:
        groups: list[tuple[str, np.ndarray | None]] = [(path.stem.removesuffix("_hourly"), None)]
    else:
        ids = table.text(identity).fill_null("")
        names = ids.unique(maintain_order=True).to_list()
        groups = [*_groups(ids, names)]
        lines.append(f"a long table: {len(names):,} series by column '{identity}'")
    cache: dict[str, np.ndarray] | None = {} if identity is not None else None
    series = []
    for name, rows in groups:
        if rows is not None:
            check_repeats(table, times[rows], rows, name)
        sets = [targets] if config.series == "files" else [[target] for target in targets]
        for chosen in sets:
            called = name if config.series == "files" else f"{name} {chosen[0]}"
            series.append(
                RawSeries(
                    called,
                    tuple(chosen),
                    path,
                    times if rows is None else times[rows],
                    _values(table, [*chosen, *config.covariates], rows, cache),
                    config.covariates,
                    zone,
                    style,
                    _place(table, rows),
                )
            )
    return series, FileReport(path, lines, stamps.day_first)


def _place(table: Table, rows: np.ndarray | None) -> Callable[[int], str]:
    return table.place if rows is None else lambda row: table.place(int(rows[row]))


def _groups(ids: polars.Series, names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    codes = ids.replace_strict(names, list(range(len(names))), return_dtype=polars.Int64).to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    for name, start, end in zip(names, [0, *ends[:-1]], ends):
        yield name or "no id", order[start:end]


def _values(
    table: Table, names: list[str], rows: np.ndarray | None, cache: dict[str, np.ndarray] | None
) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        parts = []
        for name in names:
            values = cache.get(name) if cache is not None else None
            if values is None:
                values = table.numbers(name)
                if cache is not None:
                    cache[name] = values
            parts.append(values if rows is None else values[rows])
        return parts[0][:, None] if len(parts) == 1 else np.stack(parts, axis=1)

    return read


def _rows_with_stamps(table: Table, stamps: Stamps, time: list[str]) -> tuple[Table, Stamps]:
    """Without rows that hold nothing but separators.

    Raises:
        BadInput: a row with values has no stamp.
    """
    missing = np.isnat(stamps.times)
    if not missing.any():
        return table, stamps
    if missing.all():
        raise BadInput(f"{table.path}: column '{time[0]}' holds no time stamp")
    others = [name for name in table.frame.columns if name not in time]
    empty = table.frame.select(polars.all_horizontal(polars.col(others).is_null())).to_series().to_numpy()
    if (missing & ~empty).any():
        row = int(np.flatnonzero(missing & ~empty)[0])
        raise BadInput(f"{table.place(row)}: no time stamp in column '{time[0]}', but values beside it")
    kept = np.flatnonzero(~missing)
    return _take(table, kept), replace(stamps, times=stamps.times[kept])


def _take(table: Table, rows: np.ndarray) -> Table:
    source = rows if table.rows is None else table.rows[rows]
    return replace(table, frame=table.frame[rows], rows=source)


def _identical_rows(table: Table, times: np.ndarray) -> np.ndarray | None:
    """Rows without those that repeat an earlier one cell by cell; None where there are none such."""
    if not len(strange_repeats(times)[1]):
        return None
    stamped = table.frame.with_row_index("__row").with_columns(__stamp=polars.Series(times.astype("datetime64[us]")))
    kept = stamped.unique(subset=[*table.frame.columns, "__stamp"], keep="first", maintain_order=True)
    return None if kept.height == table.frame.height else kept["__row"].to_numpy()


def _clock(stamps: Stamps, timezone: str | None, place: Callable[[int], str]) -> tuple[np.ndarray, str | None, Style]:
    """Times, the zone whose wall time the calendar is read in, and the style of forecasts.

    Instants stay in UTC, where steps are even; steps of a day or more are even in wall time instead.
    """
    times, style = stamps.times, stamps.style
    zone = timezone or style.zone
    if style.zone is None and timezone is not None and not stamps.instants:
        times, style = to_utc(times, timezone, place), replace(style, local=timezone)
    if zone is None:
        return times, None, style
    differences = np.diff(np.unique(times)).astype("timedelta64[s]").astype(np.int64)
    if len(differences) and np.median(differences) >= 82_000:
        return to_wall_time(times, zone), None, replace(style, is_wall=True)
    return times, zone, style
