"""Forecasters: a window of scaled rows, the series and the calendar in, scaled rows out."""

from __future__ import annotations

import csv
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from datamodules.series.calendar import holidays_of
from datamodules.series.frequency import duration_rows

#: Input or output -> its axes that may have any size, and what they are called.
INPUTS = {"past": {0: "batch"}, "series": {0: "batch"}, "calendar": {0: "batch"}}
OUTPUTS = {"forecast": {0: "batch"}}
PROGRAM = "forecasting.py"
FACTS = "series.json"
HOLIDAY_YEARS = range(1970, 2070)  # that the table of holidays covers


@dataclass
class Windows(WindowBatch):
    """Windows with a separate calendar each: B stretches of rows, one after the other in `calendar`."""

    def past_calendar(self, steps: int) -> Tensor:
        return self._rows(self.first - steps, steps)

    def future_calendar(self) -> Tensor:
        return self._rows(self.first, self.horizon)

    def past_covariates(self, steps: int) -> Tensor:
        assert self.covariates is not None
        return self.covariates[(self.first - steps).unsqueeze(1) + torch.arange(steps)]

    def future_covariates(self, count: int, steps: int | None = None) -> Tensor:
        assert self.covariates is not None
        rows = self.first.unsqueeze(1) + torch.arange(self.horizon if steps is None else steps)
        return self.covariates[rows][..., self.covariates.shape[1] - count :]

    def _rows(self, start: Tensor, length: int) -> Tensor:
        return self.calendar[start.unsqueeze(1) + torch.arange(length)]


class Network(nn.Module):
    """The module as a function of tensors."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.lookback: int = module.task.lookback
        self.horizon: int = module.task.horizon
        self.calendar_size: int = module.task.spec.calendar_size

    def forward(self, past: Tensor, series: Tensor, calendar: Tensor) -> tuple[Tensor, ...]:
        """Forecasts (B, H, K), or (B, H, K, Q) quantiles, in scaled units.

        Args:
            past: (B, L, K) scaled rows.
            series: (B,) int64, which series of the run; -1 for one that it never saw.
            calendar: (B, L + H, F + C) features of the known rows and of those asked for: of the calendar, then scaled
                covariates (those of the past alone are 0 in the rows asked for).
        """
        rows = self.lookback + self.horizon
        first = torch.arange(past.shape[0]) * rows + self.lookback
        table = calendar.reshape(past.shape[0] * rows, calendar.shape[2])
        features, covariates = table[:, : self.calendar_size], table[:, self.calendar_size :]
        return (self.module(Windows(past, series, first, features, self.horizon, row=first, covariates=covariates)),)


def network(module: nn.Module) -> nn.Module:
    return Network(module)


def shapes(module: Any, fixed: int | None) -> list[tuple[int, int]]:
    """(batch, length) to compare on; every window is as long as the run's look-back."""
    return [(batch, module.task.lookback) for batch in (1, 3, 17, 64)]


def fixed_length(module: Any) -> int:
    return module.task.lookback


def inputs(module: Any, batch_size: int, length: int) -> dict[str, Tensor]:
    """Made-up windows of the run's series and of an unknown one."""
    spec = module.task.spec
    random = torch.Generator().manual_seed(batch_size)
    past = torch.randn(batch_size, length, len(spec.columns), generator=random).cumsum(dim=1) / math.sqrt(length)
    series = torch.arange(batch_size) % (len(spec.names) + 1) - 1
    features = spec.calendar_size + len(spec.covariates)
    calendar = torch.rand(batch_size, length + spec.horizon, features, generator=random)
    return {"past": past, "series": series, "calendar": calendar}


def padded(inputs: dict[str, Tensor], length: int) -> dict[str, Tensor]:
    return inputs


def facts(module: Any) -> dict[str, Any]:
    """How a table becomes windows, and what the forecasts are of.

    Raises:
        BadInput: the holidays of the run's country cannot be looked up here, or the step is no number of seconds.
    """
    spec = module.task.spec
    if spec.frequency.unit != "second":
        raise BadInput(f"the run has steps of {spec.step}; runs with steps of seconds, hours or days can be exported")
    return {
        "names": list(spec.names),
        "columns": list(spec.columns),
        "offset": spec.offset,
        "scale": spec.scale,
        "scaler": spec.scaler,
        "lookback": spec.lookback,
        "horizon": spec.horizon,
        "step_seconds": spec.frequency.count,
        "max_gap": duration_rows(spec.reading["max_gap"], spec.frequency, "max_gap"),
        "past_covariates": list(spec.past_covariates),
        "future_covariates": list(spec.future_covariates),
        "covariate_offset": list(spec.covariate_offset),
        "covariate_scale": list(spec.covariate_scale),
        "calendar": spec.calendar,
        "holidays": holidays_of(spec.holidays, HOLIDAY_YEARS) if spec.holidays else None,
        "holiday_years": [HOLIDAY_YEARS.start, HOLIDAY_YEARS.stop - 1] if spec.holidays else None,
        "quantiles": list(module.task.quantiles),
        "reading": spec.reading,
    }


def notes(module: Any) -> list[str]:
    """Notes about what the exported program does differently from predict.py."""
    reading, found = module.task.spec.reading, []
    if reading.get("outliers") == "mask":
        found.append("predict.py there takes outliers as they are; the run masks them (datamodule.outliers=mask)")
    if reading.get("resample"):
        found.append("predict.py there needs rows of the run's step; the run resamples (datamodule.resample)")
    if reading.get("timezone"):
        found.append("predict.py there reads stamps as local time without a zone (datamodule.timezone)")
    if any(reading.get(key) for key in ("id_column", "hour_columns")) or isinstance(reading.get("time_column"), list):
        found.append("predict.py there reads one table a series with one column of stamps")
    return found


def write_example(module: Any, folder: Path) -> str:
    """A made-up table of the first series, a look-back and a week long."""
    spec = module.task.spec
    name = spec.names[0]
    if spec.reading["series"] == "columns":
        name = name.removesuffix(f" {spec.columns[0]}")
    path = folder / f"{name.replace('/', '_')}.csv"
    start = np.datetime64("2024-01-01T00:00:00")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        time = spec.reading.get("time_column")
        writer.writerow([time if isinstance(time, str) else "Datetime", *spec.columns, *spec.covariates])
        step = spec.frequency.count
        rows = spec.lookback + max(1, 7 * 86_400 // step)
        for i in range(rows + (spec.horizon if spec.future_covariates else 0)):
            stamp: Any = (start + np.timedelta64(i * step, "s")).item()
            wave = math.sin(2 * math.pi * i * step / 86_400)
            scaling = zip([*spec.offset[0], *spec.covariate_offset], [*spec.scale[0], *spec.covariate_scale])
            values = [f"{offset + scale * wave:.2f}" for offset, scale in scaling]
            if i >= rows:  # what is known ahead
                values[: len(spec.columns)] = [""] * len(spec.columns)
            stamps = stamp.strftime(spec.reading.get("time_format") or "%Y-%m-%d %H:%M:%S")
            writer.writerow([stamps, *values])
    return shlex.quote(str(path))
