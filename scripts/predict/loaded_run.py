"""Use a finished run from Python.

from scripts.predict.loaded_run import load_run

run = load_run("runs/names/2026-11-25_12-00-00")
run.predict(["Satoshi", "Jackson"])          # a list with what the task predicts for each input
run.embeddings(["Satoshi", "Jackson"])       # (N, H), what the output layer reads
run.module, run.spec                         # the network in evaluation mode, and what it knows of its data
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.errors import BadInput, option_name
from lightning_modules.base import SequenceModule
from scripts.predict import classification, transduction
from scripts.predict.inputs import TextReport
from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module


def load_run(path: str | Path) -> LoadedRun:
    """The best checkpoint of a run folder, on the CPU.

    Raises:
        BadInput: there is no such run, or none of this version.
    """
    return LoadedRun(load_module(RunFolder.existing(str(path))))


class LoadedRun:
    """A network with its task and the spec of its data.

    Args:
        module: in evaluation mode.
    """

    def __init__(self, module: SequenceModule) -> None:
        self.module = module
        self.spec = module.task.spec

    def predict(self, inputs: list[str], top_k: int = 3) -> list[Any]:
        """What the task predicts for each input, or the BadInput that says why there is nothing.

        Texts to classify: the `top_k` classes with their log-probabilities.  Texts to translate: the translations with
        theirs.

        Raises:
            BadInput: the run is of another task; scripts/predict.py predicts with those.
        """
        predictor = self.module.task.predictor
        if predictor == classification.__name__:
            return classification.predictions(self.module, inputs, top_k, TextReport(self.spec.codec))
        if predictor == transduction.__name__:
            return transduction.predictions(self.module, inputs, TextReport(self.spec.source))
        name = option_name(type(self.module.task))
        raise BadInput(f"task={name}: predict takes texts; scripts/predict.py predicts with runs of this task")

    def embeddings(self, inputs: list[str]) -> Tensor:
        """(N, H) float32: for each text the vector that the output layer reads.

        Raises:
            BadInput: the run does not classify texts, or a text has no character that it knows.
        """
        if self.module.task.predictor != classification.__name__ or self.module.input_kind == "batch":
            name = option_name(type(self.module.task))
            raise BadInput(f"task={name}: only a network that classifies texts has one vector for each")
        report = TextReport(self.spec.codec)
        batch = self.spec.batch([report.normalized(text) for text in inputs])
        with torch.inference_mode():
            return self.module.task.pool(self.module.encode_batch(batch)).float()
