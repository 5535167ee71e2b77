"""Run folders of the version before 0.2.0: they evaluate, predict, resume and compare as before."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from scripts.compare.leaderboard import compare
from scripts.compare.pair import pair
from scripts.compare.runs import read_runs
from scripts.predict import command as predict
from scripts.runs.folder import RunFolder
from tests.commands import run

KEPT = Path(__file__).parent / "checkpoints" / "runs_before_0.2.0"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT, tmp_path / "runs"))


def test_they_are_compared(runs: Path) -> None:
    (board,) = compare(read_runs([str(runs)])).leaderboards
    assert (board.metric, board.reported, board.rows[0].num_runs) == ("val/accuracy", "test/accuracy", 2)
    own = [json.loads((runs / f"seed_{seed}" / "metrics.json").read_text()) for seed in (1, 2)]
    assert board.rows[0].average("test/accuracy") == pytest.approx(sum(m["test/accuracy"] for m in own) / 2)
    found = pair(str(runs / "seed_1"), str(runs / "seed_2"))
    assert found.difference.value == pytest.approx(own[1]["test/accuracy"] - own[0]["test/accuracy"])
    assert found.difference.covers == ("examples",), "from the columns that its task's class declares today"
    by_f1 = pair(str(runs / "seed_1"), str(runs / "seed_2"), "test/macro_f1")
    assert by_f1.difference.covers == ("examples",), "its column answer is read as prediction"


def test_they_predict_and_evaluate(
    runs: Path, names_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["predict.py", "--top-k", "3", str(runs / "seed_1"), "Tanaka", "--json"])
    assert predict.main() == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 3
    metrics = json.loads((runs / "seed_1" / "metrics.json").read_text())
    done = run("evaluate.py", runs / "seed_1", f"datamodule.data_dir={names_folder}", "--split", "test", "--json")
    printed = json.loads(done.stdout)
    assert printed == {key: pytest.approx(metrics[key], rel=1e-5) for key in printed}


def test_they_are_resumed_where_their_data_is_now(runs: Path, names_folder: Path) -> None:
    folder = runs / "seed_1"
    moved = f"datamodule.data_dir={names_folder}"
    done = run("train.py", f"resume={folder}", moved, "trainer.max_epochs=3", "evaluate=[val]")
    assert done.stdout == f"{folder}\n"
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == 3
    config = RunFolder(folder).config()
    assert (config["datamodule"]["data_dir"], config["optimizer"]["lr"]) == (str(names_folder), 0.01)
    (names_folder / "Irish.txt").rename(names_folder / "Gaelic.txt")
    try:
        refused = run("train.py", f"resume={folder}", moved, "trainer.max_epochs=4", status=2)
    finally:
        (names_folder / "Gaelic.txt").rename(names_folder / "Irish.txt")
    assert "its data has changed since it was started" in refused.stderr
