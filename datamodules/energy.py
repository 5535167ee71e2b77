"""Series of any regular step: load, generation, prices, weather.

python scripts/train.py datamodule=energy                                            # made-up regions
python scripts/train.py datamodule=energy datamodule.data_dir=data/energy            # a folder of *_hourly.csv
python scripts/train.py datamodule=energy datamodule.data_dir=ETTh1.csv datamodule.series=columns
python scripts/train.py datamodule=energy datamodule.data_dir=load.csv 'datamodule.future_covariates=[temperature]'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from datamodules.batching.splits import SPLITS, check_fractions, format_sizes
from datamodules.errors import BadInput
from datamodules.series.calendar import Calendar, calendar_features, read_holidays
from datamodules.series.cleaning import CleaningConfig, CleanSeries, Duplicates, Gaps, Outliers
from datamodules.series.collection import (
    MOST_CHECKED,
    build_source,
    clean_collection,
    common_frequency,
    naive_error_of,
    scaling_of,
    too_short,
)
from datamodules.series.config import ReadingConfig, SeriesOf
from datamodules.series.frequency import Frequency, check_duration, duration_rows
from datamodules.series.reading import FileReport, RawSeries, find_files, read_series
from datamodules.series.report import MOST_LINES, found_lines, role_line, series_lines
from datamodules.series.resampling import Resampling
from datamodules.series.scaling import Scaler, fit_scaler
from datamodules.series.season import default_season, fitting_lookback
from datamodules.series.spec import ForecastSeries, config_of_run
from datamodules.series.splits import SplitBy, boundaries, window_splits
from datamodules.series.synthetic import SYNTHETIC_COVARIATE, synthetic_load
from datamodules.series.zones import Style


class Energy(SequenceDataModule):
    """Windows of regular series: `lookback` rows known, `horizon` rows to forecast.

    Args:
        data_dir: a folder, a glob or one file of CSV, TSV or Parquet tables; made-up load when absent.
        time_column, time_format, timezone, id_column, hour_columns, target_columns, past_covariates,
            future_covariates, series, separator, decimal, thousands, encoding, skip_rows, missing_values: how tables
            are read; see `ReadingConfig`.
        duplicates, gaps, max_gap, outliers, resample: see `CleaningConfig`.
        calendar: features of the time: `ordinal` (hour, weekday, month, day of year), `cyclic` or `none`.
        holidays: one more feature: a country, or `{country, subdivision, file}`.
        scaler: `minmax`, `standard`, `robust` or `none`, for each series and column.
        scaler_fit: `train`: on the training split; `all`: on everything.
        lookback, horizon: rows of a window, or durations (`7d`, `24h`); `lookback` null: 7 days of steps below a day, 8
            weeks of days, 24 months; less where series are short.
        stride: every so many windows are trained on; all are evaluated.
        season: rows or a duration of the naive forecast that MASE compares with; null: a day, a year of months.
        short_series: series too short for a window are left out by name (`leave_out`) or an `error`.
        split_by, val_fraction, test_fraction, split_rows: see `boundaries`.
        batch_size, evaluation_batch_size, seed, drop_last: see `SequenceDataModule`.
    """

    batch_type = WindowBatch
    spec: ForecastSeries

    def __init__(
        self,
        data_dir: str | None = None,
        time_column: str | list[str] | None = None,
        time_format: str | None = None,
        timezone: str | None = None,
        id_column: str | None = None,
        hour_columns: list[str] | None = None,
        target_columns: list[str] | None = None,
        past_covariates: list[str] | None = None,
        future_covariates: list[str] | None = None,
        series: SeriesOf = "files",
        separator: str | None = None,
        decimal: Literal[".", ","] | None = None,
        thousands: str | None = None,
        encoding: str | None = None,
        skip_rows: Annotated[int, Ge(0)] | None = None,
        missing_values: list[str] | None = None,
        duplicates: Duplicates = "mean",
        gaps: Gaps = "interpolate",
        max_gap: int | str = "6h",
        outliers: Outliers = "keep",
        resample: dict[str, str] | None = None,
        calendar: Calendar = "cyclic",
        holidays: str | dict[str, Any] | None = None,
        scaler: Scaler = "standard",
        scaler_fit: Literal["train", "all"] = "train",
        lookback: int | str | None = None,
        horizon: int | str = 1,
        stride: Annotated[int, Gt(0)] = 1,
        season: int | str | None = None,
        short_series: Literal["leave_out", "error"] = "leave_out",
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
        for key, value in (("max_gap", max_gap), ("lookback", lookback), ("horizon", horizon), ("season", season)):
            check_duration(value, f"datamodule.{key}", least=0 if key == "max_gap" else 1)
        self.data_dir = data_dir
        self.reading = ReadingConfig(
            time_column=time_column if isinstance(time_column, str) or time_column is None else tuple(time_column),
            time_format=time_format,
            timezone=timezone,
            id_column=id_column,
            hour_columns=_names(hour_columns),
            target_columns=_names(target_columns),
            past_covariates=_names(past_covariates) or (),
            future_covariates=_names(future_covariates) or (),
            series=series,
            separator="\t" if separator in ("\\t", "tab") else separator,
            decimal=decimal,
            thousands=thousands,
            encoding=encoding,
            skip_rows=skip_rows,
            missing_values=_names(missing_values) or (),
        )
        self.cleaning = CleaningConfig(duplicates, gaps, max_gap, outliers, Resampling.parse(resample))
        self.calendar: Calendar = calendar
        self.holidays = holidays
        self.scaler: Scaler = scaler
        self.scaler_fit = scaler_fit
        self.lookback = lookback
        self.horizon = horizon
        self.stride = stride
        self.season = season
        self.short_series = short_series
        self.split_by: SplitBy = split_by
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.split_rows: Any = tuple(split_rows) if split_rows else None

    def load(self) -> None:
        pretrained = self.pretrained_spec
        raw, reports = self._read()
        places = {ts.name: str(ts.path or ts.name) for ts in raw}
        series, self.fingerprint, self._checked_outliers = clean_collection(raw, self.cleaning)
        frequency = common_frequency(series, pretrained, places, self.data_dir)
        self._fix_sizes(frequency, max(int(np.bincount(ts.segment).max()) for ts in series))
        self._holidays = pretrained.holidays if pretrained is not None else read_holidays(self.holidays)
        bounds = [self._bounds(len(ts)) for ts in series]
        splits = [window_splits(ts, self._lookback, self._horizon, b, self.stride) for ts, b in zip(series, bounds)]
        short = too_short(series, splits, places, self._lookback, self._horizon)
        if short and (len(short) == len(series) or self.short_series == "error"):
            raise BadInput(next(iter(short.values())))
        kept = [i for i in range(len(series)) if i not in short]
        series, bounds, splits = [series[i] for i in kept], [bounds[i] for i in kept], [splits[i] for i in kept]
        starts = np.cumsum([0] + [len(ts) for ts in series])
        self.indices = {
            split: torch.from_numpy(np.concatenate([p.pop(split) + start for p, start in zip(splits, starts)]))
            for split in SPLITS
        }
        if not len(self.indices["train"]) and pretrained is None:
            raise BadInput(
                f"datamodule: no window of {self._lookback} + {self._horizon} rows to train on; a smaller lookback,"
                " horizon, val_fraction or test_fraction helps"
            )
        fit_to_all = self.scaler_fit == "all" or pretrained is not None
        ends = [len(ts) if fit_to_all else b[0] for ts, b in zip(series, bounds)]
        scaling = [scaling_of(ts, end, self.scaler, pretrained) for ts, end in zip(series, ends)]
        naive = [
            naive_error_of(ts, b[0], self._season, scale, pretrained)
            for ts, b, (_, scale) in zip(series, bounds, scaling)
        ]
        self.spec = pretrained or self._fit_spec(series, bounds, ends, scaling, naive, reports)
        self._starts = starts
        self._names = [ts.name for ts in series]
        self._styles = [ts.style for ts in series]
        self.report = self._report(series, bounds, reports, list(short.values()))
        regular = self.cleaning.gaps != "ignore" and self.cleaning.duplicates != "keep"
        self._stamps, self.source = build_source(
            series, scaling, naive, self.spec, regular, self._lookback, self._horizon
        )

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        rows = indices.numpy()
        series = np.searchsorted(self._starts, rows, side="right") - 1
        times = self._stamps.times_of(rows)
        stamps = np.empty(len(rows), dtype=object)
        for style in set(self._styles):
            those = np.array([self._styles[s] == style for s in range(len(self._styles))])[series]
            stamps[those] = self._written(style, times[those])
        return {
            "id": [f"{self._names[s]} {stamp}" for s, stamp in zip(series.tolist(), stamps.tolist())],
            "series": [self._names[s] for s in series.tolist()],
            "time": times.astype("datetime64[us]").tolist(),
        }

    # ------------------------------------------------------------------ steps of load

    def _read(self) -> tuple[list[RawSeries], list[FileReport]]:
        if self.data_dir is None:
            covariates = self.reading.covariates
            if set(covariates) - {SYNTHETIC_COVARIATE}:
                raise BadInput(
                    f"datamodule: made-up load has one covariate, {SYNTHETIC_COVARIATE}; data_dir names files"
                )
            return synthetic_load(with_temperature=bool(covariates)), []
        return read_series(find_files(self.data_dir), self.reading_config())

    def reading_config(self) -> ReadingConfig:
        """How files are read: as asked for, or, for a finished run, as it reads its own.

        Raises:
            BadInput: the settings ask for other targets or covariates than the run has.
        """
        pretrained = self.pretrained_spec
        if pretrained is None:
            return self.reading
        run = pretrained.reading_config
        for key in ("target_columns", "past_covariates", "future_covariates", "series"):
            asked, has = getattr(self.reading, key), getattr(run, key)
            if asked != has and not (key == "target_columns" and asked in (None, pretrained.columns)):
                held = (
                    has
                    if isinstance(has, str)
                    else f"[{','.join(has or (pretrained.columns if key[0] == 't' else ()))}]"
                )
                shown = asked if isinstance(asked, str) else f"[{','.join(asked or ())}]"
                raise BadInput(f"datamodule.{key}={shown}: the run was trained with {held}; another needs training")
        return config_of_run(self.reading, pretrained)

    def _fix_sizes(self, frequency: Frequency, longest: int) -> None:
        """Look-back, horizon and season in rows.

        Raises:
            BadInput: they are not those of the finished run.
        """
        pretrained = self.pretrained_spec
        if self.lookback is None and self.pretrained_spec is not None:
            self._lookback = self.pretrained_spec.lookback
        elif self.lookback is None:
            self._lookback = fitting_lookback(frequency, longest)
        else:
            self._lookback = duration_rows(self.lookback, frequency, "datamodule.lookback")
        self._horizon = duration_rows(self.horizon, frequency, "datamodule.horizon")
        season = default_season(frequency) if self.season is None else self.season
        self._season = duration_rows(season, frequency, "datamodule.season")
        if pretrained is None:
            return
        sizes = {"lookback": self._lookback, "horizon": self._horizon, "calendar": self.calendar, "scaler": self.scaler}
        for key, value in sizes.items():
            if value != getattr(pretrained, key):
                raise BadInput(
                    f"datamodule.{key}={value}: the run was trained with {getattr(pretrained, key)};"
                    " another needs training"
                )

    def _bounds(self, rows: int) -> tuple[int, int, int]:
        fractions = self.val_fraction, self.test_fraction
        return boundaries(rows, self._lookback, self._horizon, self.split_by, *fractions, self.split_rows)

    def _fit_spec(
        self,
        series: list[CleanSeries],
        bounds: list,
        ends: list[int],
        scaling: list,
        naive: list,
        reports: list[FileReport],
    ) -> ForecastSeries:
        covariates = [ts.covariates[:end] for ts, end in zip(series, ends)]
        features = calendar_features(series[0].times[:1], self.calendar, self._holidays).shape[1]
        names = series[0].covariate_names
        offset, scale = fit_scaler(np.concatenate(covariates), "standard") if names else (np.zeros(0), np.zeros(0))
        day_first = next((r.day_first for r in reports if r.day_first is not None), None)
        reading = {**self.reading.to_dict(), "day_first": day_first}
        return ForecastSeries(
            names=tuple(ts.name for ts in series),
            columns=series[0].columns,
            offset=tuple(tuple(offset.tolist()) for offset, _ in scaling),
            scale=tuple(tuple(scale.tolist()) for _, scale in scaling),
            naive_error=tuple(naive),
            lookback=self._lookback,
            horizon=self._horizon,
            step=str(series[0].frequency),
            calendar=self.calendar,
            calendar_size=features,
            holidays=self._holidays,
            scaler=self.scaler,
            reading={**reading, **self.cleaning.to_dict()},
            synthetic=self.data_dir is None,
            season=self._season,
            past_covariates=self.reading.past_covariates,
            future_covariates=self.reading.future_covariates,
            covariate_offset=tuple(offset.tolist()),
            covariate_scale=tuple(scale.tolist()),
            trained_until=tuple(str(ts.times[max(b[0] - 1, 0)]) for ts, b in zip(series, bounds)),
        )

    def _written(self, style: Style, times: np.ndarray) -> list[str]:
        if style.zone is None and style.local is None:
            return np.datetime_as_string(times, unit="m").tolist()
        return style.write(times)

    def _report(self, series: list[CleanSeries], bounds: list, reports: list[FileReport], short: list[str]) -> dict:
        sizes = self.split_sizes()
        where = "made-up load, synthetic (no data_dir given)" if self.data_dir is None else self.data_dir
        rows = sum(len(ts) for ts in series)
        lines = [
            f"{where}: {len(series):,} series, {rows:,} rows of {series[0].frequency}; windows of"
            f" {self._lookback:,} + {self._horizon:,} rows: {format_sizes(sizes)}",
            role_line(series, self.reading),
            *found_lines(reports),
            *[f"left out: {message}" for message in short[:MOST_LINES]],
            *series_lines(series, [bound[0] for bound in bounds]),
        ]
        if not self._checked_outliers:
            lines.append(f"outliers not looked for in more than {MOST_CHECKED:,} values")
        return {
            "source": where, "synthetic": self.data_dir is None, "splits": sizes, "left_out": short,
            "series": [ts.report for ts in series], "lines": [f"data: {line}" for line in lines],
        }  # fmt: skip


def _names(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(str(value) for value in values)
