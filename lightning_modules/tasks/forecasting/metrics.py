"""How good forecasts are: counted on the device for each series, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from datamodules.batching.batches import WindowBatch
from datamodules.series.spec import ForecastSeries
from lightning_modules.layers.quantiles import median_of, pinball
from lightning_modules.tasks.metric_info import MetricInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_SERIES = 4
SHOWN_WINDOWS = 168


def smape(answer: Tensor, target: Tensor) -> Tensor:
    """200 |a - t| / (|a| + |t|), percent from 0 to 200; 0 where both are 0."""
    size = answer.abs() + target.abs()
    return torch.where(size > 0, 200 * (answer - target).abs() / size.clamp(min=1e-30), 0.0)


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
    """sMAPE, MAE, MSE, RMSE, MASE, and of quantiles the pinball loss and the coverage.

    `smape` is the standard one, 0 to 200 percent; `smape_article` the source article's, a quarter of it; both and
    `mase` always in original units, the rest in `units`.  `mase` is the error relative to that of yesterday's value in
    the training part.  `coverage` is the share of truths between the outermost quantiles.  Each is the mean over
    series, of the mean over a series' forecasts.
    """

    INFO: ClassVar[dict[str, MetricInfo]] = {
        "smape": MetricInfo("minimize", headline=True, columns=("score",), group_by="series", scale=-1),
        "smape_article": MetricInfo("minimize", columns=("score",), group_by="series", scale=-0.25),
        "mae": MetricInfo("minimize", headline=True, columns=("absolute_error",), group_by="series"),
        "mse": MetricInfo("minimize", headline=True, columns=("squared_error",), group_by="series"),
        "rmse": MetricInfo("minimize", columns=("squared_error",), group_by="series", transform="sqrt"),
        "mase": MetricInfo("minimize", headline=True),
        "pinball": MetricInfo("minimize", headline=True),
        "coverage": MetricInfo("maximize"),
    }

    def __init__(
        self, spec: ForecastSeries, units: Literal["original", "scaled"], quantiles: tuple[float, ...] = ()
    ) -> None:
        super().__init__()
        self.levels: Tensor
        self.naive_error: Tensor
        self.spec = spec
        self.units = units
        self.quantiles = quantiles
        self.num_columns = len(spec.columns)
        self.names = [*spec.names, "not of this run"]
        rows = len(self.names) * self.num_columns
        self.per_series = Sums(rows, 7)  # count, smape, |e|, e², |e| original, pinball, covered
        self.per_hour = Sums(24, 2)
        self.per_step = Sums(spec.horizon, 2)
        naive = torch.tensor([*spec.naive_error, [torch.nan] * self.num_columns], dtype=torch.float64)
        self.register_buffer("naive_error", naive.flatten(), persistent=False)
        self.register_buffer("levels", torch.tensor(quantiles), persistent=False)
        self.stretches: dict[int, list[tuple[Tensor, Tensor, Tensor]]] = {}

    def update(self, output: Tensor, batch: WindowBatch) -> None:
        """Args: output (B, H, K) or (B, H, K, Q) scaled; batch with `future`."""
        assert batch.future is not None
        target = batch.original(batch.future[:, : output.shape[1]])
        middle = median_of(output, self.quantiles)
        answer = batch.original(middle)
        relative = smape(answer, target)
        error = (answer - target).abs()
        measured = error if self.units == "original" else (middle - batch.future[:, : output.shape[1]]).abs()
        values = [torch.ones_like(error), relative, measured, measured.square(), error]
        if self.quantiles:
            levels = batch.original(output) if self.units == "original" else output
            truth = target if self.units == "original" else batch.future[:, : output.shape[1]]
            covered = (truth >= levels[..., 0]) & (truth <= levels[..., -1])
            values += [pinball(levels, truth, self.levels).mean(dim=-1), covered.float()]
        else:
            values += [torch.zeros_like(error)] * 2
        series = torch.where(batch.series < 0, len(self.names) - 1, batch.series)
        rows = series.unsqueeze(1) * self.num_columns + torch.arange(self.num_columns, device=series.device)  # (B, K)
        self.per_series.update(rows.flatten(), torch.stack(values, dim=-1).sum(dim=1).flatten(0, 1))
        of_step = torch.stack([relative.mean(dim=2), torch.ones_like(relative[..., 0])], dim=-1)  # (B, H, 2)
        self.per_step.update(torch.arange(of_step.shape[1], device=series.device), of_step.sum(dim=0))
        if batch.hours is not None:
            self.per_hour.update(batch.future_hours()[:, : of_step.shape[1]].flatten(), of_step.flatten(0, 1))
        self._keep_stretches(series, target, batch.original(output), batch.first)

    def compute(self) -> dict[str, float]:
        table = self._means()
        if not len(table):
            return {}
        mean = {name: torch.tensor([row[name] for row in table]).nanmean().item() for name in table[0]}
        return {name: value for name, value in mean.items() if name != "forecasts"}

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """A row a series (and column, where a series has several)."""
        return {"series": [{"series": name, **row} for row, name in zip(self._means(), self._occurring_names())]}

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

    def _means(self) -> list[dict[str, float]]:
        sums = self.per_series.compute()
        rows = []
        for number in sums[:, 0].nonzero().flatten().tolist():
            count = sums[number, 0].item()
            relative, absolute, square, error, loss, covered = (sums[number, 1:] / count).tolist()
            row = {
                "forecasts": count,
                "smape": relative,
                "smape_article": relative / 4,
                "mae": absolute,
                "mse": square,
                "rmse": square**0.5,
                "mase": error / float(self.naive_error[number] or torch.nan),
            }
            if self.quantiles:
                row |= {"pinball": loss, "coverage": covered}
            rows.append(row)
        return rows

    def _occurring_names(self) -> list[str]:
        columns = self.spec.columns
        found = self.per_series.compute()[:, 0].nonzero().flatten().tolist()
        named = [(self.names[i // self.num_columns], columns[i % self.num_columns]) for i in found]
        return [f"{name} {column}" if self.num_columns > 1 else name for name, column in named]

    def _keep_stretches(self, series: Tensor, target: Tensor, output: Tensor, first: Tensor) -> None:
        """The first windows of the first series, first column, for the picture."""
        for s in series.unique(sorted=True).tolist() if len(self.stretches) < SHOWN_SERIES else list(self.stretches):
            if s not in self.stretches and len(self.stretches) == SHOWN_SERIES:
                break
            kept = self.stretches.setdefault(s, [])
            wanted = SHOWN_WINDOWS - sum(len(rows) for rows, _, _ in kept)
            if wanted > 0:
                rows = (series == s).nonzero().flatten()[:wanted]
                kept.append((first[rows].cpu(), target[rows, :, 0].cpu(), output[rows, :, 0].cpu()))
