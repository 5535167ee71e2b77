"""One event file a run, in the run folder itself."""

from __future__ import annotations

import numpy as np
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

    def log_picture(self, tag: str, picture: np.ndarray, step: int) -> None:
        """Pixels (H, W, 3) uint8 as an image."""
        self.experiment.add_image(tag, picture, step, dataformats="HWC")
