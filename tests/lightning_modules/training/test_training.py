"""Training takes the same steps, to the last bit, as a loop written out, whichever of the two loops runs it."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.plugins import MixedPrecision
from torch import nn

from lightning_modules.training.nan_guard import NonFinite
from lightning_modules.training.schedules import RunLength
from scripts.runs.training import build_module
from tests.pairs import composed, datamodule_for, fit

SMALL = ["module.hidden_size=8", "datamodule.batch_size=7", "task.output_dropout=0.2"]


def built(names_folder, *overrides: str) -> tuple[Any, Any, dict[str, Any]]:
    config = composed(*SMALL, f"datamodule.data_dir={names_folder}", *overrides)
    datamodule = datamodule_for(config)
    torch.manual_seed(5)
    return build_module(config, datamodule), datamodule, config


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


class EveryBatch(Callback):
    """Needs Lightning's own loop."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.batches.append(batch_idx)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["scheduler=one_cycle", "optimizer=sgd"],
        ["trainer.gradient_clip_val=0.05"],
        ["trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=0.01"],
        ["trainer.gradient_clip_val=null", "optimizer=adam"],
        ["trainer.accumulate_grad_batches=3"],
        ["datamodule.sampling=balanced", "task.class_weights=balanced"],
    ],
    ids=lambda overrides: " ".join(overrides) or "default",
)
@pytest.mark.parametrize("loop", ["fast", "lightning"])
def test_training_equals_a_loop_written_out(names_folder, overrides: list[str], loop: str) -> None:
    module, datamodule, config = built(names_folder, *overrides)
    of_trainer = ("gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches")
    settings = {key: config["trainer"][key] for key in of_trainer}
    trainer = fit(module, datamodule, max_epochs=2, callbacks=[EveryBatch()] if loop == "lightning" else [], **settings)
    assert trainer.current_epoch == 2
    assert trainer.fit_loop.epoch_loop._is_fast == (loop == "fast")

    other, datamodule, _ = built(names_folder, *overrides)
    accumulate = config["trainer"]["accumulate_grad_batches"]
    batches_an_epoch = len(datamodule.training_sampler())
    steps_an_epoch = -(-batches_an_epoch // accumulate)
    assert trainer.global_step == 2 * steps_an_epoch
    length = RunLength(steps_an_epoch, 2 * steps_an_epoch)
    optimizer = other.build_optimizer()
    rate = config["optimizer"]["lr"]
    torch.manual_seed(7)
    other.train()
    step = 0
    for epoch in range(2):
        rows = datamodule.training_sampler().batches(epoch)
        for number, row in enumerate(rows, 1):
            batch = datamodule.source.collate(row, datamodule.source.max_length(row))
            first = (number - 1) // accumulate * accumulate
            of_step = sum(map(len, rows[first : first + accumulate]))
            (other.loss(batch) * (len(row) / of_step if accumulate > 1 else 1)).backward()
            if number % accumulate and number < batches_an_epoch:
                continue
            optimizer.param_groups[0]["lr"] = rate * other.optimization.schedule.factor(step, length)
            largest = config["trainer"]["gradient_clip_val"]
            if config["trainer"]["gradient_clip_algorithm"] == "value":
                nn.utils.clip_grad_value_(other.parameters(), largest)
            else:
                nn.utils.clip_grad_norm_(other.parameters(), float("inf") if largest is None else largest)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    if accumulate == 1:
        assert torch.equal(weights(module), weights(other))
    torch.testing.assert_close(weights(module), weights(other), rtol=0, atol=1e-6)


@pytest.mark.parametrize("loop", ["fast", "lightning"])
def test_max_steps_counts_optimiser_steps_under_accumulation(names_folder, loop: str) -> None:
    """The schedule is at its end after `max_steps` optimiser steps, however many batches make one."""
    module, datamodule, config = built(names_folder, "scheduler=cosine", "scheduler.warmup=0", "scheduler.end_factor=0")
    rates: list[float] = []
    module.optimization.after_step.append(lambda optimizer, args, kwargs: rates.append(optimizer.param_groups[0]["lr"]))
    callbacks = [EveryBatch()] if loop == "lightning" else []
    trainer = fit(module, datamodule, max_epochs=-1, max_steps=9, accumulate_grad_batches=3, callbacks=callbacks)
    expected = [config["optimizer"]["lr"] * (1 + math.cos(math.pi * step / 9)) / 2 for step in range(9)]
    assert trainer.global_step == 9
    assert trainer.estimated_stepping_batches == 9, "what progress and time left are computed from"
    assert rates == pytest.approx(expected)


def test_a_schedule_observes_validations_of_training_only(names_folder) -> None:
    module, datamodule, _ = built(names_folder, "scheduler=plateau", "scheduler.patience=1")
    trainer = fit(module, datamodule, max_epochs=2)
    schedule = module.optimization.schedule
    before = schedule.state_dict()
    for _ in range(4):
        trainer.validate(module, datamodule=datamodule, verbose=False)
    assert schedule.state_dict() == before


def test_validation_comes_between_batches_where_the_trainer_says(names_folder) -> None:
    module, datamodule, _ = built(names_folder)
    seen = []
    module.on_validation_start = lambda: seen.append(module.trainer.global_step)
    trainer = fit(module, datamodule, max_epochs=2, val_check_interval=3)
    batches = len(datamodule.training_sampler())  # 8
    assert seen == [3, 6, batches + 3, batches + 6]
    assert trainer.global_step == 2 * batches


@pytest.mark.parametrize(("limits", "steps"), [({"max_steps": 11}, 11), ({"limit_train_batches": 3}, 6)])
def test_limits_are_those_of_batches(names_folder, limits, steps) -> None:
    module, datamodule, _ = built(names_folder)
    assert fit(module, datamodule, max_epochs=2, **limits).global_step == steps


def test_curves_have_their_points_at_round_steps(names_folder) -> None:
    module, datamodule, _ = built(names_folder)
    points: list[tuple[int, dict[str, float]]] = []
    module.log_values = lambda values: points.append((module.trainer.global_step, values))
    fit(module, datamodule, max_epochs=3, log_every_n_steps=5)
    curve = [(step, values) for step, values in points if "train/loss" in values]
    assert [step for step, _ in curve] == [5, 10, 15, 20]
    assert all({"lr", "gradient_norm", "samples_per_second"} <= values.keys() for _, values in curve)
    validations = [step for step, values in points if "val/accuracy" in values]
    assert validations == [8, 16, 24]


def test_validation_is_the_mean_over_examples(names_folder) -> None:
    module, datamodule, _ = built(names_folder, "datamodule.evaluation_batch_size=3")
    fit(module, datamodule, max_epochs=1)
    row = datamodule.indices["val"]
    batch = datamodule.source.collate(row, datamodule.source.max_length(row))
    module.eval()
    with torch.no_grad():
        scores = module(batch)
    assert module.latest["val/loss"] == pytest.approx(module.task.loss(scores, batch).item(), rel=1e-5)
    hits = (scores.argmax(1) == batch.classes).float().mean().item()
    assert module.latest["val/accuracy"] == pytest.approx(hits)


def test_a_loss_scaler_leaves_out_steps_by_itself(names_folder) -> None:
    """Under float16 an infinite gradient only means that the scale is still too large."""
    module, datamodule, _ = built(names_folder)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    precision = MixedPrecision("16-mixed", "cpu", scaler)
    fit(module, datamodule, plugins=[precision], max_epochs=20, log_every_n_steps=5)
    assert scaler.get_scale() < 2.0**110
    assert weights(module).isfinite().all()
    assert math.isfinite(module.latest["gradient_norm"])


def test_a_scale_that_falls_without_end_stops(names_folder) -> None:
    module, datamodule, _ = built(names_folder)
    module.task.output.register_full_backward_hook(lambda layer, given, taken: tuple(g * torch.inf for g in given))
    precision = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=8.0))
    with pytest.raises(NonFinite, match="a gradient is not finite, whatever the scale"):
        fit(module, datamodule, plugins=[precision], max_epochs=30, log_every_n_steps=5)
    assert weights(module).isfinite().all()


def test_a_step_that_is_not_finite_is_not_taken(names_folder) -> None:
    module, datamodule, _ = built(names_folder, "non_finite=skip")
    loss, calls = module.loss, []

    def poisoned(batch):
        calls.append(batch)
        return loss(batch) * (torch.inf if len(calls) in (5, 6) else 1.0)

    module.loss = poisoned
    states = []
    module.optimization.after_step.append(lambda *args: states.append(weights(module)))
    fit(module, datamodule, max_epochs=2, log_every_n_steps=5, accumulate_grad_batches=2)
    assert len(states) == len(calls) // 2
    assert all(state.isfinite().all() for state in states)
    unchanged = [i for i, (before, after) in enumerate(itertools.pairwise(states), 1) if torch.equal(before, after)]
    assert unchanged == [2]
    assert module.latest["skipped_steps"] == 1
