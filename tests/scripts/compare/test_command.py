"""The comparing command as a person runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.commands import run
from tests.run_folders import write_run

CLASSES = {"text": ["ab", "cd", "ef", "gh"], "target": ["x", "x", "y", "y"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2):
        write_run(
            folder / f"gru{seed}", [1.0, 1.0, 1.0, 0.0], seed=seed, columns={**CLASSES, "prediction": list("xxyx")}
        )
        write_run(
            folder / f"lstm{seed}", [1.0, 0.0, 0.0, 1.0], seed=seed, module="LSTM",
            columns={**CLASSES, "prediction": list("xyxy")},
        )  # fmt: skip
    write_run(
        folder / "majority", [1.0, 1.0, 0.0, 0.0], module="Majority", columns={**CLASSES, "prediction": list("xxxx")}
    )
    write_run(folder / "failed", status={"status": "failed", "reason": "no memory left"})
    return folder


def test_the_table(runs: Path) -> None:
    out = run("compare.py", runs).stdout
    lines = out.splitlines()
    assert "module" in lines[2]
    assert ["GRU" in lines[4], "LSTM" in lines[5] or "Majority (baseline)" in lines[5]] == [True, True]
    assert "not distinguishable from the best (2 of 2)" in out
    assert "6 runs: 5 finished, 1 failed" in out
    assert "no memory left" in out


def test_json(runs: Path) -> None:
    done = run("compare.py", runs, "--json")
    printed = json.loads(done.stdout)
    (table,) = printed["tables"]
    first = table["rows"][0]
    assert (first["name"], first["mean"], first["n"], first["seeds"]) == ("GRU", 0.75, 2, [1, 2])
    assert first["versus_best"] is None
    assert table["rows"][1]["versus_best"]["is_real"] is False
    assert [row["is_baseline"] for row in table["rows"]].count(True) == 1
    assert printed["runs"] == {"finished": 5, "failed": 1}
    assert printed["not_finished"][0]["reason"] == "no memory left"


def test_csv_and_markdown(runs: Path) -> None:
    rows = list(csv.DictReader(run("compare.py", runs, "--csv").stdout.splitlines()))
    assert rows[0]["module"] == "GRU"
    assert float(rows[0]["mean"]) == 0.75
    lines = run("compare.py", runs, "--markdown").stdout.splitlines()
    assert lines[2].startswith("| module | test/accuracy | n | vs. best | params |")
    assert lines[4].startswith("| GRU | 0.7500 | 2 | best |")


def test_a_pair(runs: Path) -> None:
    printed = json.loads(run("compare.py", "--pair", runs / "gru1", runs / "lstm1", "--json").stdout)
    assert printed["counts"] == {"examples": 4, "both right": 1, "both wrong": 0, "only A right": 2, "only B right": 1}
    assert [row["text"] for rows in printed["examples"].values() for row in rows] == ["cd", "ef", "gh"]
    assert printed["mean score by class"] == [
        {"target": "x", "examples": 2, "A": 1.0, "B": 0.5, "B − A": -0.5},
        {"target": "y", "examples": 2, "A": 0.5, "B": 0.5, "B − A": 0.0},
    ]
    assert printed["difference"] == -0.25
    assert "not distinguishable" in run("compare.py", "--pair", runs / "gru1", runs / "lstm1").stdout


def test_a_pair_of_readers_shows_the_characters(tmp_path: Path) -> None:
    targets = [f"line {i}" for i in range(200)]
    for name, lost in (("a", "i"), ("b", "e")):
        predictions = [text.replace(lost, "") for text in targets]
        columns = {"target": targets, "prediction": predictions}
        write_run(tmp_path / name, [0.0] * 200, columns=columns, task="transcription.task.Transcription")
    printed = json.loads(run("compare.py", "--pair", tmp_path / "a", tmp_path / "b", "--json").stdout)
    rows = printed["characters lost (wrong or missing)"]
    assert {row["character"]: (row["A"], row["B"]) for row in rows} == {"'i'": (200, 0), "'e'": (0, 200)}


def test_a_diff(runs: Path) -> None:
    printed = json.loads(run("compare.py", "--diff", runs / "gru1", runs / "lstm2", "--json").stdout)
    assert printed["settings"] == {
        "seed": [1, 2],
        "module": ["GRU", "LSTM"],
        "callbacks.progress.every_seconds": [1, 2],
    }
    assert printed["environment"] == {}
    assert printed["metrics"] == {"test/accuracy": [0.75, 0.5]}
    assert "environment: no difference" in run("compare.py", "--diff", runs / "gru1", runs / "lstm2").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "compare.py: RUNS: one folder or more is needed"),
        (
            ["{runs}", "--metric", "test/acuracy"],
            "--metric test/acuracy: no run has it (did you mean 'test/accuracy'?)",
        ),
        (["{runs}", "--grup-by", "x"], "compare.py: --grup-by: no such option (did you mean '--group-by'?)"),
        (["{runs}/failed"], "{runs}/failed: nothing to compare: 1 run: 0 finished, 1 failed"),
        (["{runs}", "--diff", "a", "b"], "compare.py: --diff takes its two runs and no others"),
        (["--pair", "{runs}/gru1", "{runs}/failed"], "{runs}/failed: this run is failed (no memory left)"),
        (["--pair", "{runs}/gru1", "{runs}"], "{runs}: not a run folder"),
        (["{runs}", "--report", "report.pdf"], "compare.py: --report report.pdf: the name of an HTML file is accepted"),
    ],
)
def test_bad_usage_is_a_sentence(runs: Path, arguments: list[str], message: str) -> None:
    done = run("compare.py", *(word.format(runs=runs) for word in arguments), status=2)
    assert done.stderr.startswith(message.format(runs=runs)), done.stderr
    assert "Traceback" not in done.stderr
