"""Use a finished run from Python.

from scripts.predict.loaded_run import load_run

run = load_run("runs/names/2026-11-25_12-00-00")
run.predict(["Satoshi", "Jackson"])          # a list with what the task predicts for each input
run.embeddings(["Satoshi", "Jackson"])       # (N, H), a vector for each input
run.module, run.spec                         # the network in evaluation mode, and what it knows of its data
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.errors import BadInput, option_name
from lightning_modules.base import SequenceModule
from scripts.predict.embeddings import Embedded
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

    def predict(self, inputs: list[Any], **options: Any) -> list[Any]:
        """What the task predicts for each input, or the BadInput that says why there is nothing.

        | task | inputs | a prediction | options |
        |---|---|---|---|
        | classification | texts | the classes with their log-probabilities, best first | `top_k=3` |
        | transduction | texts | the target text, and its log-probability | `beam_width` |
        | generation | beginnings of texts | `count` texts each, one after the other | `count=1`, `label`, `seed` ... |
        | transcription | image files, Pillow images, arrays uint8 | `RecognizedLine`: text, confidence, characters |
        `beam_width`, `language_model` |
        | forecasting | files, polars or pandas tables | a polars table with a row a step | `backtest`, `series` |

        Raises:
            BadInput: an option cannot be used, or the task names no predictor.
        """
        return self._predictor("predict_inputs").predict_inputs(self.module, list(inputs), **options)

    def embeddings(self, inputs: list[Any], **options: Any) -> Tensor:
        """(N, H) float32: for each input a vector: what the output layer reads, or else the mean of the states.

        Of an image of several pages each page has one, of a table each series that it holds (its last window, and
        those of `backtest=N` rows before).

        Raises:
            BadInput: an input cannot be read, or the architecture has no states.
        """
        rows = self._predictor("embed").embed(self.module, inputs, **options)
        vectors = [_vector(row) for row in rows]
        return torch.stack(vectors) if vectors else torch.empty(0, self.module.encoding_size)

    def _predictor(self, function: str) -> Any:
        """The module of the task's predictor.

        Raises:
            BadInput: there is none, or it lacks the function.
        """
        name = self.module.task.predictor
        predictor = None if name is None else importlib.import_module(name)
        if predictor is None or not hasattr(predictor, function):
            raise BadInput(f"task={option_name(type(self.module.task))}: its predictor has no function {function}")
        return predictor


def _vector(row: Embedded) -> Tensor:
    name, vector = row
    if isinstance(vector, BadInput):
        raise BadInput(f"{'; '.join(map(str, name.values()))}: {vector}")
    return vector
