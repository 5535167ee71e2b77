"""How a module is optimised: optimiser, schedule, clipping, and what becomes of a step that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_modules.training.schedules import Schedule


@dataclass
class Optimization:
    """The settings of a run that are neither its network's nor its Trainer's."""

    #: Makes the optimiser of groups of parameters, with every other argument given.
    optimizer: Callable[[list[dict[str, Any]]], Optimizer] = torch.optim.AdamW
    schedule: Schedule = field(default_factory=Schedule)
    #: A step whose loss or gradient is not finite ends the run (`stop`) or is left out (`skip`, which asks the device
    #: at every step).
    non_finite: str = "stop"
    #: Called by the optimiser after each of its steps.
    after_step: list[Callable[..., None]] = field(default_factory=list)


def total_steps(trainer: Trainer) -> float:
    """Optimiser steps of the whole fit; infinite where only a time limit or early stopping ends it.

    Lightning's own estimate takes the accumulation of the first epoch for that of all.
    """
    estimate = trainer.estimated_stepping_batches
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    scheduling = next((c.scheduling for c in callbacks if isinstance(c, GradientAccumulationScheduler)), None)
    batches, epochs = trainer.num_training_batches, trainer.max_epochs
    if scheduling is None or epochs in (None, -1) or batches == float("inf"):
        return estimate
    accumulated = [scheduling[max(start for start in scheduling if start <= epoch)] for epoch in range(epochs)]
    steps = sum(-(-int(batches) // count) for count in accumulated)
    return steps if trainer.max_steps < 0 else min(steps, trainer.max_steps)


def leave_gpus_asleep(optimizer: Optimizer) -> None:
    """Of an optimiser of weights on the CPU: before each step torch asks the GPU, where it has one, whether it captures
    a graph, which wakes it (a second, some hundred MB of its memory) for a run that has no use for it."""
    if all(parameter.device.type == "cpu" for group in optimizer.param_groups for parameter in group["params"]):
        for asks in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
            if hasattr(optimizer, asks):
                setattr(optimizer, asks, _asks_nobody)


def _asks_nobody() -> None:
    pass


def clip_gradients(groups: list[list[nn.Parameter]], clip_val: float | None, algorithm: str | None) -> Tensor:
    """Clip each group's gradients by its own norm, or every entry by its absolute value.

    Args:
        groups: parameters that are clipped together.
        clip_val: the Trainer's `gradient_clip_val`; None or 0 for no clipping.
        algorithm: the Trainer's `gradient_clip_algorithm`, `norm` or `value`.

    Returns:
        The joint norm of all gradients before clipping.
    """
    if algorithm == "value" and clip_val:
        norm = nn.utils.get_total_norm([p.grad for group in groups for p in group if p.grad is not None])
        for group in groups:
            nn.utils.clip_grad_value_(group, clip_val)
        return norm
    norms = [clip_norm(group, clip_val or float("inf")) for group in groups]
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm()


def clip_norm(parameters: list[nn.Parameter], largest: float) -> Tensor:
    """`nn.utils.clip_grad_norm_`, to the last bit, in two thirds of its time where all gradients are alike."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients or not all(map(_plain, gradients)) or len({g.device for g in gradients}) > 1:
        return nn.utils.clip_grad_norm_(parameters, largest)
    with torch.no_grad():
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(largest / (norm + 1e-6), max=1.0))
    return norm


def _plain(gradient: Tensor) -> bool:
    return type(gradient) is Tensor and gradient.layout is torch.strided and gradient.dtype is torch.float32
