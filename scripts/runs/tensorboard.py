"""One event file a run, in the run folder itself."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.loggers import TensorBoardLogger


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger; no version folder, no hparams.yaml, no row of hyperparameters without metrics.

    It stays open when training ends, as the final metrics and pictures follow; `finish` closes it.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False)

    def save(self) -> None:
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        self.experiment.flush()

    def finish(self) -> None:
        self.experiment.close()

    def log_picture(self, tag: str, figure: Any, step: int) -> None:
        """A matplotlib figure as an image."""
        self.experiment.add_image(tag, pixels(figure), step)


def pixels(figure: Any) -> torch.Tensor:
    """(3, H, W) uint8 of a matplotlib figure."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return torch.from_numpy(np.asarray(canvas.buffer_rgba())[:, :, :3].copy()).permute(2, 0, 1)
