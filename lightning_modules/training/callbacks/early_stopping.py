"""Ending a run that no longer gets better."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning import callbacks as lightning_callbacks

from datamodules.errors import BadInput
from lightning_modules.tasks.base import Task


class EarlyStopping(lightning_callbacks.EarlyStopping):
    """Stops after `patience` validations without an improvement of more than `min_delta`.

    Args:
        monitor: the metric, such as `val/macro_f1`; the task's own when absent.
        mode: `min` or `max`: which is better; the task's own when absent.
        patience: validations to wait.
        min_delta: what counts as an improvement.
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: Literal["min", "max"] | None = None,
        patience: Annotated[int, Ge(0)] = 5,
        min_delta: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        self._settings: dict[str, Any] = {"patience": patience, "min_delta": min_delta}
        self._chosen = monitor, mode
        super().__init__(monitor or "val/loss", mode=mode or "min", **self._settings)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            monitor, mode = self._chosen
            task: Task = pl_module.task  # type: ignore[assignment]
            monitor = monitor or f"val/{task.monitor}"
            of_training = monitor.startswith("train/")  # known at an epoch's end, not at a validation
            super().__init__(monitor, mode=mode or task.mode, check_on_train_epoch_end=of_training, **self._settings)
        super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.enable_validation and not self.monitor.startswith("train/"):
            raise BadInput("callbacks=early_stopping: there is no validation part to watch")
        super().on_train_start(trainer, pl_module)
        if self.wait_count and self.wait_count >= self.patience:  # the checkpoint is of a run that had ended here
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        is_due = trainer.state.fn == "fit" and not trainer.sanity_checking and not self.monitor.startswith("train/")
        if is_due and self.monitor not in trainer.callback_metrics:
            known = ", ".join(sorted(name for name in trainer.callback_metrics if name.startswith(("val/", "train/"))))
            raise BadInput(f"callbacks.early_stopping.monitor={self.monitor}: no such metric; there are {known}")
        super().on_validation_end(trainer, pl_module)
