"""Finished runs that answer together, against the average by hand."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest
import torch

from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module
from tests.commands import run


@pytest.fixture(scope="module")
def members(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    overrides = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path_factory.mktemp('runs')}", "logger=none"]
    overrides += ["trainer.max_epochs=2", "datamodule.batch_size=16"]
    ways = (["module=gru", "task.embedding_size=8"], ["module=bag", "module.num_buckets=1000"])
    return [run("train.py", *overrides, *way).stdout.strip() for way in ways]


def test_it_answers_with_the_mean_of_log_probabilities(members: list[str], names_folder: Path, tmp_path: Path) -> None:
    overrides = ["module=ensemble_of_runs", f"module.runs=[{','.join(members)}]", f"runs_dir={tmp_path}"]
    folder = run("train.py", *overrides, f"datamodule.data_dir={names_folder}").stdout.strip().splitlines()[-1]
    joint = load_module(RunFolder(Path(folder)))
    alone = [load_module(RunFolder(Path(member))) for member in members]
    batch = joint.task.spec.batch(["Suzuki", "Quinn"])
    expected = torch.stack([module(batch).log_softmax(dim=1) for module in alone]).mean(dim=0)
    torch.testing.assert_close(joint(batch), expected)
    metrics = json.loads((Path(folder) / "metrics.json").read_text())
    predictions = polars.read_parquet(Path(folder) / "predictions.parquet")
    assert metrics["test/accuracy"] == pytest.approx((predictions["target"] == predictions["prediction"]).mean())
    assert run("predict.py", folder, "Suzuki").stdout.startswith("> Suzuki")


def test_runs_that_do_not_fit_are_refused(members: list[str], names_folder: Path, tmp_path: Path) -> None:
    overrides = ["module=ensemble_of_runs", f"runs_dir={tmp_path}"]
    data = f"datamodule.data_dir={names_folder}"
    both = f"module.runs=[{','.join(members)}]"
    done = run("train.py", *overrides, data, both, "datamodule.split_seed=5", status=2)
    assert "it was trained on other data, or on another split of it" in done.stderr
    done = run("train.py", *overrides, data, f"module.runs=[{members[0]}]", status=2)
    assert "two or more folders of finished runs are accepted" in done.stderr
