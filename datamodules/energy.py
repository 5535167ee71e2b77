"""Hourly load, and any other regular series.

python scripts/train.py datamodule=energy                                            # made-up regions
python scripts/train.py datamodule=energy datamodule.data_dir=data/energy            # a folder of *_hourly.csv
python scripts/train.py datamodule=energy datamodule.data_dir=ETTh1.csv datamodule.series=columns
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from datamodules.batching.splits import check_fractions, format_sizes
from datamodules.errors import BadInput
from datamodules.series.calendar import Calendar, calendar_features, hour_of_day
from datamodules.series.cleaning import CleanSeries, Duplicates, Gaps, Outliers, cleaned, report_line
from datamodules.series.reading import RawSeries, SeriesOf, find_files, read_series
from datamodules.series.scaling import Scaler, fitted_scaler
from datamodules.series.source import WindowSource
from datamodules.series.spec import ForecastSeries
from datamodules.series.splits import SplitBy, boundaries, window_parts
from datamodules.series.synthetic import synthetic_load


class Energy(SequenceDataModule):
    """Windows of regular series: `lookback` rows known, `horizon` rows to forecast.

    Args:
        data_dir: a folder, a glob or one file of CSV, TSV or Parquet tables; made-up load when absent.
        time_column, value_columns, time_format: of the tables; see `read_series`.
        series: `files`: a file is one series (of all its value columns); `columns`: each column is one.
        duplicates, gaps, max_gap, outliers: see `cleaned`.
        calendar: features of the time: `ordinal` (hour, weekday, month, day of year), `cyclic` or `none`.
        holidays: a country whose holidays are one more feature.
        scaler: `minmax`, `standard`, `robust` or `none`, for each series and column.
        scaler_fit: `train`: on the training part; `all`: on everything, as the source article does.
        lookback, horizon: rows of a window.
        stride: every so many windows are trained on; all are judged.
        split_by, val_fraction, test_fraction, split_rows: see `boundaries`.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = WindowBatch
    spec: ForecastSeries

    def __init__(
        self,
        data_dir: str | None = None,
        time_column: str | None = None,
        value_columns: list[str] | None = None,
        time_format: str | None = None,
        series: SeriesOf = "files",
        duplicates: Duplicates = "mean",
        gaps: Gaps = "interpolate",
        max_gap: Annotated[int, Ge(1)] = 6,
        outliers: Outliers = "keep",
        calendar: Calendar = "cyclic",
        holidays: str | None = None,
        scaler: Scaler = "standard",
        scaler_fit: Literal["train", "all"] = "train",
        lookback: Annotated[int, Gt(0)] = 168,
        horizon: Annotated[int, Gt(0)] = 1,
        stride: Annotated[int, Gt(0)] = 1,
        split_by: SplitBy = "rows",
        val_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.1,
        split_rows: list[int] | None = None,
        batch_size: Annotated[int, Gt(0)] = 1024,
        evaluation_batch_size: Annotated[int, Gt(0)] = 4096,
        seed: Annotated[int, Ge(0)] = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(batch_size, evaluation_batch_size, seed, drop_last)
        check_fractions(val_fraction, test_fraction)
        if split_rows is not None and (len(split_rows) != 3 or min(split_rows) < 0):
            raise BadInput(f"datamodule.split_rows={split_rows}: three numbers of rows: training, validation, test")
        self.data_dir = data_dir
        self.reading: dict[str, Any] = {
            "time_column": time_column,
            "value_columns": list(value_columns) if value_columns else None,
            "time_format": time_format,
            "series": series,
        }
        self.cleaning: dict[str, Any] = {
            "duplicates": duplicates,
            "gaps": gaps,
            "max_gap": max_gap,
            "outliers": outliers,
        }
        self.calendar: Calendar = calendar
        self.holidays = holidays
        self.scaler: Scaler = scaler
        self.scaler_fit = scaler_fit
        self.lookback = lookback
        self.horizon = horizon
        self.stride = stride
        self.split_by: SplitBy = split_by
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_rows: Any = tuple(split_rows) if split_rows else None

    def load(self) -> None:
        known = self.pretrained_spec
        if known is not None:  # windows, features and scaling as the run has them
            self.lookback, self.horizon = known.lookback, known.horizon
            self.calendar, self.holidays = known.calendar, known.holidays
        raw = self._read()
        digest = hashlib.sha256()
        for one in raw:
            digest.update(one.name.encode() + one.times.tobytes() + one.values.tobytes())
        self.fingerprint = digest.hexdigest()
        places = [str(one.path or one.name) for one in raw]
        series = []
        while raw:  # each is let go when it is clean
            series.append(cleaned(raw.pop(0), **self.cleaning))
        if len({one.step for one in series}) > 1:
            steps = ", ".join(f"{one.name} {one.step} s" for one in series)
            raise BadInput(f"datamodule.data_dir={self.data_dir}: series of several frequencies ({steps})")

        bounds = [self._bounds(len(one)) for one in series]
        parts = [window_parts(one, self.lookback, self.horizon, b, self.stride) for one, b in zip(series, bounds)]
        self._refuse_short(places, series, parts)
        starts = np.cumsum([0] + [len(one) for one in series])
        self.indices = {
            part: torch.from_numpy(np.concatenate([p[part] + start for p, start in zip(parts, starts)]))
            for part in ("train", "val", "test")
        }
        if not len(self.indices["train"]):
            raise BadInput("datamodule: no window to train on; a smaller lookback, val_fraction or test_fraction helps")
        scaling = [self._scaling(one, b[0]) for one, b in zip(series, bounds)]
        self.spec = known or self._described(series, bounds, scaling)
        self.source = self._source(series, scaling)
        self._times = np.concatenate([one.times for one in series])
        self._starts = starts
        self._names = [one.name for one in series]
        self.report = self._report(series)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        rows = indices.numpy()
        series = np.searchsorted(self._starts, rows, side="right") - 1
        stamps = np.datetime_as_string(self._times[rows], unit="m")
        return {
            "id": [f"{self._names[s]} {stamp}" for s, stamp in zip(series.tolist(), stamps.tolist())],
            "series": [self._names[s] for s in series.tolist()],
            "time": self._times[rows].astype("datetime64[us]").tolist(),
        }

    # ------------------------------------------------------------------ steps of load

    def _read(self) -> list[RawSeries]:
        if self.data_dir is None:
            return synthetic_load()
        return read_series(find_files(self.data_dir), **self.reading)

    def _bounds(self, rows: int) -> tuple[int, int, int]:
        fractions = self.val_fraction, self.test_fraction
        return boundaries(rows, self.lookback, self.horizon, self.split_by, *fractions, self.split_rows)

    def _refuse_short(self, places: list[str], series: list[CleanSeries], parts: list[dict[str, np.ndarray]]) -> None:
        needed = self.lookback + self.horizon
        for place, one, windows in zip(places, series, parts):
            if not any(len(part) for part in windows.values()):
                raise BadInput(
                    f"{place}: {len(one):,} rows, in {one.report['segments']} unbroken stretches; a"
                    f" window needs {needed:,} (datamodule.lookback={self.lookback} + horizon={self.horizon})"
                )

    def _scaling(self, one: CleanSeries, end_of_training: int) -> tuple[np.ndarray, np.ndarray]:
        """Offset and scale (K,): the run's, or fitted on the training rows that are no interpolation."""
        known = self.pretrained_spec
        if known is not None and known.scaling(one.name) is not None:
            return known.scaling(one.name)
        rows = len(one) if self.scaler_fit == "all" or known is not None else end_of_training
        usable = one.values[:rows][~one.filled[:rows]]
        if not len(usable):
            raise BadInput(f"series {one.name}: no row in the training part to fit the scaler on")
        return fitted_scaler(usable, known.scaler if known is not None else self.scaler)

    def _described(self, series: list[CleanSeries], bounds: list, scaling: list) -> ForecastSeries:
        day = max(1, 86_400 // series[0].step)
        naive = []
        for one, (end, _, _) in zip(series, bounds):
            values = np.where(one.filled[:end, None], np.nan, one.values[:end])  # a filled row comes from a later one
            change = np.abs(values[day:] - values[:-day])
            known = ~np.isnan(change).any(axis=1)
            naive.append(tuple(change[known].mean(axis=0).tolist()) if known.any() else (np.nan,) * values.shape[1])
        features = calendar_features(series[0].times[:1], self.calendar, self.holidays).shape[1]
        return ForecastSeries(
            names=tuple(one.name for one in series),
            columns=series[0].columns,
            offset=tuple(tuple(offset.tolist()) for offset, _ in scaling),
            scale=tuple(tuple(scale.tolist()) for _, scale in scaling),
            naive_error=tuple(naive),
            lookback=self.lookback,
            horizon=self.horizon,
            step=series[0].step,
            calendar=self.calendar,
            calendar_size=features,
            holidays=self.holidays,
            scaler=self.scaler,
            reading={**self.reading, **self.cleaning},
            synthetic=self.data_dir is None,
        )

    def _source(self, series: list[CleanSeries], scaling: list) -> WindowSource:
        values = [((one.values - offset) / scale).astype(np.float32) for one, (offset, scale) in zip(series, scaling)]
        numbers = np.repeat(np.arange(len(series)), [len(one) for one in series])
        offset, scale = (torch.tensor(np.stack(table), dtype=torch.float32) for table in zip(*scaling))
        times = np.concatenate([one.times for one in series])
        return WindowSource(
            torch.from_numpy(np.concatenate(values)),
            torch.from_numpy(calendar_features(times, self.calendar, self.holidays)),
            torch.from_numpy(numbers),
            torch.tensor([self.spec.row_of(one.name) for one in series]),
            offset,
            scale,
            torch.from_numpy(hour_of_day(times)),
            self.lookback,
            self.horizon,
        )

    def _report(self, series: list[CleanSeries]) -> dict:
        sizes = self.split_sizes()
        where = "made-up load, synthetic (no data_dir given)" if self.data_dir is None else self.data_dir
        rows = sum(len(one) for one in series)
        lines = [
            f"data: {where}: {len(series)} series, {rows:,} rows; windows of {self.lookback} + {self.horizon} rows:"
            f" {format_sizes(sizes)}"
        ]
        lines += [f"data: {report_line(one.report)}" for one in series]
        reports = [one.report for one in series]
        return {"source": where, "synthetic": self.data_dir is None, "parts": sizes, "series": reports, "lines": lines}
