"""Forecasts of one series: after its last row, and after earlier ones as if what came then were not known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.errors import BadInput
from datamodules.series.cleaning import CleanSeries
from datamodules.series.spec import ForecastSeries
from datamodules.series.windows import cutoffs_of, windows_after

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule

BATCH = 4096  # windows


@dataclass
class Forecast:
    """W windows of one series: H rows ahead, K targets, Q quantiles (1 where there are none)."""

    series: CleanSeries
    name: str  # of the series of the run that it continues, or its own
    cutoffs: np.ndarray  # (W,) datetime64[s] last known stamp of each window
    times: np.ndarray  # (W, H) datetime64[s]
    values: np.ndarray  # (W, H, K, Q) original units
    actual: np.ndarray  # (W, H, K) NaN where it is not known
    trained_on: np.ndarray | None  # (W, H) whether the run was trained on that row; None: the run does not say
    notes: list[str]

    @property
    def backtested(self) -> bool:
        return len(self.cutoffs) > 1 or not np.isnan(self.actual).all()


def forecast_series(module: SequenceModule, series: CleanSeries, name: str, backtest: int) -> Forecast:
    """The horizon after the last row, and before it one every horizon over the last `backtest` steps.

    Args:
        module: of a finished run.
        series: the clean series.
        name: of the series of the run that it continues, or its own.
        backtest: steps.

    Raises:
        BadInput: too few rows, a gap among those that the run looks back on, or a missing future covariate.
    """
    import torch

    spec: ForecastSeries = module.task.spec
    rows, skipped = cutoffs_of(series, backtest, spec)
    notes = []
    if skipped:
        notes.append(f"{skipped} of {skipped + len(rows) - 1} backtests left out: a gap or the beginning lies within")
    outputs = []
    try:
        windows_after(series, rows[-1:], spec, name)
    except BadInput as error:
        if len(rows) == 1:
            raise
        notes.append(f"nothing forecast after the last row: {error}")
        rows = rows[:-1]
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            batch = windows_after(series, rows[start : start + BATCH], spec, name)
            output = batch.original(module(batch))  # (B, H, K) or (B, H, K, Q)
            outputs.append(output.unsqueeze(3) if output.ndim == 3 else output)
    times = np.stack([series.stamps_after(row, spec.horizon) for row in rows])
    number = spec.row_of(name)
    trained_on = None
    if number < 0:
        trained_on = np.zeros(times.shape, bool)
    elif spec.trained_until:
        trained_on = times <= np.datetime64(spec.trained_until[number])
    return Forecast(
        series, name, series.times[rows], times, torch.cat(outputs).numpy(), _actual(series, times), trained_on, notes
    )


def _actual(series: CleanSeries, times: np.ndarray) -> np.ndarray:
    """(W, H, K) values of the file's own rows at these stamps, NaN where it has none."""
    at = np.minimum(np.searchsorted(series.times, times), len(series) - 1)
    there = (series.times[at] == times) & ~series.filled[at]
    return np.where(there[..., None], series.values[at], np.nan)


def rows_of(forecast: Forecast, levels: list[float]) -> Iterator[dict[str, Any]]:
    """A row for each window, stamp and target: forecast (the median), quantiles, and the actual value where known."""
    middle = levels.index(0.5) if levels else 0
    cutoffs = forecast.series.style.write(forecast.cutoffs)
    stamps = np.array(forecast.series.style.write(forecast.times.ravel()), dtype=object).reshape(forecast.times.shape)
    for w, h in np.ndindex(forecast.times.shape):
        for k, target in enumerate(forecast.series.columns):
            row: dict[str, Any] = {
                "cutoff": cutoffs[w], "stamp": stamps[w, h], "series": forecast.series.name, "target": target,
                "forecast": _rounded(forecast.values[w, h, k, middle]),
            }  # fmt: skip
            row |= {f"quantile_{q:g}": _rounded(forecast.values[w, h, k, j]) for j, q in enumerate(levels)}
            row["actual"] = _rounded(forecast.actual[w, h, k])
            row["trained_on"] = None if forecast.trained_on is None else bool(forecast.trained_on[w, h])
            yield row


def _rounded(value: Any) -> float | None:
    number = float(value)
    return round(number, 6) if np.isfinite(number) else None


def errors_by_step(forecasts: list[Forecast], levels: list[float], spec: ForecastSeries) -> list[dict[str, Any]]:
    """Errors of the backtested rows, those that were trained on left out where others remain: all steps, then each.

    MASE and sMAPE are means over targets and series; MAE is given where there is one of them.
    """
    middle = levels.index(0.5) if levels else 0
    unseen = any((~np.isnan(f.actual).all(axis=2) & ~_trained(f)).any() for f in forecasts)
    errors: dict[str, list[np.ndarray]] = {"mase": [], "smape": [], "mae": [], "covered": []}
    for forecast in forecasts:
        actual = np.where(_trained(forecast)[..., None] & unseen, np.nan, forecast.actual)
        predicted = forecast.values[..., middle]
        error = np.abs(predicted - actual)
        number = spec.row_of(forecast.name)
        naive = np.array(spec.naive_error[number]) if number >= 0 else _seasonal_naive(forecast.series, spec.season)
        size = np.abs(predicted) + np.abs(actual)
        errors["mase"].append(error / np.where(naive > 0, naive, 1.0))
        errors["smape"].append(np.where(size == 0, 0.0, 200 * error / np.where(size == 0, 1.0, size)))
        errors["mae"].append(error)
        inside = (actual >= forecast.values[..., 0]) & (actual <= forecast.values[..., -1])
        errors["covered"].append(np.where(np.isnan(actual), np.nan, inside))
    names = ["mase", "smape", *(["mae"] if sum(len(f.series.columns) for f in forecasts) == 1 else [])]
    names += ["covered"] if levels else []
    flat = {
        name: np.concatenate([error.transpose(1, 0, 2).reshape(spec.horizon, -1) for error in errors[name]], 1)
        for name in names
    }
    table = []
    for step in [None, *range(spec.horizon)]:
        of_step = {name: values if step is None else values[step] for name, values in flat.items()}
        count = int((~np.isnan(of_step["mase"])).sum())
        if count:
            means = {name: float(np.nanmean(values)) for name, values in of_step.items()}
            table.append({"step": "all" if step is None else step + 1, "forecasts": count, **means})
    return table


def _trained(forecast: Forecast) -> np.ndarray:
    return np.zeros(forecast.times.shape, bool) if forecast.trained_on is None else forecast.trained_on


def _seasonal_naive(series: CleanSeries, season: int) -> np.ndarray:
    """(K,) mean |change over a season| of a series that the run never saw."""
    if len(series) <= season:
        return np.ones(len(series.columns))
    return np.abs(series.values[season:] - series.values[:-season]).mean(axis=0)
