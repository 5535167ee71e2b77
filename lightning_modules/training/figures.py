"""Figures for every logger that takes some."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytorch_lightning.loggers import TensorBoardLogger


def log_figure(logger: Any, name: str, figure: Any, step: int) -> bool:
    """Give a figure to a logger in the logger's own way; False where it has none.

    Args:
        logger: one with `log_figure(name, figure, step)`, one with `log_image(key, images, step)` as that of Weights &
            Biases, one of TensorBoard, or one whose experiment has MLflow's `log_figure(run_id, figure, file)`.
        figure: of matplotlib, or pixels (H, W, 3) uint8.
    """
    experiment = getattr(logger, "experiment", None)
    if hasattr(logger, "log_figure"):
        logger.log_figure(name, figure, step)
    elif hasattr(logger, "log_image"):
        logger.log_image(key=name, images=[pixels(figure)], step=step)
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, pixels(figure), step, dataformats="HWC")
    elif hasattr(experiment, "log_image") and hasattr(logger, "run_id"):
        file = f"figures/{name}/{step}.png"
        experiment.log_image(logger.run_id, pixels(figure), artifact_file=file)  # type: ignore[union-attr]
    else:
        return False
    return True


def pixels(figure: Any) -> np.ndarray:
    """(H, W, 3) uint8 of a matplotlib figure; pixels as they are."""
    if isinstance(figure, np.ndarray):
        return figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
