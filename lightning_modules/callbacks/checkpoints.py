"""best.ckpt, the weights to use; last.ckpt, everything needed to go on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from lightning_modules import checkpoint_files


class WholeFiles(TorchCheckpointIO):
    """Lightning's own checkpoints, through `checkpoint_files`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        checkpoint_files.save(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return checkpoint_files.load(Path(path))


class Checkpoints(Checkpoint):
    """Keeps the checkpoint of the best validation and the latest one.

    Args:
        monitor: the metric that decides, such as `val/macro_f1`; the task's own when absent.
        mode: `min` or `max`: which is better; the task's own when absent.
        every_n_epochs: epochs between two writes of last.ckpt; the end of training always writes one.
        every_seconds: seconds after which last.ckpt is written inside an epoch, too.
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: Literal["min", "max"] | None = None,
        every_n_epochs: Annotated[int, Gt(0)] = 1,
        every_seconds: Annotated[float, Ge(0)] = 60.0,
    ) -> None:
        self.monitor = monitor
        self.mode = mode
        self.every_n_epochs = every_n_epochs
        self.every_seconds = every_seconds
        self.folder = Path("checkpoints")  # set by whoever runs the training
        self.best: dict[str, Any] | None = None  # value, epoch and step of best.ckpt
        self._written = time.monotonic()

    @property
    def best_path(self) -> Path:
        return self.folder / "best.ckpt"

    @property
    def last_path(self) -> Path:
        return self.folder / "last.ckpt"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.monitor = self.monitor or f"val/{pl_module.task.monitor}"
        self.mode = self.mode or pl_module.task.mode

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.state.fn == "fit" or self.monitor not in trainer.callback_metrics:
            return
        value = trainer.callback_metrics[self.monitor].item()
        held = self.best["value"] if self.best else None
        if held is None or (value < held if self.mode == "min" else value > held):
            self._write_best(trainer, pl_module, value)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if self.every_seconds and time.monotonic() - self._written > self.every_seconds:
            self.write_last(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self.write_last(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.best is None:  # without validation, the last weights are the best there are
            self._write_best(trainer, pl_module, None)

    def write_fitted(self, pl_module: LightningModule) -> None:
        """best.ckpt of a module that was fitted without a Trainer."""
        self.best = {"monitor": None, "value": None, "epoch": 0, "step": 0}
        state = {"state_dict": pl_module.state_dict(), "best": self.best}
        pl_module.on_save_checkpoint(state)
        checkpoint_files.save(state, self.best_path)

    def write_last(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.last_path, weights_only=False)
        self._written = time.monotonic()

    def _write_best(self, trainer: Trainer, pl_module: LightningModule, value: float | None) -> None:
        self.best = {"monitor": self.monitor, "value": value, "epoch": trainer.current_epoch, "step": trainer.global_step}
        state = {"state_dict": trainer.strategy.lightning_module_state_dict(), "best": self.best}
        pl_module.on_save_checkpoint(state)
        if trainer.is_global_zero:
            checkpoint_files.save(state, self.best_path)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]
