"""best.ckpt, the weights to use; last.ckpt, everything needed to resume; previous.ckpt, the last.ckpt before it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint, WeightAveraging

from datamodules.errors import BadInput
from lightning_modules.tasks.base import Task
from lightning_modules.training import checkpoint_io
from lightning_modules.training.fsdp import whole
from lightning_modules.training.nan_guard import check_weights


class WholeFiles(TorchCheckpointIO):
    """Lightning's own checkpoints, through `checkpoint_files`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        checkpoint_io.save(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        return checkpoint_io.load(Path(path))


def _averaged(trainer: Trainer) -> torch.nn.Module | None:
    """The module with averaged weights (EMA), which is what a validation was of, where a callback keeps one."""
    for callback in trainer.callbacks:
        if isinstance(callback, WeightAveraging) and callback._average_model is not None:
            return callback._average_model.module
    return None


class Checkpoints(Checkpoint):
    """Keeps the checkpoint of the best validation and the latest one.

    Of equal validations that of the lower loss is the best, then the later one.

    A small network's epoch may be shorter than a write to disk, so both files are written together and not more often
    than every `every_seconds`; in between, the best weights wait in memory.  Training goes on from last.ckpt to the
    same best.ckpt, so a process that is killed loses time, never a result.

    Args:
        monitor: the metric that decides, such as `val/macro_f1`; the task's own when absent.
        mode: `min` or `max`: which is better; the task's own when absent.
        every_seconds: between two writes; the end of training always writes.
    """

    needs_every_batch = False  # of fast_loop

    def __init__(
        self,
        monitor: str | None = None,
        mode: Literal["min", "max"] | None = None,
        every_seconds: Annotated[float, Ge(0)] = 30.0,
    ) -> None:
        self.monitor = monitor
        self.mode = mode
        self.every_seconds = every_seconds
        self.folder = Path("checkpoints")  # set by whoever runs the training
        self.best: dict[str, Any] | None = None  # value, epoch and step of best.ckpt
        self._waiting: dict[str, Any] | None = None  # what best.ckpt is to hold, not yet written
        self._written = time.monotonic()
        self._batch_is_only_counted = False

    @property
    def best_path(self) -> Path:
        return self.folder / "best.ckpt"

    @property
    def last_path(self) -> Path:
        return self.folder / "last.ckpt"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        task: Task = pl_module.task  # type: ignore[assignment]
        self.monitor = self.monitor or f"val/{task.monitor}"
        self.mode = self.mode or task.mode

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit":
            self.offer(trainer, pl_module)

    def offer(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights as the best ones if the validation that the Trainer has just made of them says so.

        Raises:
            BadInput: `monitor` is none of its metrics.
        """
        if self.monitor not in trainer.callback_metrics:
            known = ", ".join(sorted(name for name in trainer.callback_metrics if name.startswith("val/")))
            raise BadInput(f"callbacks.checkpoints.monitor={self.monitor}: no such metric; there are {known}")
        value = trainer.callback_metrics[self.monitor].item()
        loss = trainer.callback_metrics.get("val/loss")
        better = self._is_better(value, None if loss is None else loss.item())
        if trainer.strategy.broadcast(better):  # sums over ranks may differ in their last digit
            self._keep(trainer, pl_module, value, None if loss is None else loss.item())

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        # here, not at a batch's end: the validation that belongs to the steps so far is over
        if trainer.strategy.broadcast(time.monotonic() - self._written > self.every_seconds):
            self.write_between_batches(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.best is None:  # without validation, the last weights are the best there are
            self._keep(trainer, pl_module, None)
        self.write(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._write_best()

    def write(self, trainer: Trainer) -> None:
        """best.ckpt, then last.ckpt, which knows it.

        Raises:
            NonFinite: training has come to weights that are worth nothing; the files stay as they are.
        """
        pl_module: Any = trainer.lightning_module
        pl_module.check_finite()
        check_weights(pl_module, trainer.global_step)
        if trainer.is_global_zero:
            self._write_best()
            checkpoint_io.keep_as(self.last_path, self.folder / "previous.ckpt")
        pl_module.stop_clock()
        trainer.save_checkpoint(self.last_path, weights_only=False)
        pl_module.start_clock()
        self._written = time.monotonic()

    def write_between_batches(self, trainer: Trainer) -> None:
        """`write`, from a hook that runs before a batch: the Trainer counts that batch already, the file does not."""
        self._batch_is_only_counted = True
        self.write(trainer)
        self._batch_is_only_counted = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._batch_is_only_counted:
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            for counts in (progress["current"], progress["total"]):
                counts["ready"] = counts["completed"]
            progress["is_last_batch"] = False
            for state in checkpoint["loops"]["fit_loop"]["state_dict"].get("combined_loader", []):
                state["batch"] -= 1

    def offer_final(self, trainer: Trainer, pl_module: LightningModule) -> bool:
        """`offer` after training, with best.ckpt written; whether it is of these weights."""
        before = self.best
        self.offer(trainer, pl_module)
        if trainer.is_global_zero:
            self._write_best()
        return self.best is not before

    def write_fitted(self, pl_module: LightningModule) -> None:
        """best.ckpt of a module that was fitted without a Trainer."""
        self.best = {"monitor": None, "value": None, "epoch": 0, "step": 0}
        self._waiting = self._state(pl_module)
        self._write_best()

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]

    def _is_better(self, value: float, loss: float | None) -> bool:
        """Whether a validation is better than the best one: of equal metrics, one of no higher loss, so a later one."""
        best = self.best["value"] if self.best else None
        if best is None or math.isnan(best):
            return True
        if value != best:
            return value < best if self.mode == "min" else value > best
        best_loss = (self.best or {}).get("loss")
        return loss is None or best_loss is None or loss <= best_loss

    def _keep(
        self, trainer: Trainer, pl_module: LightningModule, value: float | None, loss: float | None = None
    ) -> None:
        epoch, step = trainer.current_epoch, trainer.global_step
        if value is None or trainer.state.fn != "fit":  # after training, when the Trainer has counted the last epoch
            epoch = max(0, epoch - 1)
        check_weights(pl_module, step)
        self.best = {"monitor": self.monitor, "value": value, "loss": loss, "epoch": epoch, "step": step}
        self._waiting = self._state(pl_module, _averaged(trainer))

    def _state(self, pl_module: LightningModule, averaged: torch.nn.Module | None = None) -> dict[str, Any]:
        weights = {
            name: whole(value.detach()).cpu().clone() if isinstance(value, torch.Tensor) else value
            for name, value in (averaged or pl_module).state_dict().items()
        }
        state = {"state_dict": weights, "best": self.best}
        pl_module.on_save_checkpoint(state)
        return state

    def _write_best(self) -> None:
        if self._waiting is not None:
            checkpoint_io.save(self._waiting, self.best_path)
            self._waiting = None
