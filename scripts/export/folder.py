"""Exported folder: model, vocabulary or scalers, a program that predicts; verified against the run.

What a task supplies is a module with `INPUTS`, `OUTPUTS`, `PROGRAM`, `FACTS`, `network`, `shapes`, `fixed_length`,
`inputs`, `padded`, `facts`, `notes` and `write_example`; see `scripts.export.classification`.
"""

from __future__ import annotations

import json
import logging
import runpy
import shlex
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
from scripts.console.program_path import program
from scripts.export import onnx, safetensors, torch_export

FORMATS: dict[str, ModuleType] = {"onnx": onnx, "torch_export": torch_export, "safetensors": safetensors}
EXAMPLES = Path(__file__).parent / "programs"
TOLERANCE = 1e-4  # of scores, scaled loads and log-probabilities, which are of the order of 1 to 10

log = logging.getLogger(__name__)


@dataclass
class Exported:
    """Where it is, how far it is from the run, and how to try it."""

    folder: Path
    example: str
    notes: list[str]
    differences: dict[tuple[int, int], float] = field(default_factory=dict)  # (batch, length) -> largest

    @property
    def worst(self) -> float:
        """The largest difference of all; NaN where one could not be had."""
        return float(np.max(list(self.differences.values())))


def export(
    module: SequenceModule, task: ModuleType, format: str, folder: Path, length: int | None, source: str
) -> Exported:
    """Write the folder and compare what is in it with the module.

    Args:
        module: of a finished run.
        task: what knows its inputs, such as `scripts.export.classification`.
        format: a key of `FORMATS`.
        folder: made if it does not exist; its files are replaced.
        length: of the inputs, where the format cannot take any; the task's own when None.
        source: what export.json says it came from.

    Raises:
        BadInput: a package is missing, or this module cannot be had in this format.
    """
    form = FORMATS[format]
    name = type(module).__name__
    if any(not isinstance(value, Tensor) for value in module.state_dict().values()):
        raise BadInput(f"--format {format}: {name} returns more than tensors, which no format takes")
    for package in form.PACKAGES:
        try:
            version(package)
        except ImportError:
            raise BadInput(f"--format {format} needs {package}: pip install {' '.join(form.PACKAGES)}") from None
    length = length or task.fixed_length(module)
    task_facts = task.facts(module)
    network = task.network(module).eval()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--output {folder}: cannot be made ({error.strerror})") from None
    with _quiet():
        try:
            fixed = form.write(folder, network, module, task, length)
        except Exception as error:
            reason = next(iter(str(error).splitlines()), "")
            raise BadInput(
                f"--format {format}: {name} cannot be exported ({type(error).__name__}: {reason})"
            ) from error
    _write_json(folder / task.FACTS, task_facts)
    shutil.copy(EXAMPLES / f"{format}_network.py", folder / "network.py")
    shutil.copy(EXAMPLES / task.PROGRAM, folder / "predict.py")
    for name, source in getattr(task, "program_files", dict)().items():
        (folder / name).write_text(source, encoding="utf-8")
    facts = {
        "from": source,
        "architecture": name,
        "format": format,
        "fixed_length": length if fixed else None,
        "packages": {package: version(package) for package in ("torch", *form.PACKAGES)},
    }
    _write_json(folder / "export.json", facts)
    example = f"{program('python')} {shlex.quote(str(folder / 'predict.py'))} {task.write_example(module, folder)}"
    notes = task.notes(module)
    if fixed:
        notes.append(f"loops over its steps, so inputs are padded to {length} and none may be longer (--length N)")
    exported = Exported(folder, example, notes)
    exported.differences = _differences(module, task, network, folder, length if fixed else None)
    if not exported.worst <= TOLERANCE:
        raise BadInput(
            f"--format {format}: {name} is not the same there: the largest difference is {exported.worst:.2g}"
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
    for batch_size, length in task.shapes(module, fixed):
        inputs = task.inputs(module, batch_size, length)
        if fixed is not None:  # both are given the padding: some outputs are as long as the input
            inputs = task.padded(inputs, fixed)
        with torch.inference_mode():
            expected = [output.numpy() for output in network(*inputs.values())]
        try:
            outputs = run(**{name: value.numpy() for name, value in inputs.items()})
        except Exception as error:
            log.warning("%s", next(iter(str(error).splitlines()), error))
            outputs = [np.full_like(output, np.nan, dtype=np.float32) for output in expected]
        found[batch_size, length] = float(np.max([_distance(a, e) for a, e in zip(outputs, expected)]))
    return found


def _distance(output: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(output - expected).max()) if output.shape == expected.shape else float("inf")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep exporters from remarking on how they work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
