"""Forecast errors: summed on the device for each series and target, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from datamodules.batching.batches import WindowBatch
from datamodules.series.spec import ForecastSeries
from lightning_modules.layers.quantiles import median_of, pinball
from lightning_modules.tasks.forecasting.calibration import ConformalCalibration
from lightning_modules.tasks.metric_info import MetricInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_SERIES = 4
SHOWN_WINDOWS = 168
MOST_TARGETS = 16  # with a metric each in metrics.json; of more, the table alone has them


def smape(forecast: Tensor, target: Tensor) -> Tensor:
    """200 |f - y| / (|f| + |y|), percent from 0 to 200; 0 where both are 0."""
    size = forecast.abs() + target.abs()
    return torch.where(size > 0, 200 * (forecast - target).abs() / size.clamp(min=1e-30), 0.0)


def scaled_error(forecast: Tensor, target: Tensor, batch: WindowBatch, spec: ForecastSeries) -> Tensor:
    """(B, H, K) |f - y| in units of the error of the seasonal naive forecast (MASE, Hyndman, Koehler 2006)."""
    naive = batch.naive_error
    if naive is None:
        naive = torch.tensor([*spec.naive_error, [1.0] * len(spec.columns)], device=target.device)[batch.series]
    naive = torch.where(naive > 0, naive, 1.0)  # of a series that was constant, in version 0.1.0
    return (forecast - target).abs() / naive.unsqueeze(1)


class Sums(Metric):
    """Sums (rows, columns) in float64, added up over ranks."""

    full_state_update = False
    sums: Tensor

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.add_state("sums", torch.zeros(rows, columns, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, rows: Tensor, values: Tensor) -> None:
        """Args: rows (N,) int64, values (N, columns)."""
        self.sums.index_add_(0, rows, values.to(self.sums.dtype))

    def compute(self) -> Tensor:
        return self.sums


class ForecastMetrics(nn.Module):
    """MASE, sMAPE, MAE, MSE, RMSE, and of quantiles the pinball loss and the coverage.

    `mase` is the mean absolute error in units of that of the seasonal naive forecast in the training split: finite for
    zeros and changes of sign, comparable over units.  `smape` is the standard one, 0 to 200 percent; `smape_quarter` a
    quarter of it, as some tutorials have it.  These are always in original units, the rest in `units`.  `coverage` is
    the share of targets between the outermost quantiles.  Each is the mean over series, of the mean over a series'
    forecasts; where there are several targets, each also has its own, such as `load/mase`.

    Args:
        spec: the series.
        units: of MAE, MSE, RMSE and pinball loss.
        quantiles: of the output; none for points.
        calibration: observes the residuals, where it wants to.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "mase": MetricInfo("minimize", headline=True, columns=("score",), group_by="series", scale=-1),
        "smape": MetricInfo("minimize", headline=True, columns=("percentage_error",), group_by="series"),
        "smape_quarter": MetricInfo("minimize", columns=("percentage_error",), group_by="series", scale=0.25),
        "mae": MetricInfo("minimize", columns=("absolute_error",), group_by="series"),
        "mse": MetricInfo("minimize", columns=("squared_error",), group_by="series"),
        "rmse": MetricInfo("minimize", columns=("squared_error",), group_by="series", transform="sqrt"),
        "pinball": MetricInfo("minimize"),
        "coverage": MetricInfo("maximize"),
    }

    def __init__(
        self,
        spec: ForecastSeries,
        units: Literal["original", "scaled"],
        quantiles: tuple[float, ...] = (),
        calibration: ConformalCalibration | None = None,
    ) -> None:
        super().__init__()
        self.levels: Tensor
        self.spec = spec
        self.units = units
        self.quantiles = quantiles
        self.num_columns = len(spec.columns)
        self.names = [*spec.names, "not of this run"]
        self._calibration = [calibration]  # in a list: it is a module of the task, not of the metrics
        rows = len(self.names) * self.num_columns
        self.per_series = Sums(rows, 7)  # count, |e| naive, smape, |e|, e², pinball, covered
        self.per_hour = Sums(24, 2)
        self.per_step = Sums(spec.horizon, 2)
        self.register_buffer("levels", torch.tensor(quantiles), persistent=False)
        self.stretches: dict[int, list[tuple[Tensor, Tensor, Tensor]]] = {}

    def update(self, output: Tensor, batch: WindowBatch) -> None:
        """Args: output (B, H, K) or (B, H, K, Q) scaled; batch with `future`."""
        assert batch.future is not None
        scaled_target = batch.future[:, : output.shape[1]]
        calibration = self._calibration[0]
        if calibration is not None and calibration.observing:
            calibration.observe(output, scaled_target, batch.series, batch.past)
        target, middle = batch.original(scaled_target), median_of(output, self.quantiles)
        forecast = batch.original(middle)
        relative = smape(forecast, target)
        error = (forecast - target).abs()
        series = torch.where(batch.series < 0, len(self.names) - 1, batch.series)
        in_units = error if self.units == "original" else (middle - scaled_target).abs()
        scaled = scaled_error(forecast, target, batch, self.spec)
        values = [torch.ones_like(error), scaled, relative, in_units, in_units.square()]
        if self.quantiles:
            levels, truth = (output, scaled_target) if self.units == "scaled" else (batch.original(output), target)
            covered = (truth >= levels[..., 0]) & (truth <= levels[..., -1])
            values += [pinball(levels, truth, self.levels).mean(dim=-1), covered.float()]
        else:
            values += [torch.zeros_like(error)] * 2
        rows = series.unsqueeze(1) * self.num_columns + torch.arange(self.num_columns, device=series.device)  # (B, K)
        self.per_series.update(rows.flatten(), torch.stack(values, dim=-1).sum(dim=1).flatten(0, 1))
        of_step = torch.stack([scaled.mean(dim=2), torch.ones_like(relative[..., 0])], dim=-1)  # (B, H, 2)
        self.per_step.update(torch.arange(of_step.shape[1], device=series.device), of_step.sum(dim=0))
        if batch.hours is not None:
            self.per_hour.update(batch.future_hours()[:, : of_step.shape[1]].flatten(), of_step.flatten(0, 1))
        self._keep_stretches(series, target, batch.original(output), batch.first)

    def compute(self) -> dict[str, float]:
        table = self._means()
        metrics = _mean_of([row for _, row in table])
        if 1 < self.num_columns <= MOST_TARGETS:
            for position, column in enumerate(self.spec.columns):
                mean_of_column = _mean_of([row for number, row in table if number % self.num_columns == position])
                metrics |= {f"{column}/{name}": value for name, value in mean_of_column.items()}
        return metrics

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """A row a series (and target, where there are several)."""
        columns = self.spec.columns if self.num_columns > 1 else ("",)
        return {
            "series": [
                {"series": f"{self.names[i // self.num_columns]} {columns[i % self.num_columns]}".rstrip(), **row}
                for i, row in self._means()
            ]
        }

    def figures(self) -> dict[str, Figure]:
        from lightning_modules.tasks.forecasting.figures import error_figure, stretches_figure

        hours, steps = (sums.compute().cpu() for sums in (self.per_hour, self.per_step))
        figures = {}
        shown = {self.names[s]: kept for s, kept in self.stretches.items()}
        if shown:
            figures["forecasts"] = stretches_figure(shown, self.spec, self.quantiles)
        if hours[:, 1].sum():
            figures["error_by_hour"] = error_figure(hours, "hour of the day", start=0)
        if len(steps) > 1:
            figures["error_by_step"] = error_figure(steps, "rows ahead", start=1)
        return figures

    def _means(self) -> list[tuple[int, dict[str, float]]]:
        """Of each series and target that occurred: its number among them, and its metrics."""
        sums = self.per_series.compute()
        rows = []
        for number in sums[:, 0].nonzero().flatten().tolist():
            count = sums[number, 0].item()
            mase, relative, absolute, square, loss, covered = (sums[number, 1:] / count).tolist()
            row = {
                "forecasts": count,
                "mase": mase,
                "smape": relative,
                "smape_quarter": relative / 4,
                "mae": absolute,
                "mse": square,
                "rmse": square**0.5,
            }
            if self.quantiles:
                row |= {"pinball": loss, "coverage": covered}
            rows.append((number, row))
        return rows

    def _keep_stretches(self, series: Tensor, target: Tensor, output: Tensor, first: Tensor) -> None:
        """The first windows of the first series, first column, for the figure."""
        for s in series.unique(sorted=True).tolist() if len(self.stretches) < SHOWN_SERIES else list(self.stretches):
            if s not in self.stretches and len(self.stretches) == SHOWN_SERIES:
                break
            kept = self.stretches.setdefault(s, [])
            num_missing = SHOWN_WINDOWS - sum(len(rows) for rows, _, _ in kept)
            if num_missing > 0:
                rows = (series == s).nonzero().flatten()[:num_missing]
                kept.append((first[rows].cpu(), target[rows, :, 0].cpu(), output[rows, :, 0].cpu()))


def _mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """Metrics averaged over rows, without the number of forecasts."""
    if not rows:
        return {}
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0] if name != "forecasts"}
