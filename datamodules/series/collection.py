"""Several series as one data set: cleaned, of one step, scaled, and joined to tensors.

Every function takes the clean series of a data set in order; `pretrained` is the spec of a finished run whose scaling
and step they have to keep, or None.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from datamodules.errors import BadInput
from datamodules.series.calendar import calendar_features, hour_of_day
from datamodules.series.cleaning import CleaningConfig, CleanSeries, clean
from datamodules.series.clock import Clock, StampTable
from datamodules.series.frequency import Frequency
from datamodules.series.reading import RawSeries
from datamodules.series.scaling import Scaler, fit_scaler
from datamodules.series.season import naive_error
from datamodules.series.source import WindowSource
from datamodules.series.spec import ForecastSeries
from datamodules.series.timeline import Timeline, build_timeline

MOST_CHECKED = 20_000_000  # values in which outliers are looked for


def clean_collection(raw: list[RawSeries], config: CleaningConfig) -> tuple[list[CleanSeries], str, bool]:
    """Clean every series, emptying `raw` to free memory; stamps that several series share are sorted once.

    Returns:
        the clean series, the sha256 of names, stamps and values, and whether outliers were looked for.
    """
    series: list[CleanSeries] = []
    timelines: dict[int, tuple[np.ndarray, Timeline]] = {}
    digest = hashlib.sha256()
    check = sum(len(ts.times) * len(ts.columns) for ts in raw) <= MOST_CHECKED
    while raw:
        ts, line = raw.pop(0), None
        values = ts.values()
        digest.update(ts.name.encode())
        digest.update(ts.times.tobytes())
        digest.update(np.ascontiguousarray(values).data)
        if config.resample is None:  # else the stamps change
            cached = timelines.get(id(ts.times))
            line = cached[1] if cached else build_timeline(ts)
            timelines = {id(ts.times): (ts.times, line)}  # the array is held, so its id is not given to another
        series.append(clean(ts, values, config, line, check))
    return series, digest.hexdigest(), check


def common_frequency(
    series: list[CleanSeries], pretrained: ForecastSeries | None, places: dict[str, str], data_dir: str | None
) -> Frequency:
    """The step that all series have.

    Args:
        series: of the data set.
        pretrained: its step is the expected one.
        places: name of a series -> its file.
        data_dir: for the message.

    Raises:
        BadInput: they have several, or another one than the run.
    """
    expected = pretrained.frequency if pretrained is not None else series[0].frequency
    for ts in series:
        if ts.frequency == expected:
            continue
        if pretrained is not None:
            raise BadInput(
                f"{places[ts.name]}: rows are {ts.frequency} apart; the run was trained on steps of {expected}"
                f" (datamodule.resample={{{expected}: mean}} where the file's are finer)"
            )
        raise BadInput(
            f"datamodule.data_dir={data_dir}: series of several steps ({series[0].name} {expected},"
            f" {ts.name} {ts.frequency}); datamodule.resample={{1h: mean}} gives them one"
        )
    return expected


def _sparse(series: CleanSeries) -> str:
    """What helps where a window would be asked for rows that are not in the file: a column that is often empty."""
    counts = series.report["empty_columns"]
    if series.filled.mean() < 0.3 or not counts:
        return ""
    name = max(counts, key=counts.__getitem__)
    others = "" if len(series.columns) == 1 else "datamodule.target_columns names others, "
    return (
        f"; no window is asked for filled rows, and '{name}' is empty in {counts[name]:,}: {others}a coarser step joins"
        " rows, such as 'datamodule.resample={1h: mean}'"
    )


def too_short(
    series: list[CleanSeries],
    splits: list[dict[str, np.ndarray]],
    places: dict[str, str],
    lookback: int,
    horizon: int,
) -> dict[int, str]:
    """Position of each series without a window -> a message about it."""
    return {
        i: (
            f"{places[ts.name]}: series '{ts.name}' has {len(ts):,} rows, in {ts.report['segments']} unbroken"
            f" stretches; a window needs {lookback + horizon:,} (datamodule.lookback={lookback} + horizon={horizon})"
            f"{_sparse(ts)}"
        )
        for i, (ts, windows) in enumerate(zip(series, splits))
        if not any(len(split) for split in windows.values())
    }


def scaling_of(
    series: CleanSeries, rows: int, scaler: Scaler, pretrained: ForecastSeries | None
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale (K,): the run's, or fitted on the first `rows` rows, without interpolated ones.

    Raises:
        BadInput: there is no such row.
    """
    if pretrained is not None and pretrained.scaling(series.name) is not None:
        return pretrained.scaling(series.name)  # type: ignore[return-value]
    usable = series.values[:rows]
    if series.filled[:rows].any():
        usable = usable[~series.filled[:rows]]
    if not len(usable):
        raise BadInput(f"series {series.name}: no row in the training split to fit the scaler on")
    return fit_scaler(usable, pretrained.scaler if pretrained is not None else scaler)


def naive_error_of(
    series: CleanSeries, end_of_training: int, season: int, scale: np.ndarray, pretrained: ForecastSeries | None
) -> tuple[float, ...]:
    """(K,) error of the seasonal naive forecast: the run's, or that of the training rows; of all rows, where a finished
    run never saw the series."""
    if pretrained is None:
        return naive_error(series, end_of_training, season, scale)
    row = pretrained.row_of(series.name)
    return pretrained.naive_error[row] if row >= 0 else naive_error(series, len(series), pretrained.season, scale)


def build_source(
    series: list[CleanSeries],
    scaling: list[tuple[np.ndarray, np.ndarray]],
    naive: list[tuple[float, ...]],
    spec: ForecastSeries,
    regular: bool,
    lookback: int,
    horizon: int,
) -> tuple[StampTable, WindowSource]:
    """Scaled tensors of all rows, emptying `series` to free memory, and the stamps of the rows.

    Args:
        series: of the data set; each is replaced by None once its rows are copied.
        scaling: offset and scale (K,) of each.
        naive: error (K,) of the seasonal naive forecast of each.
        spec: of the data set, or of the run.
        regular: whether rows follow one another by the step; see `Clock`.
        lookback: rows of a window that are known.
        horizon: rows of a window that are forecast.
    """
    clock = Clock(regular)
    for number, ts in enumerate(series):
        clock.add(ts, number)
    stamps = clock.finish()
    run_series = torch.tensor([spec.row_of(ts.name) for ts in series])
    rows, columns = sum(len(ts) for ts in series), len(series[0].columns)
    values = torch.empty(rows, columns)
    covariates = torch.empty(rows, len(spec.covariates)) if spec.covariates else None
    row = 0
    for number, (offset, scale) in enumerate(scaling):
        ts = series[number]
        end = row + len(ts)
        values[row:end] = torch.from_numpy((ts.values - offset) / scale)
        if covariates is not None:
            covariates[row:end] = torch.from_numpy(spec.scaled_covariates(ts.covariates))
        series[number] = None  # type: ignore[call-overload]
        row = end
    offsets, scales = (torch.tensor(np.stack(table), dtype=torch.float32) for table in zip(*scaling))
    source = WindowSource(
        values,
        torch.from_numpy(calendar_features(stamps.wall, spec.calendar, spec.holidays)),
        torch.from_numpy(hour_of_day(stamps.wall)),
        torch.from_numpy(stamps.first_rows),
        torch.from_numpy(stamps.shifts),
        torch.from_numpy(stamps.numbers),
        run_series,
        offsets,
        scales,
        lookback,
        horizon,
        covariates,
        torch.tensor(naive, dtype=torch.float32),
    )
    return stamps, source
