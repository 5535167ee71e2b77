"""A task that lives outside the project: one folder with its code, one YAML file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from scripts.compare.leaderboard import compare
from scripts.compare.runs import read_runs
from scripts.config import trust
from scripts.predict import command as predict
from scripts.runs.folder import RunFolder
from tests.commands import run

TASK = '''
"""How long is a text?"""

import torch
from torch import nn

from datamodules.batching.batches import TokenBatch
from datamodules.text.spec import LabelledText
from lightning_modules.layers.pooling import Pooling
from lightning_modules.tasks.base import Task
from lightning_modules.tasks.metric_info import MetricInfo


class LengthError(nn.Module):
    INFO = {"length_error": MetricInfo("minimize", headline=True, columns=("error",))}

    def __init__(self):
        super().__init__()
        self.register_buffer("sums", torch.zeros(2))

    def update(self, output, batch):
        self.sums += torch.stack([(output - batch.lengths).abs().sum(), torch.tensor(float(len(output)))])

    def compute(self):
        return {"length_error": (self.sums[0] / self.sums[1]).item()}

    def tables(self):
        return {}

    def figures(self):
        return {}


class Length(Task):
    batch_type = TokenBatch
    input_kinds = frozenset({"steps"})
    spec_classes = (LabelledText,)
    monitor = "length_error"
    mode = "min"

    @property
    def input_size(self):
        return 4

    def build(self, input_kind, encoding_size):
        self.embedding = nn.Embedding(len(self.spec.codec.vocabulary), 4)
        self.pooling = Pooling("auto", encoding_size)
        self.output = nn.Linear(encoding_size, 1)

    def embed(self, batch):
        return self.embedding(batch.tokens)

    def pool(self, encoding):
        return self.pooling(encoding)

    def head(self, encoding, batch):
        return self.output(self.pool(encoding)).squeeze(1).float()

    def loss(self, output, batch):
        return (output - batch.lengths).square().mean()

    def metrics(self):
        return LengthError()

    def columns(self, output, batch):
        error = (output - batch.lengths).abs()
        return {
            "target": batch.lengths.tolist(), "prediction": output.tolist(), "score": (-error).tolist(),
            "error": error.tolist(),
        }
'''

PREDICTOR = """
import torch


def add_options(parser):
    parser.add_argument("--unit", default="characters")


def predict(module, options):
    spec = module.task.spec
    with torch.inference_mode():
        for text in options.inputs:
            print(text, round(module(spec.batch([text])).item()), options.unit)
    return 0
"""


@pytest.fixture(scope="module")
def sweep(names_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes trained for the task, from a folder that the project knows nothing of."""
    folder = tmp_path_factory.mktemp("foreign")
    package = folder / "length_of_text"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "task.py").write_text(TASK)
    (package / "predict.py").write_text(PREDICTOR)
    (folder / "conf" / "task").mkdir(parents=True)
    (folder / "conf" / "task" / "length.yaml").write_text("_target_: length_of_text.task.Length\n")
    known = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    done = run(
        "train.py", "-m", "--config-dir", folder / "conf", "task=length", "module.hidden_size=2,16",
        f"datamodule.data_dir={names_folder}", f"runs_dir={folder / 'runs'}", "trainer.max_epochs=2", "logger=none",
        "datamodule.batch_size=16", "sweep.workers=1", variables={"PYTHONPATH": known},
    )  # fmt: skip
    return Path(done.stdout.strip())


def test_its_metric_is_ranked_the_way_that_it_declares(sweep: Path) -> None:
    (board,) = compare(read_runs([str(sweep)])).leaderboards
    assert (board.metric, board.reported, board.direction) == (
        "val/length_error", "test/length_error", "minimize",
    )  # fmt: skip
    values = [json.loads((row.configuration.runs[0].folder.metrics_file).read_text()) for row in board.rows]
    assert values[0]["val/length_error"] < values[1]["val/length_error"]
    assert board.rows[1].versus_best.covers == ("examples",), "computed from the column that it declares"
    best = (sweep / "experiment" / "best.yaml").read_text()
    assert f"hidden_size: {board.rows[0].configuration.settings['hidden_size']}" in best


def test_it_predicts_with_its_own_module_or_says_that_it_has_none(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = sweep.parents[2] / "length_of_text"
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv(trust.VARIABLE, "")
    folder = next(path.parent for path in sweep.glob("*/metrics.json"))
    monkeypatch.setattr(sys, "argv", ["predict.py", str(folder), "Tanaka"])
    with pytest.raises(BadInput, match=r"it names length_of_text.task.Length, .*; --allow length_of_text if you trust"):
        predict.main()
    monkeypatch.setattr(sys, "argv", ["predict.py", "--allow", "length_of_text", str(folder), "Tanaka"])
    with pytest.raises(BadInput, match=r"task=length_of_text names no predictor; scripts/evaluate\.py"):
        predict.main()
    from length_of_text.task import Length  # type: ignore[import-not-found]

    monkeypatch.setattr(Length, "predictor", "length_of_text.predict")
    monkeypatch.setattr(
        sys, "argv", ["predict.py", "--allow", "length_of_text", "--unit", "letters", str(folder), "Tanaka"]
    )
    assert predict.main() == 0
    text, number, unit = capsys.readouterr().out.split()
    assert (text, unit, number.lstrip("-").isdigit()) == ("Tanaka", "letters", True)
    assert RunFolder(folder).environment()["metrics"]["info"]["length_error"]["direction"] == "minimize"
