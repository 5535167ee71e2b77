"""How far training is: a live bar on a terminal, plain lines elsewhere; both on standard error."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

from annotated_types import Ge
from pytorch_lightning import Callback, LightningModule, Trainer


class Progress(Callback):
    """Epoch, step, losses, the monitored metric, samples a second and the time left.

    Args:
        every_seconds: between two plain lines.
    """

    needs_every_batch = False  # of fast_loop

    def __init__(self, every_seconds: Annotated[float, Ge(0)] = 10.0) -> None:
        self.every_seconds = every_seconds
        self._bar: Any = None
        self._started = 0.0
        self._first_step = 0
        self._epoch = 1  # of the latest step, from 1; the Trainer's own has gone on when training ends
        self._last_line = 0.0
        self._shown: tuple[int, int] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = self._last_line = time.monotonic()
        self._first_step = trainer.global_step
        self._epoch = max(1, trainer.current_epoch)
        if not trainer.is_global_zero or not sys.stderr.isatty():
            return
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        total = trainer.estimated_stepping_batches
        self._bar.add_task("training", total=None if total == float("inf") else total)
        self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        self._epoch = trainer.current_epoch + 1
        if not trainer.is_global_zero:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=trainer.global_step, description=self._text(trainer))
        elif time.monotonic() - self._last_line >= self.every_seconds:
            self._line(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self._stop()
            self._line(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _line(self, trainer: Trainer) -> None:
        if (self._epoch, trainer.global_step) == self._shown:
            return
        self._shown = self._epoch, trainer.global_step
        self._last_line = time.monotonic()
        seconds = self._last_line - self._started
        total = trainer.estimated_stepping_batches
        left = ""
        done = trainer.global_step - self._first_step
        if total != float("inf") and done > 0 and trainer.global_step < total:
            left = f"  {_clock(seconds / done * (total - trainer.global_step))} left"
        print(f"{self._text(trainer)}  {_clock(seconds)}{left}", file=sys.stderr, flush=True)

    def _text(self, trainer: Trainer) -> str:
        last = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        parts = [f"epoch {self._epoch}{last}", f"step {trainer.global_step:,}"]
        module = trainer.lightning_module
        shown = ("train/loss", f"val/{module.task.monitor}")
        parts += [f"{name} {module.latest[name]:.4f}" for name in shown if name in module.latest]
        if "samples_per_second" in module.latest:
            parts.append(f"{module.latest['samples_per_second']:,.0f} samples/s")
        return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
