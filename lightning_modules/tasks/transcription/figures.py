"""Figures of lines with their predicted text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightning_modules.tasks.figure_text import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDEST = 1200  # pixels shown of a line


def lines_figure(lines: Sequence[tuple[np.ndarray, str, str | None]]) -> Figure:
    """Each line's ink (height, width) with its text and, where it differs, the prediction below.

    Args:
        lines: ink between 0 and 1, truth, and prediction (None: there is none).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.95 * max(1, len(lines))), layout="constrained")
    rows = figure.subplots(max(1, len(lines)), 1, squeeze=False)[:, 0]
    for axes, (ink, truth, prediction) in zip(rows, lines):
        axes.imshow(1 - ink[:, :WIDEST], cmap="gray", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks([])
        axes.set_yticks([])
        right = prediction is None or prediction == truth
        text = truth if right else f"{truth}\nread: {prediction}"
        axes.set_title(plain(text), fontsize=8, loc="left", color="black" if right else "firebrick")
    return figure
