"""One event file a run, in the run folder itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Ge
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

#: Chart -> the curves in it, for the tab CUSTOM SCALARS.
LAYOUT = {
    "training and validation": {
        "loss": ["Multiline", ["^train/loss$", "^val/loss$"]],
        "loss by epoch": ["Multiline", ["^by_epoch/train/loss$", "^by_epoch/val/loss$"]],
        "validation metrics": ["Multiline", ["^val/(?!loss$)"]],
    },
    "optimisation": {
        "learning rate": ["Multiline", ["^lr$"]],
        "gradient norm": ["Multiline", ["^gradient_norm$"]],
        "samples per second": ["Multiline", ["^samples_per_second$"]],
    },
}


class RunLogger(TensorBoardLogger):
    """Lightning's TensorBoard logger; no version folder, no hparams.yaml, no row of hyperparameters without metrics.

    Every curve is there by step; those of whole epochs are also there by epoch, under `by_epoch/`.  The logger stays
    open when training ends, as the final metrics and pictures follow; `finish` closes it.

    Args:
        save_dir: the run folder.
        embeddings: test examples whose encodings are kept for the tab PROJECTOR.
    """

    def __init__(self, save_dir: str, embeddings: Annotated[int, Ge(0)] = 0) -> None:
        super().__init__(save_dir, name="", version="", default_hp_metric=False)
        self.embeddings = embeddings
        self._validation: dict[str, float] = {}  # the latest, until its epoch ends
        self._has_layout = False

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if not self._has_layout:
            self.experiment.add_custom_scalars(LAYOUT)
            self._has_layout = True
        super().log_metrics(metrics, step)  # type: ignore[arg-type]
        self._validation |= {name: value for name, value in metrics.items() if name.startswith("val/")}
        if "train/loss_epoch" in metrics:  # Lightning says `epoch` of anything that is logged
            epoch_metrics = {**self._validation, "train/loss": metrics["train/loss_epoch"]}
            super().log_metrics(
                {f"by_epoch/{name}": value for name, value in epoch_metrics.items()}, int(metrics["epoch"]) + 1
            )
            self._validation = {}

    def save(self) -> None:
        self.experiment.flush()

    def finalize(self, status: str) -> None:
        self.experiment.flush()

    def finish(self) -> None:
        self.experiment.close()
