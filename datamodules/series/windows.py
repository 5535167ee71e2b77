"""Windows of a series that a run is asked about, its end among them."""

from __future__ import annotations

import numpy as np
import torch

from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.calendar import calendar_features
from datamodules.series.cleaning import CleanSeries
from datamodules.series.scaling import fit_scaler
from datamodules.series.spec import ForecastSeries
from datamodules.series.zones import to_wall_time


def wall_times(series: CleanSeries, times: np.ndarray) -> np.ndarray:
    """Wall times of stamps, from which calendar features are made."""
    return times if series.zone is None else to_wall_time(times, series.zone)


def cutoffs_of(series: CleanSeries, rows: int, spec: ForecastSeries) -> tuple[list[int], int]:
    """Rows that end a look-back: the last row, and before it one every horizon over the last `rows` steps; and how many
    of those were skipped because a gap or the file's beginning lies within their look-back.

    A row that was filled is none that a forecast may start from.
    """
    positions = series.frequency.positions(series.times, series.times[0])
    end, kept, skipped = int(positions[-1]), [len(series) - 1], 0
    asked = range(end - spec.horizon, end - rows - spec.horizon, -spec.horizon) if rows else range(0)
    for position in asked:
        row = int(np.searchsorted(positions, position, side="right")) - 1
        if row >= 0 and positions[row] == position and not _problem(series, row, spec):
            kept.insert(0, row)
        else:
            skipped += 1
    return kept, skipped


def _problem(series: CleanSeries, row: int, spec: ForecastSeries) -> str | None:
    """Why no forecast can start after this row, or None."""
    start = row - spec.lookback + 1
    if start < 0:
        return f"{row + 1:,} rows; the run looks back {spec.lookback:,}"
    if series.segment[row] != series.segment[start]:
        begin = int(np.flatnonzero(series.segment == series.segment[row])[0])
        return (
            f"a gap before {_stamp(series, series.times[begin])} lies within the {spec.lookback:,} rows before"
            f" {_stamp(series, series.stamps_after(row, 1)[0])} that the run looks back; a run with"
            f" datamodule.lookback={row - begin + 1} or less can forecast there"
        )
    return "that row is missing in the file" if series.filled[row] else None


def windows_after(series: CleanSeries, rows: list[int], spec: ForecastSeries, name: str | None = None) -> WindowBatch:
    """Windows without targets: the look-backs that end with these rows, for forecasting what follows each.

    A series that the run was trained on is scaled as then, another by its own rows.

    Args:
        series: the clean series.
        rows: last known row of each window.
        spec: of the run.
        name: which series of the run it is; None: the one that has its name.

    Raises:
        BadInput: a window does not lie in one unbroken stretch of rows, or a future covariate is missing.
    """
    for row in rows:
        problem = _problem(series, row, spec)
        if problem:
            raise BadInput(problem)
    name = series.name if name is None else name
    offset, scale = spec.scaling(name) or fit_scaler(series.values[~series.filled], spec.scaler)
    scaled = ((series.values - offset) / scale).astype(np.float32)
    window = spec.lookback + spec.horizon
    stamps = np.concatenate(
        [
            np.concatenate([series.times[row - spec.lookback + 1 : row + 1], series.stamps_after(row, spec.horizon)])
            for row in rows
        ]
    )
    first = torch.arange(len(rows)) * window + spec.lookback
    covariates = None
    if spec.covariates:
        tables = [_covariates(series, row, spec) for row in rows]
        covariates = torch.from_numpy(spec.scaled_covariates(np.concatenate(tables)))
    return WindowBatch(
        torch.from_numpy(np.stack([scaled[row - spec.lookback + 1 : row + 1] for row in rows])),
        torch.full((len(rows),), spec.row_of(name)),
        first,
        torch.from_numpy(calendar_features(wall_times(series, stamps), spec.calendar, spec.holidays)),
        spec.horizon,
        offset=torch.tensor(offset, dtype=torch.float32).expand(len(rows), -1),
        scale=torch.tensor(scale, dtype=torch.float32).expand(len(rows), -1),
        row=first,
        covariates=covariates,
    )


def _covariates(series: CleanSeries, row: int, spec: ForecastSeries) -> np.ndarray:
    """(L + H, C) covariates of a window; those of the past alone are 0 in the rows ahead.

    Raises:
        BadInput: a future covariate of a row ahead is missing.
    """
    past = series.covariates[row - spec.lookback + 1 : row + 1]
    ahead = np.full((spec.horizon, past.shape[1]), np.nan)
    stamps = series.stamps_after(row, spec.horizon)
    for times, table in ((series.times, series.covariates), (series.ahead_times, series.ahead_covariates)):
        if len(times):
            at = np.minimum(np.searchsorted(times, stamps), len(times) - 1)
            there = times[at] == stamps
            ahead[there] = table[at[there]]
    ahead[:, : len(spec.past_covariates)] = np.array(spec.covariate_offset)[: len(spec.past_covariates)]
    lacking = np.argwhere(np.isnan(ahead))
    if len(lacking):
        step, column = lacking[0]
        raise BadInput(
            f"series '{series.name}': no '{spec.covariates[column]}' at"
            f" {_stamp(series, stamps[step])}; future covariates are needed for the {spec.horizon} rows after"
            f" {_stamp(series, series.times[row])}: rows with an empty target and these columns"
        )
    return np.concatenate([past, ahead])


def _stamp(series: CleanSeries, time: np.datetime64) -> str:
    return series.style.write(np.array([time]))[0]
