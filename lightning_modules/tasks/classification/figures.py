"""Pictures of results.  matplotlib is imported only when one is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_figure(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """Share of each target class (row) that was answered with each class (column); rows sum to 1."""
    from matplotlib.figure import Figure

    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    labels = 0.5 + 0.085 * max(map(len, classes))  # inches; a layout that measures them takes as long as the rest
    side = max(4.0 - labels, 0.36 * len(classes) + 0.4)
    figure = Figure(figsize=(side + labels, side + labels))
    left = labels / (side + labels)
    axes = figure.add_axes((left, left, 0.98 - left, 0.96 - left))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=90)
    axes.set_yticks(ticks, classes)
    axes.set_xlabel("prediction")
    axes.set_ylabel("target")
    for row, column in zip(*np.nonzero(share >= 0.005)):
        colour = "white" if share[row, column] > 0.6 else "black"
        text = f"{100 * share[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    axes.set_title("percent of each target class")
    return figure


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula; of a letter that its font lacks it shows a box, silently."""
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    return text.replace("$", r"\$")
