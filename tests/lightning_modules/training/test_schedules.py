import math

import pytest
import torch

from lightning_modules.training.schedules import (
    Constant,
    Cosine,
    Exponential,
    FactorScheduler,
    InverseEpoch,
    OneCycle,
    Plateau,
    RunLength,
    Step,
)
from tests.lightning_modules.training.torch_rates import torch_rates

LENGTH = RunLength(steps_per_epoch=10, total_steps=100)


def factors(schedule) -> list[float]:
    return [schedule.factor(step, LENGTH) for step in range(100)]


def test_constant() -> None:
    assert factors(Constant()) == [1.0] * 100


@pytest.mark.parametrize(
    ("schedule", "make_reference"),
    [
        (Step(3, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 30, 0.5)),
        (Exponential(0.9), lambda o: torch.optim.lr_scheduler.StepLR(o, 10, 0.9)),
        (InverseEpoch(0.3), lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + 0.3 * (step // 10)))),
        (Cosine(0.0), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100)),
        (
            OneCycle(0.3, start_factor=0.04, end_factor=1e-4),
            # torch counts its peak and end one step earlier: its schedule of 101 steps has them at our steps 30 and 100
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o, 1.0, total_steps=101, pct_start=31 / 101, div_factor=25, final_div_factor=400
            ),
        ),
    ],
    ids=["step", "exponential", "inverse_epoch", "cosine", "one_cycle"],
)
def test_schedules_agree_with_torch(schedule, make_reference) -> None:
    assert factors(schedule) == pytest.approx(torch_rates(make_reference, 100), abs=1e-9)


def test_a_schedule_is_a_scheduler_of_torch() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 5.0)])
    scheduler = FactorScheduler(optimizer, Exponential(0.9), LENGTH)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    for _ in range(25):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([0.81, 5 * 0.81])
    other = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 5.0)])
    resumed = FactorScheduler(other, Exponential(0.9), LENGTH)
    resumed.load_state_dict(scheduler.state_dict())
    assert resumed.get_last_lr() == scheduler.get_last_lr()


def test_cosine_warms_up() -> None:
    got = factors(Cosine(warmup=0.1, end_factor=0.2))
    assert got[:10] == [pytest.approx((i + 1) / 11) for i in range(10)]
    assert got[10] == pytest.approx(1.0)
    assert got[55] == pytest.approx(0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * 0.5)))
    assert got == [*got[:11], *sorted(got[11:], reverse=True)]


def test_plateau_waits_then_falls_and_remembers() -> None:
    schedule = Plateau(gamma=0.5, patience=1, min_factor=0.3)
    for value, expected in [(0.5, 1), (0.6, 1), (0.6, 1), (0.59, 0.5), (0.7, 0.5), (0.1, 0.5), (0.1, 0.3), (0.1, 0.3)]:
        schedule.observe(value, "max")
        assert schedule.factor(0, LENGTH) == expected
    other = Plateau(gamma=0.5, patience=1, min_factor=0.3)
    other.load_state_dict(schedule.state_dict())
    assert other.factor(0, LENGTH) == 0.3
    schedule.observe(0.9, "max")
    assert other._best == 0.7
