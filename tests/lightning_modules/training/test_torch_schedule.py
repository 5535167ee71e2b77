"""Schedulers of torch as schedules, against torch itself."""

from __future__ import annotations

from functools import partial

import pytest
from torch.optim import lr_scheduler

from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from lightning_modules.training.schedules import RunLength
from lightning_modules.training.torch_schedule import TorchSchedule
from scripts.config.check import check
from scripts.config.composing import compose
from tests.lightning_modules.training.torch_rates import torch_rates


@pytest.mark.parametrize(
    "make",
    [
        partial(lr_scheduler.StepLR, step_size=3, gamma=0.5),
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=4),
        partial(lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=12),
        partial(lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 1 / (1 + epoch)),
    ],
)
@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_the_factors_are_those_of_torch(make: partial, interval: str) -> None:
    expected = torch_rates(make, 12)
    schedule, length = TorchSchedule(make, interval), RunLength(5, 60)  # type: ignore[arg-type]
    steps = 5 if interval == "epoch" else 1
    found = [schedule.factor(step * steps, length) for step in reversed(range(12))]
    assert found[::-1] == pytest.approx(expected), "in any order, as a resumed run asks for it"


def test_it_is_composed_and_checked() -> None:
    config = compose("scheduler=torch", "trainer.max_epochs=10")
    check(config)
    schedule = build(config["scheduler"])
    assert schedule.factor(50, RunLength(10, 100)) == pytest.approx(0.5)
    with pytest.raises(BadInput, match=r"scheduler.scheduler.step_siz: no such setting \(did you mean 'step_size'"):
        check(compose("scheduler=torch", "scheduler.scheduler._target_=torch.optim.lr_scheduler.StepLR",
                      "~scheduler.scheduler.T_max", "scheduler.scheduler.step_siz=5"))  # fmt: skip
    with pytest.raises(BadInput, match=r"is typed scheduler=torch scheduler.scheduler._target_=torch"):
        check({**config, "scheduler": {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 3}})
    with pytest.raises(BadInput, match="scheduler=plateau does so"):
        TorchSchedule(lr_scheduler.ReduceLROnPlateau)
