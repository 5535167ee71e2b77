"""Learning rates over time, as factors of the optimiser's `lr`.

A schedule is a function of the step, so a resumed run needs nothing but its step number (`Plateau`, which looks at
validation, keeps a state).  Steps are optimiser steps; epochs count from 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Fraction = Annotated[float, Ge(0), Le(1)]


@dataclass
class RunLength:
    """How long a run is."""

    steps_per_epoch: int
    total_steps: float  # infinite where only a time limit or early stopping ends the run


class Schedule:
    """A constant learning rate; other schedules override `factor`."""

    needs_total_steps = False

    def factor(self, step: int, length: RunLength) -> float:
        """The factor of the learning rate at `step`."""
        return 1.0

    def observe(self, value: float, mode: str) -> None:
        """The monitored metric of a validation; `mode` says whether "min" or "max" is better."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Constant(Schedule):
    pass


class Step(Schedule):
    """Multiplied by `gamma` every `every_epochs` epochs."""

    def __init__(self, every_epochs: Annotated[int, Gt(0)] = 10, gamma: Annotated[float, Gt(0)] = 0.1) -> None:
        self.every_epochs = every_epochs
        self.gamma = gamma

    def factor(self, step: int, length: RunLength) -> float:
        return self.gamma ** (step // length.steps_per_epoch // self.every_epochs)


class Exponential(Schedule):
    """Multiplied by `gamma` every epoch."""

    def __init__(self, gamma: Annotated[float, Gt(0)] = 0.95) -> None:
        self.gamma = gamma

    def factor(self, step: int, length: RunLength) -> float:
        return self.gamma ** (step // length.steps_per_epoch)


class InverseEpoch(Schedule):
    """1 / (1 + decay * epoch)."""

    def __init__(self, decay: Annotated[float, Ge(0)] = 0.1) -> None:
        self.decay = decay

    def factor(self, step: int, length: RunLength) -> float:
        return 1.0 / (1.0 + self.decay * (step // length.steps_per_epoch))


class Cosine(Schedule):
    """A linear rise over the first `warmup` of all steps, then half a cosine down to `end_factor`.

    Source: Loshchilov and Hutter 2017.
    """

    needs_total_steps = True

    def __init__(self, warmup: Annotated[float, Ge(0), Lt(1)] = 0.05, end_factor: Fraction = 0.0) -> None:
        self.warmup = warmup
        self.end_factor = end_factor

    def factor(self, step: int, length: RunLength) -> float:
        rising = self.warmup * length.total_steps
        if step < rising:
            return (step + 1) / (rising + 1)
        done = min(1.0, (step - rising) / max(1.0, length.total_steps - rising))
        return self.end_factor + (1 - self.end_factor) * _half_cosine(done)


class OneCycle(Schedule):
    """Half a cosine up from `start_factor` to 1 over `warmup` of all steps, another down to `end_factor`.

    Source: Smith and Topin 2018.
    """

    needs_total_steps = True

    def __init__(
        self,
        warmup: Annotated[float, Gt(0), Lt(1)] = 0.3,
        start_factor: Fraction = 0.04,
        end_factor: Fraction = 0.0001,
    ) -> None:
        self.warmup = warmup
        self.start_factor = start_factor
        self.end_factor = end_factor

    def factor(self, step: int, length: RunLength) -> float:
        rising = self.warmup * length.total_steps
        if step < rising:
            return 1 - (1 - self.start_factor) * _half_cosine(step / rising)
        done = min(1.0, (step - rising) / max(1.0, length.total_steps - rising))
        return self.end_factor + (1 - self.end_factor) * _half_cosine(done)


class Plateau(Schedule):
    """Multiplied by `gamma` when the monitored metric has not improved for more than `patience` validations."""

    def __init__(
        self,
        gamma: Annotated[float, Gt(0), Lt(1)] = 0.5,
        patience: Annotated[int, Ge(0)] = 3,
        min_factor: Fraction = 0.0,
    ) -> None:
        self.gamma = gamma
        self.patience = patience
        self.min_factor = min_factor
        self._factor = 1.0
        self._best: float | None = None
        self._waited = 0

    def factor(self, step: int, length: RunLength) -> float:
        return self._factor

    def observe(self, value: float, mode: str) -> None:
        if self._best is None or (value < self._best if mode == "min" else value > self._best):
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited > self.patience:
            self._factor, self._waited = max(self._factor * self.gamma, self.min_factor), 0

    def state_dict(self) -> dict[str, Any]:
        return {"factor": self._factor, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._factor, self._best, self._waited = state["factor"], state["best"], state["waited"]


class FactorScheduler(LRScheduler):
    """A `Schedule` as a scheduler of torch, stepped after every optimiser step.

    torch's own LambdaLR wraps `optimizer.step` and takes a tenth of a small network's step.

    Args:
        optimizer: whose rates are set; those that it has now are multiplied with the factor.
        schedule: the factor of a step.
        length: how long the run is.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule, length: RunLength) -> None:
        self.optimizer = optimizer
        self.schedule = schedule
        self.length = length
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0  # optimiser steps taken; torch's name
        self._is_lr_replaced = False
        self._set_rates(schedule.factor(0, length))

    def step(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._follow_factor()

    def observe(self, value: float, mode: str) -> None:
        """The monitored metric of a validation."""
        self.schedule.observe(value, mode)
        self._follow_factor()

    def replace_lr(self, previous: float, lr: float) -> None:
        """Take another learning rate, in force from the next step or `apply_replaced_lr` on; groups keep scales."""
        self.base_lrs = [rate / previous * lr if previous else lr for rate in self.base_lrs]
        self._is_lr_replaced = True
        self._is_due = True

    def apply_replaced_lr(self) -> None:
        """Set the rates if the learning rate was replaced: LearningRateFinder sets them without scale and factor."""
        if self._is_due:
            self._set_rates(self._factor)

    def get_last_lr(self) -> list[float | Tensor]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        state = {"last_epoch": self.last_epoch, "schedule": self.schedule.state_dict()}
        return {**state, "base_lrs": self.base_lrs} if self._is_lr_replaced else state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.last_epoch = state_dict["last_epoch"]
        self.schedule.load_state_dict(state_dict["schedule"])
        if "base_lrs" in state_dict:
            self.base_lrs, self._is_lr_replaced = state_dict["base_lrs"], True
        self._set_rates(self.schedule.factor(self.last_epoch, self.length))

    def _follow_factor(self) -> None:
        """Set the rates where the factor has changed: one that a callback has set stays under a constant schedule."""
        factor = self.schedule.factor(self.last_epoch, self.length)
        if self._is_due or factor != self._factor:
            self._set_rates(factor)

    def _set_rates(self, factor: float) -> None:
        self._factor = factor
        self._is_due = False
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = rate * self._factor


def _half_cosine(done: float) -> float:
    """1 at 0, 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * done))
