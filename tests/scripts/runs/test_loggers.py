"""Where curves and final metrics go besides TensorBoard."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from tests.commands import run

SMALL = ["trainer.max_epochs=2", "module.hidden_size=8", "datamodule.batch_size=16", "trainer.log_every_n_steps=2"]


def test_several_at_once_with_a_real_mlflow_store(names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow comes with the extra `mlflow`")
    pytest.importorskip("sqlalchemy", reason="sqlalchemy comes with the extra `mlflow`")
    from mlflow.tracking import MlflowClient

    where = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}"]
    folder = Path(run("train.py", "logger=[tensorboard,csv,mlflow]", *where, *SMALL).stdout.strip())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(folder.glob("events.out.tfevents*"))

    rows = list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))
    assert [float(row["test/accuracy"]) for row in rows if row["test/accuracy"]] == [metrics["test/accuracy"]]
    assert len([row for row in rows if row["val/loss"]]) == 2

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("names")
    (kept,) = client.search_runs([experiment.experiment_id])
    assert kept.info.run_name == folder.name
    assert kept.info.status == "FINISHED"
    assert kept.data.params["module"] == "GRU"
    assert kept.data.params["hidden_size"] == "8"
    assert kept.data.metrics["test/accuracy"] == metrics["test/accuracy"]
    assert kept.data.metrics["val_best/loss"] == metrics["val/loss"]
    assert len(client.get_metric_history(kept.info.run_id, "val/accuracy")) == 2


def test_wandb_offline(names_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="wandb comes with the extra `wandb`")
    where = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}"]
    words = ["logger=[tensorboard,wandb]", "logger.wandb.offline=true", *where, *SMALL]
    folder = Path(run("train.py", *words).stdout.strip())
    assert list(folder.glob("events.out.tfevents*"))
    (kept,) = folder.glob("wandb/offline-run-*/run-*.wandb")  # protocol buffers: texts stand in them as they are
    written = kept.read_bytes()
    for text in (folder.name, "names", "hidden_size", "val/accuracy", "train/loss", "test/accuracy", "val_best/loss"):
        assert text.encode() in written, text


def test_wandb_without_a_key_is_a_sentence(names_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb comes with the extra `wandb`")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.netrc
    words = ["logger=wandb", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *SMALL]
    done = run("train.py", *words, status=2)
    assert done.stderr.splitlines()[-1].startswith("logger=wandb: No API key configured")
    assert "Traceback" not in done.stderr


def test_a_logger_whose_package_is_missing_is_a_sentence(names_folder: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("wandb"):
        pytest.skip("wandb is installed here")
    done = run("train.py", "logger=wandb", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", status=2)
    assert done.stderr.splitlines()[-1].startswith("logger=wandb: Requirement 'wandb>=")
    assert "Traceback" not in done.stderr
