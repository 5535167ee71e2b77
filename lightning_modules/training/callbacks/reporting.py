"""Report progress to the sweep that started this run, and stop when it prunes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.errors import BadInput


class Pruned(Exception):
    """The sweep pruned this run."""


class Reporting(Callback):
    """Send progress at intervals and the metric after each validation; stop the run where the sweep prunes it.

    With several ranks, rank 0 asks and the answer is broadcast.

    Args:
        send: takes epoch, step, their totals, and the metric so far.
        is_pruned: takes the number of validations so far and the metric's value; None where nothing prunes.
        metric: such as `val/accuracy`; the task's own when None.
        every_seconds: between two reports of progress.
    """

    needs_every_batch = False  # of fast_loop

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        is_pruned: Callable[[int, float], bool] | None = None,
        metric: str | None = None,
        every_seconds: float = 1.0,
    ) -> None:
        self.send = send
        self.is_pruned = is_pruned
        self.metric = metric
        self.every_seconds = every_seconds
        self.validations = 0
        self._sent_at = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """The state that another rank is given: rank 0 alone sends and asks."""
        return {**vars(self), "send": _send_nothing, "is_pruned": None if self.is_pruned is None else _never}

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self.validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.validations = state_dict["validations"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if time.monotonic() - self._sent_at > self.every_seconds:
            self._send_progress(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn != "fit":
            return
        self.validations += 1
        self._send_progress(trainer, pl_module)
        if self.is_pruned is None:
            return
        name = self._name(pl_module)
        if name not in pl_module.latest:
            known = ", ".join(sorted(key for key in pl_module.latest if key.startswith("val/")))
            raise BadInput(f"sweep.objective={name}: no such metric; there are {known}")
        pruned = trainer.is_global_zero and self.is_pruned(self.validations, float(pl_module.latest[name]))
        if trainer.strategy.broadcast(pruned):
            raise Pruned

    def _send_progress(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self._sent_at = time.monotonic()
        name = self._name(pl_module)
        total = trainer.estimated_stepping_batches
        self.send(
            {
                "epoch": trainer.current_epoch + 1,
                "epochs": trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
                "step": trainer.global_step,
                "steps": None if total == float("inf") else int(total),
                "metric": name,
                "value": pl_module.latest.get(name),
            }
        )

    def _name(self, pl_module: LightningModule) -> str:
        return self.metric or f"val/{pl_module.task.monitor}"


def _send_nothing(progress: dict[str, Any]) -> None:
    pass


def _never(validations: int, value: float) -> bool:
    return False
