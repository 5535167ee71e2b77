"""A figure of what was known and what is forecast."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.errors import BadInput
from lightning_modules.tasks.forecasting.figures import ACTUAL, FORECAST
from scripts.predict.forecast import Forecast

ROWS_BEFORE = 168


def plot(forecasts: list[Forecast], levels: list[float], synthetic: bool, path: Path) -> None:
    """The first target of each series: its last rows, the forecast of them and of what follows.

    Raises:
        BadInput: the figure cannot be written there.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.6 * len(forecasts) + 0.3), layout="constrained")
    for axes, forecast in zip(np.atleast_1d(figure.subplots(len(forecasts), 1)), forecasts):
        start = min(forecast.cutoffs[0], forecast.series.times[max(0, len(forecast.series) - ROWS_BEFORE)])
        shown = forecast.series.times >= start
        axes.plot(
            forecast.series.times[shown], forecast.series.values[shown, 0], color=ACTUAL, linewidth=1.4, label="known"
        )
        times, values = _in_pieces(forecast)  # (N,) and (N, Q)
        middle = values[:, levels.index(0.5) if levels else 0]
        axes.plot(times, middle, color=FORECAST, linewidth=1.3, linestyle="--", label="forecast")
        if levels:
            label = f"{levels[0]:g} to {levels[-1]:g}"
            axes.fill_between(times, values[:, 0], values[:, -1], color=FORECAST, alpha=0.2, linewidth=0, label=label)
        axes.axvline(forecast.series.times[-1], color="#94a3b8", linewidth=0.8)
        note = "  (a run on synthetic load)" if synthetic else ""
        axes.set_title(f"{forecast.series.name}{note}", loc="left", fontsize=9)
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.margins(x=0.01)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=3, fontsize=8, frameon=False)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise BadInput(f"--plot {path}: cannot be written ({error})") from None


def _in_pieces(forecast: Forecast) -> tuple[np.ndarray, np.ndarray]:
    """Stamps and quantiles of all windows, with an empty row where one does not follow the one before it."""
    times, values = [], []
    for w in range(len(forecast.cutoffs)):
        if w and forecast.times[w - 1][-1] != forecast.cutoffs[w]:
            times.append(forecast.cutoffs[w : w + 1])
            values.append(np.full((1, forecast.values.shape[3]), np.nan))
        times.append(forecast.times[w])
        values.append(forecast.values[w, :, 0])
    return np.concatenate(times), np.concatenate(values)
