"""DataSpec of series: sizes, scalers and reading settings that networks and later commands need."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np

from datamodules.series.calendar import Calendar, Holidays
from datamodules.series.cleaning import CleaningConfig
from datamodules.series.config import ReadingConfig
from datamodules.series.frequency import Frequency
from datamodules.series.resampling import Resampling
from datamodules.series.scaling import Scaler


@dataclass(frozen=True)
class ForecastSeries:
    """S series of K targets and C covariates each, their scaling, and the shape of a window."""

    names: tuple[str, ...]  # S
    columns: tuple[str, ...]  # K targets, of the first series
    offset: tuple[tuple[float, ...], ...]  # (S, K) scaled = (value - offset) / scale
    scale: tuple[tuple[float, ...], ...]  # (S, K)
    naive_error: tuple[
        tuple[float, ...], ...
    ]  # (S, K) mean |change over a season| in the training split, original units
    lookback: int  # rows
    horizon: int  # rows
    step: str  # a `Frequency`
    calendar: Calendar
    calendar_size: int
    holidays: Holidays | None
    scaler: Scaler
    reading: dict  # arguments of `ReadingConfig` and `CleaningConfig`
    synthetic: bool
    season: int = 24  # rows of `naive_error`
    past_covariates: tuple[str, ...] = ()  # P
    future_covariates: tuple[str, ...] = ()  # Q; C = P + Q
    covariate_offset: tuple[float, ...] = ()  # (C,)
    covariate_scale: tuple[float, ...] = ()  # (C,)
    trained_until: tuple[str, ...] = field(default=())  # (S,) the last stamp that was trained on; empty before 0.2

    @property
    def frequency(self) -> Frequency:
        return Frequency.parse(self.step)

    @property
    def covariates(self) -> tuple[str, ...]:
        """C: past covariates, then future ones."""
        return (*self.past_covariates, *self.future_covariates)

    @property
    def reading_config(self) -> ReadingConfig:
        return ReadingConfig.from_dict(self.reading)

    @property
    def cleaning_config(self) -> CleaningConfig:
        known = {name: self.reading[name] for name in CleaningConfig.__dataclass_fields__ if name in self.reading}
        return CleaningConfig(**{**known, "resample": Resampling.parse(known.get("resample"))})

    kind: ClassVar[str] = "forecast_series"

    def row_of(self, name: str) -> int:
        """Which series it is; -1 where the run never saw it."""
        return self.names.index(name) if name in self.names else -1

    def scaling(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Offset and scale (K,) of a series of the run, or None."""
        row = self.row_of(name)
        return None if row < 0 else (np.array(self.offset[row]), np.array(self.scale[row]))

    def scaled_covariates(self, values: np.ndarray) -> np.ndarray:
        """(N, C) float32."""
        offset, scale = np.array(self.covariate_offset), np.array(self.covariate_scale)
        return (
            ((values - offset) / scale).astype(np.float32)
            if self.covariates
            else np.zeros((len(values), 0), np.float32)
        )

    def to_dict(self) -> dict:
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> ForecastSeries:
        tables = {"offset", "scale", "naive_error"}
        values = {f.name: state[f.name] for f in fields(cls) if f.name in state}
        for name, value in values.items():
            if name in tables:
                values[name] = tuple(tuple(row) for row in value)
            elif isinstance(value, list):
                values[name] = tuple(value)
        values["step"] = str(Frequency.parse(values["step"]))  # seconds in version 0.1.0
        if isinstance(values["holidays"], str):
            values["holidays"] = {"country": values["holidays"]}
        if "season" not in values:
            values["season"] = Frequency.parse(values["step"]).rows_a_day
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def config_of_run(config: ReadingConfig, spec: ForecastSeries) -> ReadingConfig:
    """How files are read for a finished run: targets matched by name, ambiguous dates as in training."""
    targets = spec.columns if config.series == "files" and config.target_columns is None else ()
    return replace(config, known_targets=targets, day_first=spec.reading.get("day_first"))
