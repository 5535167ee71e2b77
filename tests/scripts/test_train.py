"""The training command as a person runs it: real processes, real folders."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.commands import run

SMALL = ["trainer.max_epochs=2", "module.hidden_size=8", "datamodule.batch_size=16", "trainer.log_every_n_steps=2"]


@pytest.fixture(scope="module")
def trained(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    runs = tmp_path_factory.mktemp("runs")
    done = run("train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={runs}", *SMALL)
    return Path(done.stdout.splitlines()[-1]), done.stdout, done.stderr


def test_standard_output_is_the_run_folder_and_nothing_else(trained) -> None:
    folder, out, err = trained
    assert out == f"{folder}\n"
    assert folder.parent.name == "names"
    assert "data: " in err
    assert "epoch 2/2" in err
    assert "Traceback" not in err


def test_a_run_leaves_what_it_should(trained) -> None:
    folder, _, _ = trained
    left = {p.name for p in folder.iterdir()}
    assert {"config.yaml", "environment.json", "checkpoints", "metrics.json", "predictions.parquet"} <= left
    assert {p.name for p in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["module"]["hidden_size"] == 8
    assert config["datamodule"]["seed"] == config["seed"] == 1
    environment = json.loads((folder / "environment.json").read_text())
    assert {"packages", "cpu", "git_commit", "git_dirty", "fingerprint", "overrides", "data"} <= environment.keys()
    metrics = json.loads((folder / "metrics.json").read_text())
    expected = {f"{part}/{name}" for part in ("train", "val", "test") for name in ("loss", "accuracy", "macro_f1")}
    assert expected | {"params", "fit_seconds", "samples_per_second", "peak_memory_mb"} <= metrics.keys()


def test_predictions_hold_every_test_example_and_agree_with_the_metrics(trained, names_folder) -> None:
    folder, _, _ = trained
    table = polars.read_parquet(folder / "predictions.parquet")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(table.columns) >= {"id", "text", "target", "answer", "score"}
    assert table["score"].mean() == pytest.approx(metrics["test/accuracy"])
    assert (table["target"] == table["answer"]).mean() == pytest.approx(metrics["test/accuracy"])
    file, line = table["id"][0].split(":")
    assert (names_folder / file).read_text().splitlines()[int(line) - 1] == table["text"][0]


def test_checkpoints_load_without_executing_anything(trained) -> None:
    folder, _, _ = trained
    for name in ("best.ckpt", "last.ckpt"):
        state = torch.load(folder / "checkpoints" / name, weights_only=True)
        assert {"state_dict", "config", "description"} <= state.keys()


def test_tensorboard_has_curves_pictures_and_final_hyperparameters(trained) -> None:
    folder, _, _ = trained
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"train/loss", "val/accuracy", "lr", "gradient_norm", "samples_per_second", "final/test/accuracy"} <= scalars
    assert "hp_metric" not in scalars
    assert "test/confusion_matrix" in events.Tags()["images"]
    plugins = {tag for tag in events.summary_metadata if tag.startswith("_hparams_")}
    assert {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"} <= plugins
    metrics = json.loads((folder / "metrics.json").read_text())
    assert events.Scalars("final/test/accuracy")[-1].value == pytest.approx(metrics["test/accuracy"], abs=1e-6)


def test_the_same_seed_gives_the_same_numbers(trained, names_folder, tmp_path) -> None:
    folder, _, _ = trained
    done = run("train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *SMALL, "logger=none")
    again = json.loads((Path(done.stdout.strip()) / "metrics.json").read_text())
    first = json.loads((folder / "metrics.json").read_text())
    assert {k: v for k, v in again.items() if "/" in k} == {k: v for k, v in first.items() if "/" in k}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["modul=gru"], "modul: no such setting or group (did you mean 'module'?)"),
        (["module=gruu"], "module=gruu: no such option (did you mean 'gru'?); there are "),
        (["module.hiden_size=3", "trainer.max_epochs=x"], "module.hiden_size: no such setting (did you mean"),
        (["datamodule.data_dir=/nowhere"], "datamodule.data_dir=/nowhere: there is no such file or folder"),
        (["trainer.accelerator=gpu"], "trainer: "),
        (["optimizer.lr=-1"], "optimizer: Invalid learning rate: -1"),
        (["sweep=names_gru"], "sweep: a search makes several runs, which needs -m"),
        (["seed=1,2"], "seed=1,2: several values make several runs, which needs -m"),
    ],
)
def test_bad_usage_is_a_sentence_and_status_2(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    if "accelerator=gpu" in arguments[0] and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = run("train.py", *arguments, f"runs_dir={tmp_path}", status=2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert any(line.startswith(sentence) for line in done.stderr.splitlines()), done.stderr


def test_the_config_can_be_printed() -> None:
    done = run("train.py", "module=lstm", "--cfg", "job")
    assert yaml.safe_load(done.stdout)["module"]["_target_"] == "lightning_modules.lstm.LSTM"


def test_a_multirun_ends_with_a_leaderboard_and_the_sweep_folder(names_folder: Path, tmp_path: Path) -> None:
    done = run(
        "train.py", "-m", "module=baseline/majority,gru", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}",
        "trainer.max_epochs=2", "logger=none", "seed=1,2",
    )  # fmt: skip
    sweep = Path(done.stdout.strip())
    assert done.stdout == f"{sweep}\n"
    assert len(list(sweep.glob("*/metrics.json"))) == 4
    assert "test/accuracy" in done.stderr
    assert "GRU" in done.stderr
