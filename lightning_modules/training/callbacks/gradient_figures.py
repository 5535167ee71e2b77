"""The figure of vanishing and exploding gradients.  matplotlib is imported only when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 1e-30  # drawn for gradients that are nothing at all


def gradient_figure(curves: dict[int, np.ndarray]) -> Figure:
    """The gradient that reaches each step, on a log scale.

    Args:
        curves: optimiser steps -> (T,) norms, that of a sequence's last step first.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    shades = colormaps["viridis"](np.linspace(0.9, 0.0, len(curves)))
    for (step, norms), shade in zip(sorted(curves.items()), shades):
        label = "untrained" if step == 0 else f"after {step:,}"
        axes.plot(-np.arange(len(norms)), np.maximum(norms, SMALLEST), color=shade, label=label, linewidth=1.5)
    axes.set_yscale("log")
    axes.set_xlabel("step, counted from the last one of a sequence")
    axes.set_ylabel("norm of the loss's gradient")
    nothing = any((norms < SMALLEST).any() for norms in curves.values())
    title = "how much a step's input changes the loss" + (f" ({SMALLEST:g}: not at all)" if nothing else "")
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(title="optimiser steps", fontsize=8, title_fontsize=8, frameon=False)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.6)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
