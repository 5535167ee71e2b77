"""The fast loop trains as Lightning's own, to the last bit, and leaves a run to it where somebody looks at batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback

from lightning_modules.training import checkpoint_io
from scripts.runs.folder import RunFolder
from scripts.runs.training import build_module, setup_training
from tests.pairs import PAIRS, composed, datamodule_for, files_of, fit, shared_data, small_settings, with_values

assert shared_data  # a fixture

#: Of a checkpoint, what a clock decides.
CLOCK = ("training_seconds", "latest", "tally", "callbacks", "lightning_module", "pytorch-lightning_version")


class EveryBatch(Callback):
    """Is called at every batch, and does nothing."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        pass


class Curve(Callback):
    """Notes the points of all curves."""

    needs_every_batch = False

    def on_train_start(self, trainer, pl_module) -> None:
        self.points: list[tuple[int, dict[str, float]]] = []
        log_values = pl_module.log_values

        def noting(values: dict[str, float]) -> None:
            timeless = {name: value for name, value in values.items() if name != "samples_per_second"}
            self.points.append((trainer.global_step, timeless))
            log_values(values)

        pl_module.log_values = noting


def trained(config: dict[str, Any], folder: Path, *callbacks: Callback) -> tuple[Any, dict[str, Any], bool]:
    curve = Curve()
    setup = setup_training(config, RunFolder(folder), [curve, *callbacks])
    setup.trainer.fit(setup.module, datamodule=setup.datamodule)
    state = checkpoint_io.load(folder / "checkpoints" / "last.ckpt")
    state = {key: value for key, value in state.items() if key not in CLOCK}
    return curve.points, state, setup.trainer.fit_loop.epoch_loop._is_fast


def assert_equal(left: Any, right: Any, path: str = "") -> None:
    assert type(left) is type(right), path
    if isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            assert_equal(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        for i, (a, b) in enumerate(zip(left, right)):
            assert_equal(a, b, f"{path}[{i}]")
    elif isinstance(left, torch.Tensor):
        assert torch.equal(left, right), path
    else:
        assert left == right, path


QUIET = ["logger=none", "callbacks.progress=null", "trainer.accelerator=cpu", "trainer.log_every_n_steps=4"]


#: Two epochs of five batches, validated by one batch each; points of the curve inside the epochs.
TWO_EPOCHS = {
    "logger": {}, "callbacks.progress": None, "trainer.accelerator": "cpu", "trainer.log_every_n_steps": 4,
    "trainer.max_epochs": 2, "trainer.limit_train_batches": 5, "trainer.limit_val_batches": 1,
    "datamodule.batch_size": 4, "datamodule.evaluation_batch_size": 4,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_architecture_learns_the_same_in_both_loops(pair, request, tmp_path, shared_data) -> None:
    module, workload = pair
    config = with_values(small_settings(module, workload, files_of(request, workload)), TWO_EPOCHS)
    points, state, is_fast = trained(config, tmp_path / "fast")
    assert is_fast
    own_points, own_state, is_fast = trained(config, tmp_path / "own", EveryBatch())
    assert not is_fast
    assert_equal(points, own_points)
    assert_equal(state, own_state)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "overrides",
    [
        ["trainer.accumulate_grad_batches=3", "trainer.val_check_interval=4"],
        ["trainer.precision=bf16-mixed", "optimizer=sgd"],
        ["trainer.max_epochs=-1", "trainer.max_steps=13", "scheduler=one_cycle"],
        ["trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=5", "scheduler=plateau"],
        ["trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=0.01", "non_finite=skip"],
    ],
    ids=lambda overrides: " ".join(overrides),
)
def test_settings_mean_the_same_in_both_loops(names_folder, tmp_path, shared_data, overrides) -> None:
    small = ["module.hidden_size=8", "datamodule.batch_size=7", "task.output_dropout=0.2", "trainer.max_epochs=2"]
    config = composed(*small, f"datamodule.data_dir={names_folder}", *QUIET, *overrides)
    points, state, is_fast = trained(config, tmp_path / "fast")
    assert is_fast
    own_points, own_state, _ = trained(config, tmp_path / "own", EveryBatch())
    assert_equal(points, own_points)
    assert_equal(state, own_state)


def small_module(names_folder, *overrides: str) -> tuple[Any, Any]:
    config = composed(
        "module.hidden_size=8", "datamodule.batch_size=7", f"datamodule.data_dir={names_folder}", *overrides
    )
    datamodule = datamodule_for(config)
    return build_module(config, datamodule), datamodule


@pytest.mark.parametrize("hook", ["on_after_backward", "on_before_zero_grad", "on_before_optimizer_step"])
def test_hooks_of_a_module_are_called_at_every_batch(names_folder, hook: str) -> None:
    module, datamodule = small_module(names_folder)
    calls = []
    module.__class__ = type("WithHook", (type(module),), {hook: lambda self, *args: calls.append(args)})
    trainer = fit(module, datamodule, max_epochs=2)
    assert len(calls) == trainer.global_step == 16


def test_values_that_a_loss_logs_are_averaged_over_the_epoch(names_folder) -> None:
    module, datamodule = small_module(names_folder)
    loss, seen = module.loss, []

    def logging(batch):
        value = loss(batch)
        seen.append((value.item(), len(batch)))
        module.log("train/own", value, on_step=False, on_epoch=True)
        return value

    module.loss = logging
    trainer = fit(module, datamodule, max_epochs=1, limit_val_batches=0)
    assert trainer.fit_loop.epoch_loop._is_fast
    expected = sum(value * size for value, size in seen) / sum(size for _, size in seen)
    assert trainer.callback_metrics["train/own"].item() == pytest.approx(expected, rel=1e-6)


def test_which_loop_runs_is_said_once_with_the_reason(names_folder, caplog) -> None:
    module, datamodule = small_module(names_folder)
    with caplog.at_level("INFO"):
        fit(module, datamodule, max_epochs=2)
        module, datamodule = small_module(names_folder)
        fit(module, datamodule, max_epochs=2, callbacks=[EveryBatch()], profiler="simple")
    message = [record.message for record in caplog.records if record.name.endswith("fast_loop")]
    assert message == [
        "training runs in the fast loop",
        "training runs in Lightning's own loop: EveryBatch.on_train_batch_end is called at every batch",
    ]
