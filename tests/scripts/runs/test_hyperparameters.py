"""The row of a run in TensorBoard's table of hyperparameters."""

from __future__ import annotations

from scripts.runs.hyperparameters import final_metrics, hyperparameters


def test_cells_of_null_are_empty_and_numbers_stay_numbers() -> None:
    config = {
        "seed": 3, "experiment": None, "compile": False, "module": {"_target_": "a.GRU", "dropout": None},
        "optimizer": {"lr": 0.001, "betas": [0.9, 0.99]}, "task": {"loss": None},
    }  # fmt: skip
    overrides = [
        "++module.dropout=null", "++optimizer.lr=1e-3", "++optimizer.betas=[0.9,0.99]", "++task.loss=null",
        "runs_dir=x", "logger=none", "++datamodule.data_dir=y", "experiment=null", "++callbacks.checkpoints.monitor=z",
        "compile=false", "task=forecasting", "++optimizer.missing=null",
    ]  # fmt: skip
    assert hyperparameters(config, overrides) == {
        "module": "GRU", "seed": 3, "lr": 0.001, "betas": "0.9,0.99", "compile": False,
    }  # fmt: skip


def test_a_choice_that_left_no_trace_is_told_by_its_name() -> None:
    assert hyperparameters({"seed": 1}, ["experiment='names tutorial'"]) == {"seed": 1, "experiment": "names tutorial"}


def test_the_metric_that_chooses_stands_first() -> None:
    metrics = {"test/accuracy": 0.7, "val/accuracy": 0.8, "val/loss": float("nan"), "params": 10.0, "steps": 3.0}
    assert sorted(final_metrics(metrics, "accuracy")) == ["chosen_by/val/accuracy", "test/accuracy", "training/params"]
    assert final_metrics({"val/loss": 0.5}) == {"val_best/loss": 0.5}
