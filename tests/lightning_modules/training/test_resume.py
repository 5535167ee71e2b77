"""Stopped at any batch and resumed, training ends where it would have ended undisturbed, to the last bit."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback

from scripts.console import logs
from scripts.runs.folder import RunFolder
from scripts.runs.training import TrainingSetup, setup_training
from tests.pairs import PAIRS, WORKLOADS, composed, files_of, shared_data, small_settings

assert shared_data  # a fixture

SMALL = ["module.hidden_size=4", "datamodule.batch_size=7", "task.output_dropout=0.2", "trainer.max_epochs=3"]
QUIET = ["logger=none", "callbacks.progress=null", "trainer.accelerator=cpu", "trainer.log_every_n_steps=3"]


class Stop(Exception):
    """The run ends here."""


class Watch(Callback):
    """Notes validations; stops before the given call of its hook, as a signal would."""

    def __init__(self, stop_before: int | None = None, every_batch: bool = True) -> None:
        self.needs_every_batch = every_batch  # False: trained by the fast loop
        self.stop_before = stop_before
        self.calls = 0
        self.seen: list[tuple[int, float, float]] = []

    def on_train_batch_start(self, trainer, pl_module, *args) -> None:
        self.calls += 1
        if self.calls == self.stop_before:
            trainer.checkpoint_callbacks[0].write_between_batches(trainer)
            raise Stop

    def on_validation_end(self, trainer, pl_module) -> None:
        self.seen.append((trainer.global_step, pl_module.latest["val/loss"], pl_module.latest.get("train/loss", 0.0)))


def fit(config: dict, folder: Path, watch: Watch, resume: bool = False) -> TrainingSetup:
    setup = setup_training(config, RunFolder(folder), [watch])
    last = str(folder / "checkpoints" / "last.ckpt") if resume else None
    with contextlib.suppress(Stop):
        setup.trainer.fit(setup.module, datamodule=setup.datamodule, ckpt_path=last, weights_only=True)
    return setup


def weights(setup: TrainingSetup) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in setup.module.parameters()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "overrides",
    [
        ["scheduler=plateau", "scheduler.patience=0"],
        ["trainer.val_check_interval=3"],
        ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=5"],
        ["trainer.accumulate_grad_batches=3"],
        ["trainer.max_epochs=-1", "trainer.max_steps=10"],
        ["callbacks=early_stopping", "callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_delta=0.02"],
    ],
    ids=lambda overrides: " ".join(overrides[:2]),
)
def test_any_batch_can_be_the_last_before_a_stop(names_folder, tmp_path, shared_data, overrides: list[str]) -> None:
    logs.quiet_lightning()
    config = composed(*SMALL, "datamodule.batch_size=14", f"datamodule.data_dir={names_folder}", *overrides, *QUIET)
    undisturbed = Watch()
    expected = fit(config, tmp_path / "undisturbed", undisturbed)
    for call in range(1, undisturbed.calls + 1, 3):
        folder = tmp_path / str(call)
        before, after = Watch(stop_before=call), Watch(every_batch=call % 2 == 0)
        fit(config, folder, before)
        got = fit(config, folder, after, resume=True)
        assert torch.equal(weights(got), weights(expected))
        assert before.seen + after.seen == undisturbed.seen
        assert got.checkpoints.best == expected.checkpoints.best


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_stopped_early_stays_stopped(names_folder, tmp_path, shared_data) -> None:
    logs.quiet_lightning()
    stopping = ["callbacks=early_stopping", "callbacks.early_stopping.patience=1"]
    stopping += ["callbacks.early_stopping.min_delta=1"]
    config = composed(*SMALL, f"datamodule.data_dir={names_folder}", *stopping, *QUIET)
    first = fit(config, tmp_path, Watch())
    assert first.trainer.current_epoch == 2
    again = fit(config, tmp_path, Watch(), resume=True)
    assert again.trainer.global_step == first.trainer.global_step
    assert torch.equal(weights(again), weights(first))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_workload_goes_on_to_the_last_bit(request, tmp_path, shared_data, workload: str) -> None:
    logs.quiet_lightning()
    module = next(module for module, of in PAIRS if of == workload)
    words = ["trainer.max_epochs=2", "trainer.limit_train_batches=5", "trainer.limit_val_batches=2", *QUIET]
    words += ["datamodule.batch_size=4", "datamodule.evaluation_batch_size=4"]
    config = small_settings(module, workload, files_of(request, workload), words)
    undisturbed = Watch()
    expected = fit(config, tmp_path / "undisturbed", undisturbed)
    fit(config, tmp_path / "stopped", Watch(stop_before=undisturbed.calls - 1))
    got = fit(config, tmp_path / "stopped", Watch(), resume=True)
    assert torch.equal(weights(got), weights(expected))
    assert got.checkpoints.best == expected.checkpoints.best
