"""The learning rates of a scheduler of torch, which schedules are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def torch_rates(make: Callable[[torch.optim.Optimizer], Any], steps: int) -> list[float]:
    """The rate of each step, of an optimiser whose own is 1.

    Args:
        make: the scheduler of an optimiser.
        steps: after each of which it is stepped.
    """
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates
