"""Architectures that fail in the ways that jobs fail."""

from __future__ import annotations

import time
from typing import Any, Literal

import torch

from lightning_modules.gru import GRU


class Troubled(GRU):
    """A GRU with a trouble of its own, before its first step."""

    def __init__(
        self, task: Any, trouble: Literal["none", "raise", "memory", "hang"] = "none", **settings: Any
    ) -> None:
        super().__init__(task, **settings)
        self.trouble = trouble

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.trouble == "raise":
            raise ArithmeticError("it does not add up")
        if self.trouble == "memory":
            torch.empty(10**15)
        if self.trouble == "hang":
            time.sleep(600)


class Slow(GRU):
    """A GRU that takes its time, so that it can be interrupted."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        time.sleep(0.03)
        return super().training_step(batch, batch_idx)
