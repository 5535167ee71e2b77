"""benchmarks/gpu.py from end to end on a processor, a little of each part; and what README makes of its rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import correctness, gpu, overhead, readme, recording
from datamodules.errors import BadInput


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recording, "RESULTS", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(overhead, "quiet", lambda: None)  # which is for a whole process
    return tmp_path


def measure(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments])
    return gpu.main()


@pytest.mark.filterwarnings("ignore")
def test_every_part_runs_and_is_not_measured_twice(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ["--small", "--results", str(results)]
    parts = ["correctness", "steps", "phases"]
    chosen = [word for part in parts for word in ("--part", part)]
    measure(monkeypatch, *small, *chosen)
    rows = {part: json.loads((results / f"{gpu.result_of(part)}.json").read_text())["rows"] for part in parts}
    checks = {row["what"]: row for row in rows["correctness"]}
    assert [name for name, row in checks.items() if row.get("met") is False] == []
    assert len(checks) == gpu.SMALL.pairs + 3
    (step,) = rows["steps"]
    assert step["fast"] > 0 and step["met"] == (step["fast"] <= 1.10)
    (phases,) = rows["phases"]
    assert min(value for key, value in phases.items() if key.endswith("_ms")) > 0

    before = {path.name: path.read_bytes() for path in results.glob("*.json")}
    measure(monkeypatch, *small, *chosen)
    assert {path.name: path.read_bytes() for path in results.glob("*.json")} == before


@pytest.mark.slow
def test_parts_that_start_processes_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, "--small", "--results", str(results), "--part=packing", "--part=precision")
    (packed,) = json.loads((results / "gpu_packing.json").read_text())["rows"]
    assert packed["jobs"] == 2 and packed["steps_per_second"] > 0
    rows = json.loads((results / "precision_cpu.json").read_text())["rows"]
    assert {row["precision"] for row in rows} == {"float32", "bfloat16"}


def test_when_time_is_over_it_says_what_is_left(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(monkeypatch, "--small", "--results", str(results), "--minutes=-1", "--part=phases", "--part=steps")
    assert "rows still to be measured: phases 1, steps 1; the same command goes on with them" in capsys.readouterr().err
    assert not list(results.glob("*.json"))


def test_a_row_that_fails_is_named_and_the_others_are_measured(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> dict[str, Any]:
        raise RuntimeError("an illegal memory access")

    checks = {"one": breaks, "two": lambda: {"difference": 0.0, "target": 0.0, "met": True}}
    monkeypatch.setattr(correctness, "checks", lambda *_: checks.items())
    assert measure(monkeypatch, "--small", "--results", str(results), "--part=correctness") == 1
    said = capsys.readouterr().err
    assert "an illegal memory access" in said and "correctness: one failed" in said
    assert said.endswith("rows that failed:\ncorrectness: one failed (RuntimeError: an illegal memory access)\n")
    assert [row["what"] for row in recording.recorded_rows("gpu_correctness")] == ["two"]


def test_without_a_gpu_it_says_what_can_be_typed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"no GPU .* --small --results FOLDER"):
        measure(monkeypatch)
    with pytest.raises(BadInput, match=r"--small: .*--results FOLDER"):
        measure(monkeypatch, "--small")


def test_the_tables_of_the_readme_say_what_was_met(results: Path) -> None:
    assert readme.gpu()[2:] == ["| GPU | not measured |  |  |  |"]
    checks = [
        {"what": "gru, names", "difference": 1e-6, "met": True},
        {"what": "several GPUs", "note": "not measured: 1 GPUs here"},
        {"what": "cnn, names", "difference": 0.2, "met": False},
    ]
    recording.record("gpu_correctness", checks)
    step = {"workload": "names_bag", "bare_ms": 0.41, "fast": 1.2, "tutorial": 3.0, "target": 1.1, "met": False}
    recording.record("overhead_gpu", [step])
    epoch = {"row": "LSTM", "epoch_seconds": 2.5, "target": 3.0, "met": True}
    recording.record("energy_tutorial_gpu", [epoch])
    recording.record("gpu_packing", [{"jobs": 4, "mps": True, "steps_per_second": 5000.0}])
    assert readme.gpu()[2:] == [
        "| GPU beside CPU | 2 checks | 1 right, at most 0.2 off | all | cnn, names |",
        "| a step beside the bare loop | `names_bag` | 0.41 ms, train.py 1.20, plain Lightning 3.00 | 1.10 | missed |",
        "| an epoch | LSTM | 2.50 s | 3.0 s | met |",
        "| packing | 4 runs at once, MPS | 5,000 steps a second |  |  |",
    ]
