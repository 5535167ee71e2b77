"""Figures as pixels."""

from __future__ import annotations

from typing import Any

import numpy as np


def pixels(figure: Any) -> np.ndarray:
    """(H, W, 3) uint8 of a matplotlib figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
