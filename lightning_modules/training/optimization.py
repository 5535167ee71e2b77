"""How a module learns: optimiser, schedule, clipping, accumulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_modules.training.schedules import Schedule


@dataclass
class Optimization:
    """The settings of a run that are neither its network's nor its Trainer's."""

    #: Makes the optimiser of groups of parameters, with every other argument given.
    optimizer: Callable[[list[dict[str, Any]]], Optimizer] = torch.optim.AdamW
    schedule: Schedule = field(default_factory=Schedule)
    #: Largest norm (`norm`) or absolute entry (`value`) of a gradient; None for no clipping.
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: str = "norm"
    #: Batches whose gradients are averaged before a step.
    accumulate_grad_batches: int = 1
    #: A step whose loss or gradient is not finite ends the run (`stop`) or is left out (`skip`, which asks the device
    #: at every step).
    non_finite: str = "stop"
    #: Called by the optimiser after each of its steps.
    after_step: list[Callable[..., None]] = field(default_factory=list)

    def clip(self, groups: list[list[nn.Parameter]]) -> Tensor:
        """Clip each group's gradients apart; their joint norm before that."""
        if self.gradient_clip_algorithm == "value" and self.gradient_clip_val is not None:
            gradients = [parameter.grad for group in groups for parameter in group if parameter.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
            for group in groups:
                nn.utils.clip_grad_value_(group, self.gradient_clip_val)
            return norm
        largest = float("inf") if self.gradient_clip_val is None else self.gradient_clip_val
        norms = [clip_norm(group, largest) for group in groups]
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
