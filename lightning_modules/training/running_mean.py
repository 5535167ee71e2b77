"""Running sums and means of numbers on the device, one a step, copied to the host where a curve has a point."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

TOGETHER = 256  # adding each by itself would cost as much as a small layer


class RunningSum:
    """Scalars of one device, kept as they come and added up some at a time.

    Which are added up together depends on nothing but their number, so that a sum taken over from a checkpoint becomes
    the same to the last bit.
    """

    def __init__(self, device: torch.device) -> None:
        self._added = torch.zeros((), device=device)
        self._waiting: list[Tensor] = []

    def add(self, value: Tensor) -> None:
        """`value`: without a graph."""
        self._waiting.append(value)
        if len(self._waiting) == TOGETHER:
            self._added = self.value()
            self._waiting = []

    def value(self) -> Tensor:
        """Scalar, float32."""
        return self._added + torch.stack(self._waiting).sum() if self._waiting else self._added

    def state_dict(self) -> dict[str, Any]:
        return {"added": self._added.cpu(), "waiting": [value.cpu() for value in self._waiting]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        device = self._added.device
        self._added = state["added"].to(device)
        self._waiting = [value.to(device) for value in state["waiting"]]


class IntervalMeans:
    """Means over the batches and steps between two points of a curve, or over an epoch."""

    def __init__(self, device: torch.device) -> None:
        self.loss = RunningSum(device)
        self.gradient_norm = RunningSum(device)
        self.batches = 0
        self.steps = 0
        self.samples = 0
        self.seconds = 0.0

    def add_batch(self, loss: Tensor, num_examples: int) -> None:
        self.loss.add(loss)
        self.batches += 1
        self.samples += num_examples

    def add_step(self, gradient_norm: Tensor) -> None:
        self.gradient_norm.add(gradient_norm)
        self.steps += 1

    def mean_loss(self) -> float:
        return (self.loss.value() / max(self.batches, 1)).item()

    def mean_gradient_norm(self) -> float:
        return (self.gradient_norm.value() / max(self.steps, 1)).item()

    def state_dict(self) -> dict[str, Any]:
        return {
            key: value.state_dict() if isinstance(value, RunningSum) else value for key, value in vars(self).items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            if isinstance(value, Tensor):  # as the first checkpoints have it
                value = {"added": value, "waiting": []}
            if isinstance(value, dict):
                getattr(self, key).load_state_dict(value)
            else:
                setattr(self, key, value)
