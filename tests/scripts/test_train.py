"""The training command as a person runs it: real processes, real folders."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import polars
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

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


def test_a_run_that_ends_early_says_in_which_epoch(names_folder: Path, tmp_path: Path) -> None:
    settings = [*SMALL, "trainer.max_epochs=9", "trainer.max_steps=3", "logger=none", "evaluate=[]"]
    done = run("train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *settings)
    assert "epoch 1/9  step 3 " in done.stderr


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
    expected = {f"{split}/{name}" for split in ("train", "val", "test") for name in ("loss", "accuracy", "macro_f1")}
    assert expected | {"params", "fit_seconds", "samples_per_second", "peak_memory_mb"} <= metrics.keys()


def test_predictions_hold_every_test_example_and_agree_with_the_metrics(trained, names_folder) -> None:
    folder, _, _ = trained
    table = polars.read_parquet(folder / "predictions.parquet")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert set(table.columns) >= {"id", "text", "target", "prediction", "score"}
    assert table["score"].mean() == pytest.approx(metrics["test/accuracy"])
    assert (table["target"] == table["prediction"]).mean() == pytest.approx(metrics["test/accuracy"])
    file, line = table["id"][0].split(":")
    assert (names_folder / file).read_text().splitlines()[int(line) - 1] == table["text"][0]


def test_checkpoints_load_without_executing_anything(trained) -> None:
    folder, _, _ = trained
    for name in ("best.ckpt", "last.ckpt"):
        state = torch.load(folder / "checkpoints" / name, weights_only=True)
        assert {"state_dict", "config", "spec"} <= state.keys()


def test_tensorboard_has_curves_pictures_and_final_hyperparameters(trained) -> None:
    folder, _, _ = trained
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    curves = {"train/loss", "val/accuracy", "lr", "gradient_norm", "samples_per_second"}
    assert curves | {"by_epoch/train/loss", "by_epoch/val/loss", "by_epoch/val/accuracy"} <= scalars
    assert [event.step for event in events.Scalars("by_epoch/val/accuracy")] == [1, 2]
    assert events.Scalars("by_epoch/val/loss")[-1].value == events.Scalars("val/loss")[-1].value
    assert "hp_metric" not in scalars
    assert "test/confusion_matrix" in events.Tags()["images"]
    assert not any(tag.startswith("_hparams_") for tag in events.summary_metadata), "else every curve were a column"


def test_the_row_of_hyperparameters_has_what_was_set_and_the_final_metrics(trained) -> None:
    folder, _, _ = trained
    row = EventAccumulator(str(folder / "final"))
    row.Reload()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert row.Scalars("test/accuracy")[-1].value == pytest.approx(metrics["test/accuracy"], abs=1e-6)
    assert row.Scalars("val_best/loss")[-1].value == pytest.approx(metrics["val/loss"], abs=1e-6)
    content = row.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    cells = HParamsPluginData.FromString(content).session_start_info.hparams
    assert {name: getattr(cell, cell.WhichOneof("kind")) for name, cell in cells.items()} == {
        "module": "GRU", "seed": 1, "max_epochs": 2, "hidden_size": 8, "batch_size": 16,
        "log_every_n_steps": 2, "status": "finished",
    }  # fmt: skip


def test_the_projector_has_a_row_for_each_test_example(trained) -> None:
    folder, _, _ = trained
    table = polars.read_parquet(folder / "predictions.parquet")
    lines = (folder / "projector" / "examples.tsv").read_text().splitlines()
    assert lines[0] == "text\ttarget\tid"
    assert [tuple(line.split("\t")) for line in lines[1:]] == list(zip(table["text"], table["target"], table["id"]))
    assert len((folder / "projector" / "vectors.tsv").read_text().splitlines()) == len(table)


def test_a_run_that_fails_says_why_in_its_folder_and_in_the_table(names_folder: Path, tmp_path: Path) -> None:
    where = [f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *SMALL]
    run("train.py", *where, "callbacks.checkpoints.monitor=val/none", status=2)
    (folder,) = (tmp_path / "names").iterdir()
    status = json.loads((folder / "status.json").read_text())
    assert status["status"] == "failed"
    assert status["reason"].startswith("callbacks.checkpoints.monitor=val/none: no such metric")
    row = EventAccumulator(str(folder / "final"))
    row.Reload()
    assert {tag.partition("/")[0] for tag in row.Tags()["scalars"]} == {"val_best"}
    assert "nothing to compare: 1 run: 0 finished, 1 failed" in run("compare.py", tmp_path, status=2).stderr


def test_the_same_seed_gives_the_same_numbers(trained, names_folder, tmp_path) -> None:
    folder, _, _ = trained
    done = run("train.py", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}", *SMALL, "logger=none")
    again = json.loads((Path(done.stdout.strip()) / "metrics.json").read_text())
    first = json.loads((folder / "metrics.json").read_text())
    assert {k: v for k, v in again.items() if "/" in k} == {k: v for k, v in first.items() if "/" in k}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["modul=gru"], "modul: no such setting or group (did you mean 'module'?)"),
        (["module=gruu"], "module=gruu: no such option (did you mean 'gru'?); there are "),
        (["module.hiden_size=3", "trainer.max_epochs=x"], "module.hiden_size: no such setting (did you mean"),
        (["datamodule.data_dir=/nowhere"], "datamodule.data_dir=/nowhere: there is no such file or folder"),
        (["trainer.accelerator=gpu"], "trainer.accelerator=gpu: there is no such device here"),
        (["optimizer.lr=-1"], "optimizer: Invalid learning rate: -1"),
        (["module=gru", "--multrun", "seed=1,2"], "--multrun: no such option (did you mean '--multirun'?); settings"),
        (["sweep=names_gru"], "sweep: a search makes several runs, which needs -m"),
        (["seed=1,2"], "seed=1,2: several values make several runs, which needs -m"),
    ],
)
def test_bad_usage_is_a_sentence_and_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    if "accelerator=gpu" in arguments[0] and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = run("train.py", *arguments, f"runs_dir={tmp_path}", status=2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert any(line.startswith(message) for line in done.stderr.splitlines()), done.stderr


def test_the_config_can_be_printed() -> None:
    done = run("train.py", "module=lstm", "--cfg", "job")
    assert yaml.safe_load(done.stdout)["module"]["_target_"] == "lightning_modules.lstm.LSTM"


def test_a_multirun_ends_with_a_leaderboard_and_the_sweep_folder(names_folder: Path, tmp_path: Path) -> None:
    done = run(
        "train.py", "-m", "module=baseline/majority,gru", f"datamodule.data_dir={names_folder}", f"runs_dir={tmp_path}",
        "trainer.max_epochs=20", "datamodule.batch_size=8", "logger=none", "seed=1,2", "evaluate=[val,test]",
    )  # fmt: skip
    sweep = Path(done.stdout.strip())
    assert done.stdout == f"{sweep}\n"
    assert len(list(sweep.glob("*/metrics.json"))) == 4
    assert "test/accuracy" in done.stderr
    accuracies = [json.loads(file.read_text())["val/accuracy"] for file in sweep.glob("module-gru_*/metrics.json")]
    said = re.search(r"winner:      GRU, val/accuracy (\d[.\d]*)", done.stderr)
    assert said
    assert float(said[1]) == pytest.approx(sum(accuracies) / 2, abs=5e-5)
    assert "better than the other" in done.stderr, "it reads most of what the majority class is wrong about"
    assert f"report:      {sweep / 'report.html'}" in done.stderr
    assert (sweep / "report.html").is_file()
    line = next(line for line in done.stderr.splitlines() if line.startswith("predict:"))
    words = shlex.split(line.partition("scripts/predict.py ")[2])
    assert run("predict.py", *words).stdout.startswith(f"> {words[1]}")
