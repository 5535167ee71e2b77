"""The exported folder: model, vocabulary, a program that answers; compared with the run before it is done."""

from __future__ import annotations

import json
import logging
import runpy
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from scripts.exporting import onnx, safetensors, torch_export

FORMATS: dict[str, ModuleType] = {"onnx": onnx, "torch_export": torch_export, "safetensors": safetensors}
EXAMPLES = Path(__file__).parent / "examples"
SHAPES = ((1, 1), (3, 7), (17, 20), (64, 32))  # (batch, length) to compare on
TOLERANCE = 1e-4  # of scores, which are of the order of 1 to 10


@dataclass
class Exported:
    """Where it is, how far it is from the run, and how to try it."""

    folder: Path
    example: str
    differences: dict[tuple[int, int], float] = field(default_factory=dict)  # (batch, length) -> largest

    @property
    def worst(self) -> float:
        """The largest difference of all; NaN where one could not be had."""
        return float(np.max(list(self.differences.values())))


def export(module: SequenceModule, task: ModuleType, format: str, folder: Path, length: int, source: str) -> Exported:
    """Write the folder and compare what is in it with the module.

    Args:
        module: of a finished run.
        task: what knows its inputs, such as `scripts.exporting.classification`.
        format: a key of `FORMATS`.
        folder: made if it does not exist; its files are replaced.
        length: steps, where the format cannot take any number of them.
        source: what export.json says it came from.

    Raises:
        BadInput: a package is missing, or this module cannot be had in this format.
    """
    form = FORMATS[format]
    name = type(module).__name__
    if any(not isinstance(value, Tensor) for value in module.state_dict().values()):
        raise BadInput(f"--format {format}: {name} answers with more than tensors, which no format takes")
    for package in form.PACKAGES:
        try:
            version(package)
        except ImportError:
            raise BadInput(f"--format {format} needs {package}: pip install {' '.join(form.PACKAGES)}") from None
    folder.mkdir(parents=True, exist_ok=True)
    network = task.network(module).eval()
    sample = task.inputs(module, 3, 7)
    with _quiet():
        try:
            fixed = form.write(folder, network, module, sample, task.DYNAMIC, task.inputs(module, 3, length))
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "")
            raise BadInput(
                f"--format {format}: {name} cannot be exported ({type(error).__name__}: {reason})"
            ) from error
    _write_json(folder / "vocabulary.json", task.vocabulary(module))
    shutil.copy(EXAMPLES / f"{format}_network.py", folder / "network.py")
    shutil.copy(EXAMPLES / task.EXAMPLE, folder / "predict.py")
    facts = {
        "from": source,
        "architecture": name,
        "format": format,
        "fixed_length": length if fixed else None,
        "packages": {package: version(package) for package in ("torch", *form.PACKAGES)},
    }
    _write_json(folder / "export.json", facts)
    exported = Exported(folder, f"python {folder / 'predict.py'} {task.EXAMPLE_INPUT}")
    exported.differences = _differences(module, task, network, folder, length if fixed else None)
    worst = exported.worst
    if not worst <= TOLERANCE:
        raise BadInput(
            f"--format {format}: {name} is not the same there: the largest difference is {worst:.2g}"
            f" (at most {TOLERANCE:g} is accepted); {folder} is of no use"
        )
    listed = [{"batch": b, "length": n, "largest": d} for (b, n), d in exported.differences.items()]
    _write_json(folder / "export.json", {**facts, "differences": listed})
    return exported


def _differences(
    module: SequenceModule, task: ModuleType, network: torch.nn.Module, folder: Path, fixed: int | None
) -> dict[tuple[int, int], float]:
    """The largest difference between the run and the folder's own `network.py`, for each shape."""
    with _quiet():
        run = runpy.run_path(str(folder / "network.py"))["run"]
    found = {}
    for batch_size, length in SHAPES:
        if fixed is not None:
            length = min(length, fixed)
        inputs = task.inputs(module, batch_size, length)
        with torch.inference_mode():
            expected = network(*inputs.values()).numpy()
        padded = task.padded(inputs, fixed) if fixed is not None else inputs
        try:
            answer = run(**{name: value.numpy() for name, value in padded.items()})
        except Exception as error:
            answer = np.full_like(expected, np.nan)
            logging.getLogger(__name__).warning("%s", next(iter(str(error).splitlines()), error))
        same_shape = answer.shape == expected.shape
        found[batch_size, length] = float(np.abs(answer - expected).max()) if same_shape else float("inf")
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep exporters from remarking on how they work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
