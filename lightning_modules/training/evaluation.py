"""Evaluation of one split: loss, metrics and per-example columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_modules.tasks.base import Task


class MeanLoss(Metric):
    """Weighted mean of the losses of batches; torchmetrics' own waits for the device at each, to look for NaN."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "weight"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, loss: Tensor, weight: float | Tensor) -> None:
        self.total += loss.detach().double() * weight
        self.weight += weight

    def compute(self) -> Tensor:
        return self.total / self.weight


class Evaluator:
    """Accumulate loss and metrics of a split on the device; `compute` copies them to the host once.

    Args:
        task: whose loss and metrics are counted.
        device: where the batches are.
        keep_examples: also keep the prediction of each example, for `predictions.parquet`.
    """

    def __init__(self, task: Task, device: torch.device, keep_examples: bool = False) -> None:
        self.task = task
        self.keep_examples = keep_examples
        self.columns: dict[str, list] = defaultdict(list)
        self._loss = MeanLoss().to(device)
        self._metrics = task.metrics().to(device)
        self._values: dict[str, float] | None = None  # of all updates so far

    def update(self, output: Any, batch: Any) -> None:
        self._values = None
        self._loss.update(self.task.loss(output, batch), self.task.loss_weight(batch))
        self._metrics.update(output, batch)
        if self.keep_examples:
            for name, values in self.task.columns(output, batch).items():
                self.columns[name].extend(values)

    def compute(self) -> dict[str, float]:
        """Metric names without a split, with their values; reduced over all ranks."""
        if self._values is None:
            self._values = {"loss": self._loss.compute().item(), **self._metrics.compute()}
        return dict(self._values)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        return self._metrics.tables()

    def validation_figures(self) -> dict[str, Callable[[], Any]]:
        """Figures of every validation, not yet drawn; most tasks have none before the end."""
        return getattr(self._metrics, "validation_figures", dict)()

    def figures(self) -> dict[str, Any]:
        """Figures of matplotlib, or pixels (H, W, 3) uint8."""
        return self._metrics.figures()
