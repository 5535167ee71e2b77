"""Stopping a run from outside without losing what it has done."""

from __future__ import annotations

import signal
import sys
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_modules.training.callbacks.checkpoints import Checkpoints

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # Ctrl-C, kill and most schedulers, Slurm


class Interrupted(Exception):
    """A run was stopped from outside; its last.ckpt holds everything needed to resume."""

    def __init__(self, signal_number: int, folder: str) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}; resume={folder} goes on")
        self.exit_status = 128 + signal_number


class Interruption(Callback):
    """At a signal: finish the steps in hand, write last.ckpt, stop.  At a second one: stop at once.

    Of several processes the first one listens, and all of them stop at the same step.
    """

    needs_every_batch = False  # of fast_loop

    def __init__(self) -> None:
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for number in SIGNALS:
            listen = self._receive if trainer.is_global_zero else signal.SIG_IGN
            self._before[number] = signal.signal(number, listen)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        received = trainer.strategy.broadcast(self._received)
        if received is not None:
            for callback in _checkpoints(trainer):
                callback.write_between_batches(trainer)
            raise Interrupted(received, trainer.default_root_dir)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()
        received = trainer.strategy.broadcast(self._received)
        if received is not None:
            for callback in _checkpoints(trainer):
                callback.on_train_end(trainer, pl_module)
            raise Interrupted(received, trainer.default_root_dir)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _receive(self, number: int, frame: Any) -> None:
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = number
        print("stopping after the step in hand; a second signal stops at once", file=sys.stderr, flush=True)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def _checkpoints(trainer: Trainer) -> list[Checkpoints]:
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, Checkpoints)]
