"""What networks and later commands need to know about series to be forecast."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import numpy as np

from datamodules.series.calendar import Calendar
from datamodules.series.scaling import Scaler


@dataclass(frozen=True)
class ForecastSeries:
    """S series of K columns each, their scaling, and the shape of a window."""

    names: tuple[str, ...]  # S
    columns: tuple[str, ...]  # K, of the first series
    offset: tuple[tuple[float, ...], ...]  # (S, K) scaled = (value - offset) / scale
    scale: tuple[tuple[float, ...], ...]  # (S, K)
    naive_error: tuple[tuple[float, ...], ...]  # (S, K) mean |change over a day| in the training part, original units
    lookback: int
    horizon: int
    step: int  # seconds between rows
    calendar: Calendar
    calendar_size: int
    holidays: str | None
    scaler: Scaler
    reading: dict  # how files are read and cleaned: arguments of `read_series` and `cleaned`
    synthetic: bool

    kind: ClassVar[str] = "forecast_series"

    def row_of(self, name: str) -> int:
        """Which series it is; -1 where the run never saw it."""
        return self.names.index(name) if name in self.names else -1

    def scaling(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Offset and scale (K,) of a series of the run, or None."""
        row = self.row_of(name)
        return None if row < 0 else (np.array(self.offset[row]), np.array(self.scale[row]))

    def to_dict(self) -> dict:
        return _plain(asdict(self))

    @classmethod
    def from_dict(cls, state: dict) -> ForecastSeries:
        tables = {"offset", "scale", "naive_error"}
        values = {f.name: state[f.name] for f in fields(cls)}
        for name, value in values.items():
            if name in tables:
                values[name] = tuple(tuple(row) for row in value)
            elif isinstance(value, list):
                values[name] = tuple(value)
        return cls(**values)


def _plain(value):
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
