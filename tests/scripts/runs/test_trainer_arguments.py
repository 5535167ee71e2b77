"""Every argument of Lightning's Trainer has its documented effect in a run, or is refused in a sentence."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import polars
import pytest
from pytorch_lightning import Callback, Trainer

from datamodules.errors import BadInput
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder

SMALL = [
    "module.hidden_size=4", "datamodule.batch_size=7", "trainer.max_epochs=2", "trainer.accelerator=cpu",
    "logger=none", "callbacks.progress=null", "evaluate=[val,test]",
]  # fmt: skip


class Epochs(Callback):
    """Notes the batches of each epoch."""

    def __init__(self) -> None:
        self.seen: list[list[tuple[int, ...]]] = []

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self.seen.append([])

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.seen[-1].append(tuple(batch.origin.indices.tolist()))


def run(names_folder: Path, folder: Path, *overrides: str, callbacks: Any = ()) -> dict[str, float]:
    logs.quiet_lightning()
    config = compose(*SMALL, f"datamodule.data_dir={names_folder}", *overrides)
    check(config)
    return training.train(config, RunFolder(folder), [], extra_callbacks=list(callbacks))


#: Argument -> overrides and what is seen of it: a metric's value, or a part of the sentence that refuses it.
ARGUMENTS: dict[str, list[tuple[str, Any]]] = {
    "accelerator": [("trainer.accelerator=cpu", {"steps": 16})],
    "strategy": [("+trainer.strategy=single_device", "strategy")],
    "devices": [("trainer.devices=0", "1 or more is accepted")],
    "num_nodes": [("+trainer.num_nodes=2", "num_nodes")],
    "precision": [("trainer.precision=64-true", {"steps": 16})],
    "logger": [("+trainer.logger=false", "the group logger=")],
    "callbacks": [("+trainer.callbacks=null", "the group callbacks=")],
    "plugins": [("+trainer.plugins=null", "trainer.precision and trainer.strategy")],
    "default_root_dir": [("+trainer.default_root_dir=x", "runs_dir=FOLDER")],
    "fast_dev_run": [("+trainer.fast_dev_run=true", {"steps": 1})],
    "max_epochs": [("trainer.max_epochs=1", {"steps": 8}), ("trainer.max_epochs=0", {"steps": 0})],
    "min_epochs": [("+trainer.min_epochs=1", {"steps": 16})],
    "max_steps": [("trainer.max_steps=5", {"steps": 5})],
    "min_steps": [("+trainer.min_steps=3", {"steps": 16})],
    "max_time": [("trainer.max_time='00:00:10:00'", {"steps": 16})],
    "limit_train_batches": [
        ("+trainer.limit_train_batches=3", {"steps": 6}), ("+trainer.limit_train_batches=1e-3", "< 1"),
    ],
    "limit_val_batches": [("+trainer.limit_val_batches=1e-3", "< 1")],
    "limit_test_batches": [("+trainer.limit_test_batches=0", {"steps": 16})],
    "limit_predict_batches": [("+trainer.limit_predict_batches=1", {"steps": 16})],
    "overfit_batches": [("+trainer.overfit_batches=2", {"steps": 4})],
    "val_check_interval": [
        ("trainer.val_check_interval=100", "less than or equal"), ("trainer.val_check_interval=0.5", {"steps": 16}),
    ],
    "check_val_every_n_epoch": [("trainer.check_val_every_n_epoch=2", {"best_epoch": 2})],
    "num_sanity_val_steps": [("+trainer.num_sanity_val_steps=1", {"steps": 16})],
    "log_every_n_steps": [
        ("trainer.log_every_n_steps=0", {"steps": 16}), ("trainer.log_every_n_steps=-1", "0 or more"),
    ],
    "enable_checkpointing": [("+trainer.enable_checkpointing=false", "callbacks.checkpoints.every_seconds")],
    "enable_progress_bar": [("+trainer.enable_progress_bar=true", {"steps": 16})],
    "enable_model_summary": [("+trainer.enable_model_summary=true", {"steps": 16})],
    "accumulate_grad_batches": [
        ("trainer.accumulate_grad_batches=0", "1 or more"), ("trainer.accumulate_grad_batches=3", {"steps": 6}),
    ],
    "gradient_clip_val": [("trainer.gradient_clip_val=-1", "above 0"), ("trainer.gradient_clip_val=0", {"steps": 16})],
    "gradient_clip_algorithm": [("trainer.gradient_clip_algorithm=valeu", "norm or value")],
    "deterministic": [("trainer.deterministic=true", {"steps": 16})],
    "benchmark": [("+trainer.benchmark=true", {"steps": 16})],
    "inference_mode": [("+trainer.inference_mode=false", {"steps": 16})],
    "use_distributed_sampler": [("+trainer.use_distributed_sampler=false", {"steps": 16})],
    "profiler": [("+trainer.profiler=simple", {"steps": 16})],
    "detect_anomaly": [("+trainer.detect_anomaly=true", {"steps": 16})],
    "barebones": [("+trainer.barebones=true", "curves and checkpoints")],
    "sync_batchnorm": [("+trainer.sync_batchnorm=true", {"steps": 16})],
    "reload_dataloaders_every_n_epochs": [("+trainer.reload_dataloaders_every_n_epochs=1", {"steps": 16})],
    "enable_autolog_hparams": [("+trainer.enable_autolog_hparams=false", {"steps": 16})],
    "model_registry": [("+trainer.model_registry=x", "logger=mlflow")],
}  # fmt: skip
#: Arguments whose one case needs a machine of its own; tests/scripts/runs/test_ranks.py has them.
ELSEWHERE = ("strategy", "num_nodes")
CASES = [(override, seen) for name, cases in ARGUMENTS.items() if name not in ELSEWHERE for override, seen in cases]


def test_every_argument_is_tried() -> None:
    assert set(ARGUMENTS) == set(inspect.signature(Trainer.__init__).parameters) - {"self"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("override", "seen"), CASES, ids=[override for override, _ in CASES])
def test_an_argument_has_its_effect_or_is_refused(names_folder, tmp_path, capsys, override: str, seen: Any) -> None:
    if isinstance(seen, str):
        with pytest.raises(BadInput, match=seen):
            run(names_folder, tmp_path, override)
        return
    metrics = run(names_folder, tmp_path, override)
    assert {key: metrics[key] for key in seen} == seen
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore")
def test_overfit_batches_are_the_same_every_epoch(names_folder, tmp_path) -> None:
    epochs = Epochs()
    run(names_folder, tmp_path, "+trainer.overfit_batches=2", callbacks=[epochs])
    assert len(epochs.seen) == 2
    assert epochs.seen[0] == epochs.seen[1]
    assert len(epochs.seen[0]) == 2


@pytest.mark.filterwarnings("ignore")
def test_clipping_by_0_is_none(names_folder, tmp_path) -> None:
    by_0 = run(names_folder, tmp_path / "0", "trainer.gradient_clip_val=0")
    without = run(
        names_folder, tmp_path / "null", "trainer.gradient_clip_val=null", "trainer.gradient_clip_algorithm=null"
    )
    assert by_0["val/loss"] == without["val/loss"]


@pytest.mark.filterwarnings("ignore")
def test_predictions_are_those_of_what_was_evaluated(names_folder, tmp_path) -> None:
    run(names_folder, tmp_path / "all")
    run(names_folder, tmp_path / "some", "+trainer.limit_test_batches=1", "datamodule.evaluation_batch_size=5")
    whole, some = (polars.read_parquet(tmp_path / name / "predictions.parquet") for name in ("all", "some"))
    assert len(some) == 5
    assert set(some["id"]) < set(whole["id"])
    joined = some.join(whole, on="id", suffix="_all")
    assert joined["target"].to_list() == joined["target_all"].to_list()


@pytest.mark.filterwarnings("ignore")
def test_the_profile_is_shown(names_folder, tmp_path, caplog) -> None:
    with caplog.at_level("INFO"):
        run(names_folder, tmp_path, "+trainer.profiler=simple")
    assert "run_training_batch" in caplog.text


@pytest.mark.filterwarnings("ignore")
def test_a_failing_figure_is_a_message(names_folder, tmp_path, caplog, monkeypatch) -> None:
    def fail(*args: Any) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr("scripts.runs.evaluation.Evaluation._write_figures", fail)
    metrics = run(names_folder, tmp_path)
    assert RunFolder(tmp_path).metrics() == pytest.approx(metrics)
    assert (tmp_path / "predictions.parquet").exists()
    assert "figures: not written (MemoryError: too large)" in caplog.text
