"""Series of any regular step: load, generation, prices, weather.

python scripts/train.py datamodule=energy                                            # made-up regions
python scripts/train.py datamodule=energy datamodule.data_dir=data/energy            # a folder of *_hourly.csv
python scripts/train.py datamodule=energy datamodule.data_dir=ETTh1.csv datamodule.series=columns
python scripts/train.py datamodule=energy datamodule.data_dir=load.csv 'datamodule.future_covariates=[temperature]'
"""

from __future__ import annotations

import hashlib
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
from datamodules.series.calendar import Calendar, calendar_features, hour_of_day, read_holidays
from datamodules.series.cleaning import CleaningConfig, CleanSeries, Duplicates, Gaps, Outliers, clean
from datamodules.series.clock import Clock
from datamodules.series.config import ReadingConfig, SeriesOf
from datamodules.series.frequency import Frequency, check_duration, duration_rows
from datamodules.series.reading import FileReport, RawSeries, find_files, read_series
from datamodules.series.report import MOST_LINES, found_lines, role_line, series_lines
from datamodules.series.resampling import Resampling
from datamodules.series.scaling import Scaler, fit_scaler
from datamodules.series.season import default_season, fitting_lookback, naive_error
from datamodules.series.source import WindowSource
from datamodules.series.spec import ForecastSeries, config_of_run
from datamodules.series.splits import SplitBy, boundaries, window_splits
from datamodules.series.synthetic import SYNTHETIC_COVARIATE, synthetic_load
from datamodules.series.timeline import Timeline, build_timeline
from datamodules.series.zones import Style

MOST_CHECKED = 20_000_000  # values in which outliers are looked for


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
        series = self._clean(raw)
        frequency = self._frequency(series, places)
        self._fix_sizes(frequency, max(int(np.bincount(ts.segment).max()) for ts in series))
        self._holidays = pretrained.holidays if pretrained is not None else read_holidays(self.holidays)
        bounds = [self._bounds(len(ts)) for ts in series]
        splits = [window_splits(ts, self._lookback, self._horizon, b, self.stride) for ts, b in zip(series, bounds)]
        series, bounds, splits, short = self._without_short(places, series, bounds, splits)
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
        scaling = [self._scaling(ts, b[0]) for ts, b in zip(series, bounds)]
        naive = [self._naive(ts, b[0], scale) for ts, b, (_, scale) in zip(series, bounds, scaling)]
        self.spec = pretrained or self._fit_spec(series, bounds, scaling, naive, reports)
        self._starts = starts
        self._names = [ts.name for ts in series]
        self._styles = [ts.style for ts in series]
        self.report = self._report(series, bounds, reports, short)
        self.source = self._source(series, scaling, naive)

    def example_columns(self, indices: Tensor) -> dict[str, list]:
        rows = indices.numpy()
        series = np.searchsorted(self._starts, rows, side="right") - 1
        segment = np.searchsorted(self._segment_start, rows, side="right") - 1
        times = self._clock_times[rows + self._segment_shift[segment]]
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

    def _clean(self, raw: list[RawSeries]) -> list[CleanSeries]:
        """Clean series; each raw one is let go, and stamps that several share are sorted once."""
        series: list[CleanSeries] = []
        timelines: dict[int, tuple[np.ndarray, Timeline]] = {}
        digest = hashlib.sha256()
        check = sum(len(ts.times) * len(ts.columns) for ts in raw) <= MOST_CHECKED
        self._checked_outliers = check
        while raw:
            ts, line = raw.pop(0), None
            values = ts.values()
            digest.update(ts.name.encode())
            digest.update(ts.times.tobytes())
            digest.update(np.ascontiguousarray(values).data)
            if self.cleaning.resample is None:  # else the stamps change
                kept = timelines.get(id(ts.times))
                line = kept[1] if kept else build_timeline(ts)
                timelines = {id(ts.times): (ts.times, line)}  # the array is held, so its id stays its own
            series.append(clean(ts, values, self.cleaning, line, check))
        self.fingerprint = digest.hexdigest()
        return series

    def _frequency(self, series: list[CleanSeries], places: dict[str, str]) -> Frequency:
        """The step that all series have.

        Raises:
            BadInput: they have several, or another one than the run.
        """
        pretrained = self.pretrained_spec
        expected = pretrained.frequency if pretrained is not None else series[0].frequency
        for ts in series:
            if ts.frequency != expected:
                if pretrained is not None:
                    raise BadInput(
                        f"{places[ts.name]}: rows are {ts.frequency} apart; the run was trained on steps of {expected}"
                        f" (datamodule.resample={{{expected}: mean}} where the file's are finer)"
                    )
                raise BadInput(
                    f"datamodule.data_dir={self.data_dir}: series of several steps ({series[0].name} {expected},"
                    f" {ts.name} {ts.frequency}); datamodule.resample={{1h: mean}} gives them one"
                )
        return expected

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

    def _without_short(
        self, places: dict[str, str], series: list[CleanSeries], bounds: list, splits: list[dict[str, np.ndarray]]
    ) -> tuple[list[CleanSeries], list, list, list[str]]:
        """Those with a window, and sentences about those without one.

        Raises:
            BadInput: none has one, or short series are an error.
        """
        needed = self._lookback + self._horizon
        short = [not any(len(split) for split in ts.values()) for ts in splits]
        messages = [
            f"{places[ts.name]}: series '{ts.name}' has {len(ts):,} rows, in {ts.report['segments']} unbroken"
            f" stretches; a window needs {needed:,} (datamodule.lookback={self._lookback} + horizon={self._horizon})"
            for ts, is_short in zip(series, short)
            if is_short
        ]
        if messages and (all(short) or self.short_series == "error"):
            raise BadInput(messages[0])
        kept = [i for i, is_short in enumerate(short) if not is_short]
        return [series[i] for i in kept], [bounds[i] for i in kept], [splits[i] for i in kept], messages

    def _scaling(self, series: CleanSeries, end_of_training: int) -> tuple[np.ndarray, np.ndarray]:
        """Offset and scale (K,): the run's, or fitted on the training rows that are no interpolation."""
        pretrained = self.pretrained_spec
        if pretrained is not None and pretrained.scaling(series.name) is not None:
            return pretrained.scaling(series.name)
        rows = len(series) if self.scaler_fit == "all" or pretrained is not None else end_of_training
        usable = series.values[:rows]
        if series.filled[:rows].any():
            usable = usable[~series.filled[:rows]]
        if not len(usable):
            raise BadInput(f"series {series.name}: no row in the training split to fit the scaler on")
        return fit_scaler(usable, pretrained.scaler if pretrained is not None else self.scaler)

    def _fit_spec(
        self, series: list[CleanSeries], bounds: list, scaling: list, naive: list, reports: list[FileReport]
    ) -> ForecastSeries:
        covariates = [ts.covariates[: b[0] if self.scaler_fit == "train" else len(ts)] for ts, b in zip(series, bounds)]
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

    def _naive(self, series: CleanSeries, end_of_training: int, scale: np.ndarray) -> tuple[float, ...]:
        """(K,) error of the seasonal naive forecast: the run's, or that of the training rows; of all rows, where a
        finished run never saw the series."""
        pretrained = self.pretrained_spec
        if pretrained is None:
            return naive_error(series, end_of_training, self._season, scale)
        row = pretrained.row_of(series.name)
        return pretrained.naive_error[row] if row >= 0 else naive_error(series, len(series), pretrained.season, scale)

    def _source(self, series: list[CleanSeries], scaling: list, naive: list) -> WindowSource:
        """The tensors; each clean series is let go when its rows are in them."""
        clock = Clock(regular=self.cleaning.gaps != "ignore" and self.cleaning.duplicates != "keep")
        for number, ts in enumerate(series):
            clock.add(ts, number)
        wall, times, first_rows, shifts, numbers = clock.finish()
        self._clock_times, self._segment_start, self._segment_shift = times, first_rows, shifts
        run_series = torch.tensor([self.spec.row_of(ts.name) for ts in series])
        rows, columns = sum(len(ts) for ts in series), len(series[0].columns)
        values = torch.empty(rows, columns)
        covariates = torch.empty(rows, len(self.spec.covariates)) if self.spec.covariates else None
        row = 0
        for number, (offset, scale) in enumerate(scaling):
            ts = series[number]
            end = row + len(ts)
            values[row:end] = torch.from_numpy((ts.values - offset) / scale)
            if covariates is not None:
                covariates[row:end] = torch.from_numpy(self.spec.scaled_covariates(ts.covariates))
            series[number] = None  # type: ignore[call-overload]
            row = end
        offset, scale = (torch.tensor(np.stack(table), dtype=torch.float32) for table in zip(*scaling))
        return WindowSource(
            values,
            torch.from_numpy(calendar_features(wall, self.spec.calendar, self.spec.holidays)),
            torch.from_numpy(hour_of_day(wall)),
            torch.from_numpy(first_rows),
            torch.from_numpy(shifts),
            torch.from_numpy(numbers),
            run_series,
            offset,
            scale,
            self._lookback,
            self._horizon,
            covariates,
            torch.tensor(naive, dtype=torch.float32),
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
