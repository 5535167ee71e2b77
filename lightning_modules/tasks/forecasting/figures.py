"""Pictures of forecasts.  matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datamodules.series.spec import ForecastSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTUAL, FORECAST = "#334155", "#e4572e"


def stretches_figure(
    stretches: dict[str, list[tuple[Tensor, Tensor, Tensor]]], spec: ForecastSeries, quantiles: tuple[float, ...]
) -> Figure:
    """Forecast beside what came, for a stretch of each series; a fan where there are quantiles.

    Args:
        stretches: name -> pieces of first row (N,), target (N, H) and output (N, H) or (N, H, Q), original units.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.3 * len(stretches) + 0.4), layout="constrained")
    axes_list = np.atleast_1d(figure.subplots(len(stretches), 1))
    horizon = spec.horizon
    for axes, (name, pieces) in zip(axes_list, stretches.items()):
        first, target, output = (torch.cat(parts).float().numpy() for parts in zip(*pieces))
        kept, hours = [], first - first[0]
        last = -np.inf
        for i, hour in enumerate(hours):  # forecasts that do not overlap
            if hour >= last + horizon:
                kept.append(i)
                last = hour
        x = (hours[kept, None] + np.arange(horizon)).ravel()
        actual, output_rows = target[kept].ravel(), output[kept].reshape(len(x), -1)
        axes.plot(x, actual, color=ACTUAL, linewidth=1.4, label="actual")
        middle = output_rows[:, list(quantiles).index(0.5)] if quantiles else output_rows[:, 0]
        axes.plot(x, middle, color=FORECAST, linewidth=1.1, linestyle="--", label="forecast")
        if quantiles:
            label = f"{quantiles[0]:g} to {quantiles[-1]:g}"
            axes.fill_between(
                x, output_rows[:, 0], output_rows[:, -1], color=FORECAST, alpha=0.2, linewidth=0, label=label
            )
        if horizon > 1:
            for start in hours[kept]:
                axes.axvline(start, color="#cbd5e1", linewidth=0.6, zorder=0)
        axes.set_title(name, loc="left", fontsize=9)
        axes.margins(x=0.01)
        axes.spines[["top", "right"]].set_visible(False)
    axes_list[0].legend(loc="upper right", ncols=3, fontsize=8, frameon=False)
    axes_list[-1].set_xlabel("hours" if spec.step == "1h" else f"steps of {spec.step}")
    return figure


def error_figure(sums: Tensor, label: str, start: int) -> Figure:
    """Mean scaled error (MASE) of each row of `sums` (N, 2): sum, count."""
    from matplotlib.figure import Figure

    mean = (sums[:, 0] / sums[:, 1].clamp(min=1)).numpy()
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(start, start + len(mean)), mean, color=FORECAST)
    axes.set_xlabel(label)
    axes.set_ylabel("mean absolute scaled error")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
