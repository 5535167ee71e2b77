"""Checkpoints of every released version still load and answer as they did then.

tests/checkpoints/VERSION holds a tiny one a task, and what it answered.  Before a release, with its version in
datamodules/__init__.py:

python -m tests.test_checkpoints
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import shutil
import tempfile
from pathlib import Path

import pytest
import torch

from datamodules import __version__
from lightning_modules.base import SequenceModule
from lightning_modules.tasks.generation.task import Generation
from lightning_modules.tasks.transduction.task import Transduction
from scripts.predict import transduction
from scripts.predict.inputs import TextReport
from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module
from tests.commands import run
from tests.conftest import NAMES

KEPT = Path(__file__).parent / "checkpoints"
LARGEST = 50_000  # bytes

#: Task -> a run that makes a small checkpoint of it.
RUNS = {
    "classification": ["module=gru", "task.embedding_size=8"],
    "forecasting": ["datamodule=energy", "module=gru", "datamodule.lookback=24", "datamodule.stride=97"],
    "generation": ["module=gru", "task=generation", "task.embedding_size=8"],
    "transduction": ["datamodule=text_pairs", "module=seq2seq", "task.embedding_size=8", "module.attention_size=8"],
    "transcription": ["datamodule=text_lines", "module=gru", "datamodule.rendered_lines=16", "task.feature_size=8"],
}
ALWAYS = ["module.hidden_size=8", "trainer.max_epochs=1", "logger=none", "evaluate=[val]", "trainer.accelerator=cpu"]


def answers(checkpoint: Path, folder: Path) -> list[list[float]]:
    """What a checkpoint's network says to made-up inputs: each output, flat."""
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(checkpoint, folder / "checkpoints" / "best.ckpt")
    module = load_module(RunFolder(folder))
    if isinstance(module.task, (Generation, Transduction)):
        return written(module)
    task = importlib.import_module(module.task.exporter)
    with torch.inference_mode():
        outputs = task.network(module)(*task.inputs(module, *task.shapes(module, None)[1]).values())
    return [output.flatten()[:50].tolist() for output in outputs]


def written(module: SequenceModule) -> list[list[float]]:
    """Scores of the symbols of two names; log-probabilities of what answers them."""
    names = ["Kowalski", "Abe"]
    if isinstance(module.task, Transduction):
        report = TextReport(module.task.spec.source)
        return [[log_prob for _, log_prob in transduction.predictions(module, names, report)]]
    batch = dataclasses.replace(module.task.spec.batch(names), classes=torch.zeros(2, dtype=torch.long))
    with torch.inference_mode():
        return [module(batch).scores.flatten()[:200].tolist()]


@pytest.mark.parametrize("checkpoint", sorted(KEPT.glob("*/*.ckpt")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_it_answers_as_it_did(checkpoint: Path, tmp_path: Path) -> None:
    assert checkpoint.stat().st_size < LARGEST
    expected = json.loads(checkpoint.with_suffix(".json").read_text())
    for answer, then in zip(answers(checkpoint, tmp_path / "run"), expected, strict=True):
        assert answer == pytest.approx(then, rel=1e-4, abs=1e-4)


def test_every_task_that_answers_has_one() -> None:
    assert {path.stem for path in KEPT.glob("*/*.ckpt")} == set(RUNS)


def make() -> None:
    folder = KEPT / __version__
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for label, names in NAMES.items():
            Path(place, f"{label}.txt").write_text("\n".join(names.split()) + "\n", encoding="utf-8")
        for task, overrides in RUNS.items():
            if (folder / f"{task}.ckpt").exists():
                continue  # what was released stays
            data = [f"datamodule.data_dir={place}"] if task in ("classification", "generation") else []
            made = Path(run("train.py", *overrides, *data, *ALWAYS, f"runs_dir={place}/runs").stdout.strip())
            kept = Path(shutil.copy(made / "checkpoints" / "best.ckpt", folder / f"{task}.ckpt"))
            kept.with_suffix(".json").write_text(json.dumps(answers(kept, Path(place, task))) + "\n")


if __name__ == "__main__":
    make()
