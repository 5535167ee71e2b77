"""Run folders made before 0.2.0, when classes and keys had other names, evaluate, predict, resume and compare as then.

tests/earlier_runs/TASK holds what scripts/train.py left at commit c35a68f (without curves and figures).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars
import pytest

from lightning_modules.training.stored_config import (
    MOVED_CLASSES,
    RENAMED_KEYS,
    upgraded,
    upgraded_metrics,
    upgraded_weights,
)
from scripts.config.renamed import with_new_keys
from tests.commands import run

KEPT = Path(__file__).parent / "earlier_runs"

#: Task -> the fixture that holds the files that it was trained on; None where it made its data up.
DATA = {
    "classification": "names_folder",
    "forecasting": None,
    "generation": "names_folder",
    "transcription": None,
    "transduction": "pairs_file",
}
INPUT = {"classification": "Suzuki", "transduction": "Suzuki"}


@pytest.fixture(params=sorted(DATA))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy of a kept run, and the override that says where its data is here."""
    folder = tmp_path / request.param
    shutil.copytree(KEPT / request.param, folder)
    fixture = DATA[request.param]
    return folder, [f"datamodule.data_dir={request.getfixturevalue(fixture)}"] if fixture else []


def test_it_evaluates_as_then(kept: tuple[Path, list[str]]) -> None:
    folder, data = kept
    then = json.loads((folder / "metrics.json").read_text())
    done = run("evaluate.py", folder, "--split", "test", "--json", *data)
    now = json.loads(done.stdout)
    if folder.name == "transcription":  # the lines that the program renders are other ones today
        assert "not what the run was trained on" in done.stderr
        return
    shared = [name for name in then if name.startswith("test/") and name in now]
    assert len(shared) >= 3, f"{sorted(then)} then, {sorted(now)} now"
    for name in shared:
        assert now[name] == pytest.approx(then[name], rel=1e-4), name


def test_it_compares(tmp_path: Path) -> None:
    for task in DATA:
        shutil.copytree(KEPT / task, tmp_path / task)
    boards = json.loads(run("compare.py", tmp_path, "--json").stdout)
    assert str(tmp_path / "classification") in json.dumps(boards)


@pytest.mark.parametrize("task", sorted(INPUT))
def test_it_predicts(task: str) -> None:
    answer = run("predict.py", KEPT / task, INPUT[task], "--json").stdout
    assert json.loads(answer)


def test_it_resumes(tmp_path: Path) -> None:
    folder = tmp_path / "forecasting"
    shutil.copytree(KEPT / "forecasting", folder)
    before = json.loads((folder / "metrics.json").read_text())
    run("train.py", f"resume={folder}", "trainer.max_epochs=2", "evaluate=[val]")
    after = json.loads((folder / "metrics.json").read_text())
    assert (before["epochs"], after["epochs"]) == (1, 2)
    assert after["steps"] == 2 * before["steps"]


def test_what_it_predicted_is_read(tmp_path: Path) -> None:
    table = polars.read_parquet(KEPT / "classification" / "predictions.parquet")
    assert {"id", "target", "score"} <= set(table.columns)


def test_the_table_of_names_is_applied_once_and_leaves_the_rest() -> None:
    old = {
        "task": {"_target_": "lightning_modules.tasks.transcription.Transcription", "feature_size": 8},
        "scheduler": {"_target_": "lightning_modules.schedules.Cosine", "final": 0.1, "warmup": 0.2},
        "callbacks": {"mine": {"_target_": "my.Callback", "final": 3}},
        "list": [{"_target_": "lightning_modules.schedules.Step"}],
    }
    now = upgraded(old)
    assert now["task"] == {"_target_": "lightning_modules.tasks.transcription.task.Transcription", "feature_size": 8}
    assert now["scheduler"] == {
        "_target_": "lightning_modules.training.schedules.Cosine",
        "end_factor": 0.1,
        "warmup": 0.2,
    }
    assert now["callbacks"] == {"mine": {"_target_": "my.Callback", "final": 3}}
    assert now["list"] == [{"_target_": "lightning_modules.training.schedules.Step"}]
    assert upgraded(now) == now


def test_every_new_name_of_the_table_exists() -> None:
    import pkgutil

    for path in MOVED_CLASSES.values():
        assert isinstance(pkgutil.resolve_name(path), type), path
    assert not set(RENAMED_KEYS) & set(RENAMED_KEYS.values())


def test_values_weights_and_metrics_have_todays_names() -> None:
    config = {"module": {"pooling": "article", "batch_norm": "paper"}, "task": {"pooling": "mean"}}
    assert upgraded(config) == {"module": {"pooling": "narrow", "batch_norm": "shi2015"}, "task": {"pooling": "mean"}}
    weights = {"project_written.weight": 1, "members.a.decoder_layers.0.reading_norm.bias": 2, "reading.weight": 3}
    assert upgraded_weights(weights) == {
        "project_targets.weight": 1,
        "members.a.decoder_layers.0.cross_attention_norm.bias": 2,
        "reading.weight": 3,
    }
    assert upgraded_metrics({"test/smape_article": 1.0, "test/exact_lines": 0.5, "steps": 3}) == {
        "test/smape_quarter": 1.0,
        "test/exact_match": 0.5,
        "steps": 3,
    }


def test_a_command_with_old_values_is_translated_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["module.pooling=paper,wide", "++module.batch_norm=all", "experiment=names_tutorial"]
    assert with_new_keys(overrides) == [
        "module.pooling=shi2015,wide",
        "++module.batch_norm=all",
        "experiment=names_robertson",
    ]
    assert "module.pooling=paper is module.pooling=shi2015 now" in capsys.readouterr().err
