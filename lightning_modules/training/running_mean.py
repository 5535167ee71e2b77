"""A sum of numbers that a device computes, one a step."""

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
