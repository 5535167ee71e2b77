"""Per-example columns of forecasts in predictions.parquet."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from datamodules.batching.batches import WindowBatch
from datamodules.series.spec import ForecastSeries
from lightning_modules.layers.quantiles import median_of
from lightning_modules.tasks.forecasting.metrics import scaled_error, smape


def example_columns(
    output: Tensor,
    batch: WindowBatch,
    spec: ForecastSeries,
    quantiles: tuple[float, ...],
    units: Literal["original", "scaled"],
) -> dict[str, Any]:
    """Target, prediction and quantiles in original units, and the errors that metrics are means of.

    Args:
        output: (B, H, K) or (B, H, K, Q), scaled.
        batch: with its true values.
        spec: of the series.
        quantiles: levels of the output's last axis; empty where it has none.
        units: of absolute and squared errors.
    """
    assert batch.future is not None
    middle = median_of(output, quantiles)
    target, forecast = (batch.original(values) for values in (batch.future, middle))
    values = {"target": target, "prediction": forecast}
    if quantiles:
        for level, quantile in zip(quantiles, output.unbind(dim=-1)):
            if level != 0.5:
                values[f"quantile_{level:g}"] = batch.original(quantile)
    single = target[0].numel() == 1
    columns = {name: (v.flatten() if single else v.flatten(1)).tolist() for name, v in values.items()}
    error = forecast - target if units == "original" else middle - batch.future
    means = {
        "score": -scaled_error(forecast, target, batch, spec),
        "percentage_error": smape(forecast, target),
        "absolute_error": error.abs(),
        "squared_error": error.square(),
    }
    return {**columns, **{name: v.mean(dim=(1, 2)).tolist() for name, v in means.items()}}
