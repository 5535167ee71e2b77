"""Every public callback of Lightning has its documented effect in a run, or is refused in a sentence."""

from __future__ import annotations

import copy
import csv
import functools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning import callbacks as lightning_callbacks
from torch import nn

from datamodules.errors import BadInput
from lightning_modules.training import checkpoint_io
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.runs import training
from scripts.runs.folder import RunFolder

pytestmark = pytest.mark.filterwarnings("ignore")

OF_LIGHTNING = "pytorch_lightning.callbacks"
LENGTH = {"_target_": "hydra.utils.get_method", "path": "builtins.len"}


@functools.cache
def composed(folder: Path) -> dict[str, Any]:
    return compose(
        "module.hidden_size=4", "datamodule.batch_size=7", "trainer.max_epochs=2", "trainer.accelerator=cpu",
        "callbacks.progress=null", "logger=csv", "evaluate=[val]", "trainer.log_every_n_steps=2",
        f"datamodule.data_dir={folder}",
    )  # fmt: skip


def settings_with(folder: Path, callbacks: dict[str, dict[str, Any]], **trainer: Any) -> dict[str, Any]:
    """Settings of a small run with these callbacks of Lightning besides, by class name."""
    settings = copy.deepcopy(composed(folder))
    settings["trainer"] |= trainer
    for name, arguments in callbacks.items():
        settings["callbacks"][name] = {"_target_": f"{OF_LIGHTNING}.{name}", **arguments}
    return settings


def run(settings: dict[str, Any], folder: Path, *callbacks: Callback) -> dict[str, float]:
    check(settings)
    return training.train(settings, RunFolder(folder), [], extra_callbacks=callbacks)


def curves(folder: Path) -> dict[str, list[float]]:
    """Name -> the points of its curve."""
    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    return {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}


class Fit(Callback):
    """Keeps what a fit leaves behind, and the weights at the start of each epoch."""

    needs_every_batch = False

    def __init__(self) -> None:
        self.weights: list[torch.Tensor] = []

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self.weights.append(nn.utils.parameters_to_vector(pl_module.parameters()).detach().clone())

    def on_fit_end(self, trainer, pl_module) -> None:
        self.trainer = trainer


def test_monitors_write_their_curves_and_a_schedule_of_accumulation_is_followed(names_folder, tmp_path) -> None:
    pytest.importorskip("psutil", reason="DeviceStatsMonitor needs psutil")
    wanted = {
        "DeviceStatsMonitor": {"cpu_stats": True},
        "LearningRateMonitor": {"logging_interval": "step", "log_momentum": True},
        "ThroughputMonitor": {"batch_size_fn": LENGTH, "window_size": 3},
        "GradientAccumulationScheduler": {"scheduling": {0: 1, 1: 2}},
        "ModelSummary": {},
        "OnExceptionCheckpoint": {"dirpath": str(tmp_path / "failed")},
    }
    settings = settings_with(names_folder, wanted)
    metrics = run(settings, tmp_path)
    assert metrics["steps"] == 8 + 4
    found = curves(tmp_path)
    assert len(found["DeviceStatsMonitor.on_train_batch_start/cpu_percent"]) == 4 + 4  # both batches of a step
    assert len(found["lr-AdamW"]) == 4 + 4
    assert found["lr"][0] < found["lr-AdamW"][0] <= settings["optimizer"]["lr"]  # after its step, and before
    assert found["lr"][-1] == pytest.approx(0, abs=1e-12)  # the cosine ends with the run
    assert found["lr-AdamW-momentum"] == [0.9] * 8
    assert found["train/samples"][-1] == 2 * 56
    assert found["train/device/samples_per_sec"][-1] > 0
    assert not (tmp_path / "failed").exists()


class BatchNormed(Callback):
    """Gives the network a batch normalisation, for which SWA adds an epoch without backward passes."""

    needs_every_batch = False

    def setup(self, trainer, pl_module, stage) -> None:
        pl_module.norm = nn.BatchNorm1d(1, affine=False)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
def test_swa_ends_with_the_mean_of_its_epochs(names_folder, tmp_path, caplog, batch_norm: bool) -> None:
    arguments = {"swa_lrs": 0.05, "swa_epoch_start": 2, "annealing_epochs": 1}
    settings = settings_with(names_folder, {}, max_epochs=4)
    swa = lightning_callbacks.StochasticWeightAveraging(**arguments)
    fit = Fit()
    with caplog.at_level("INFO"):
        run(settings, tmp_path, *([BatchNormed()] if batch_norm else []), swa, fit)
    mean = torch.stack(fit.weights[1:4]).mean(dim=0)  # of the starts of the epochs 2, 3 and 4
    module = fit.trainer.lightning_module
    last = checkpoint_io.load(tmp_path / "checkpoints" / "last.ckpt")["state_dict"]
    got = torch.cat([last[name].flatten() for name, _ in module.named_parameters()])
    torch.testing.assert_close(got, mean)
    assert fit.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)
    assert len(fit.weights) == 5 if batch_norm else 4
    assert "the averaged weights (val/accuracy=" in caplog.text


def test_the_rate_that_is_found_is_that_of_the_schedule(names_folder, tmp_path, caplog) -> None:
    found = lightning_callbacks.LearningRateFinder(num_training_steps=20)
    settings = settings_with(names_folder, {}, log_every_n_steps=1)
    settings["scheduler"] |= {"warmup": 0.25}
    run(settings, tmp_path, found)
    rate = found.optimal_lr.suggestion()
    assert rate != settings["optimizer"]["lr"]
    rates = curves(tmp_path)["lr"]
    assert max(rates) == pytest.approx(rate)
    assert rates[0] == pytest.approx(rate * 2 / 5)  # after one step of a rise over four


def test_the_batch_size_that_is_found_trains(names_folder, tmp_path) -> None:
    settings = settings_with(names_folder, {"BatchSizeFinder": {"max_trials": 2}})
    fit = Fit()
    metrics = run(settings, tmp_path, fit)
    assert fit.trainer.datamodule.batch_size == 4
    assert metrics["steps"] == 2 * 14


def test_a_timer_ends_the_run(names_folder, tmp_path) -> None:
    timer = lightning_callbacks.Timer(duration=timedelta(seconds=0.2))
    metrics = run(settings_with(names_folder, {}, max_epochs=9999), tmp_path, timer)
    assert 0 < metrics["steps"] < 8000
    assert metrics["fit_seconds"] < 2


def test_what_ema_averages_is_what_is_evaluated(names_folder, tmp_path) -> None:
    settings = settings_with(names_folder, {"EMAWeightAveraging": {"decay": 0.9}}, max_epochs=1)
    fit = Fit()
    metrics = run(settings, tmp_path, fit)
    assert metrics["val/loss"] == pytest.approx(fit.trainer.callback_metrics["val/loss"].item())
    plain = run(settings_with(names_folder, {}, max_epochs=1), tmp_path / "plain")
    assert metrics["val/loss"] != plain["val/loss"]


def test_early_stopping_on_the_loss_of_training(names_folder, tmp_path) -> None:
    wanted = {"EarlyStopping": {"monitor": "train/loss_epoch", "patience": 1, "min_delta": 100.0}}
    metrics = run(settings_with(names_folder, wanted, max_epochs=9), tmp_path)
    assert metrics["epochs"] == 2


@pytest.mark.parametrize(
    ("callback", "arguments", "message"),
    [
        ("EarlyStopping", {"monitor": "val/nothing"}, r"metric `val/nothing` .* `val/accuracy`"),
        ("EarlyStopping", {}, r"callbacks\.EarlyStopping\.monitor: missing"),
        ("ThroughputMonitor", {}, r"callbacks\.ThroughputMonitor\.batch_size_fn: missing"),
        (
            "ThroughputMonitor",
            {"batch_size_fn": "len"},
            r"batch_size_fn={_target_:hydra\.utils\.get_method,path:builtins\.len}",
        ),
        ("StochasticWeightAveraging", {}, r"swa_lrs: missing"),
        ("StochasticWeightAveraging", {"swa_lrs": -1.0}, r"callbacks\.StochasticWeightAveraging: The `swa_lrs` should"),
        ("LearningRateFinder", {"mode": "foo"}, r"callbacks\.LearningRateFinder: `mode` should be"),
        ("Timer", {"duration": "foo"}, r"callbacks\.Timer: .* DD:HH:MM:SS"),
        ("ModelPruning", {"pruning_fn": "l1_unstructured"}, r"callbacks\.ModelPruning: .*torch\.nn\.utils\.prune"),
        ("BackboneFinetuning", {}, r"freeze=all_but_head"),
        ("BasePredictionWriter", {}, r"predictions\.parquet"),
        ("Nothing", {}, r"callbacks\.Nothing\._target_=.* cannot be imported"),
        ("ModelCheckpoint", {"monitor": "val/nothing"}, r"could not find the monitored key"),
    ],
)
def test_what_cannot_be_is_a_sentence(names_folder, tmp_path, callback, arguments, message) -> None:
    settings = settings_with(names_folder, {callback: arguments}, max_epochs=1, limit_train_batches=1)
    settings["logger"] = {}
    with pytest.raises(BadInput, match=message):
        run(settings, tmp_path)


def test_a_callback_whose_package_is_missing_is_a_sentence(names_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pytorch_lightning.callbacks.device_stats_monitor._PSUTIL_AVAILABLE", False)
    with pytest.raises(BadInput, match=r"callbacks: .*`psutil` is not installed"):
        run(settings_with(names_folder, {"DeviceStatsMonitor": {}}), tmp_path)


#: Callbacks that other files look at, or that only say or show something.
ELSEWHERE = {
    "Callback", "BaseFinetuning", "Checkpoint", "ProgressBar",  # base classes
    "LambdaCallback", "SpikeDetection",  # ordinary hooks, called at every batch: test_fast_loop.py
    "WeightAveraging", "RichModelSummary", "RichProgressBar", "TQDMProgressBar",
}  # fmt: skip


def test_every_callback_is_looked_at() -> None:
    text = Path(__file__).read_text()
    named = {name for name in lightning_callbacks.__all__ if f'"{name}"' in text or f"callbacks.{name}(" in text}
    assert named == set(lightning_callbacks.__all__)
