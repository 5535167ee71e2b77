"""A learning-rate scheduler of torch as a schedule.

python scripts/train.py scheduler=torch scheduler.scheduler._target_=torch.optim.lr_scheduler.StepLR \
    scheduler.scheduler.step_size=5
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from datamodules.errors import BadInput
from lightning_modules.training.schedules import RunLength, Schedule


class TorchSchedule(Schedule):
    """The factors that a scheduler of torch gives a learning rate of 1.

    It runs beside an optimiser of one parameter that never steps, so that the factor of a step is a function of the
    step alone, and a resumed run needs nothing but its number.

    Args:
        scheduler: makes the scheduler for an optimiser (`_partial_: true` in a configuration).
        interval: what it counts, `epoch` or `step` (of the optimiser).

    Raises:
        BadInput: it looks at a metric, or takes other arguments.
    """

    def __init__(self, scheduler: Callable[..., Any], interval: Literal["epoch", "step"] = "epoch") -> None:
        self.interval = interval
        self._optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        try:
            self._scheduler = scheduler(self._optimizer)
        except (TypeError, ValueError) as error:
            raise BadInput(f"scheduler.scheduler: {error}") from None
        if isinstance(self._scheduler, ReduceLROnPlateau):
            raise BadInput(
                "scheduler.scheduler: torch's ReduceLROnPlateau looks at a metric; scheduler=plateau does so"
            )
        self._factors = [self._rate()]

    def factor(self, step: int, length: RunLength) -> float:
        count = step if self.interval == "step" else step // length.steps_per_epoch
        while len(self._factors) <= count:
            self._optimizer.step()  # without a gradient it changes nothing; torch warns where it is left out
            self._scheduler.step()
            self._factors.append(self._rate())
        return self._factors[count]

    def _rate(self) -> float:
        return float(self._optimizer.param_groups[0]["lr"])
